#!/bin/bash
# kernel.sh DIR: makes DIR/linux, a user-mode Linux whose radios are simulated (mac80211_hwsim) and whose time can be virtual, of
# Debian's kernel source and kernel.config. That takes about four minutes of processor time and 1.6 GB meanwhile; 8 MB are kept.
set -euo pipefail
cd "$(dirname "$0")"
config=$PWD/kernel.config
mkdir -p "$1"
kept=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
source=$(apt-cache depends linux-source | sed -n 's/^ *Depends: \(linux-source-.*\)/\1/p')
[ -n "$source" ] || { echo "apt knows of no linux-source: apt-get update" >&2; exit 1; }
apt-get download -q "$source"
dpkg-deb --fsys-tarfile "$source"_*.deb | tar x --wildcards --strip-components=3 './usr/src/*.tar.xz'
mkdir tree
tar xf "$source.tar.xz" -C tree --strip-components=1
cd tree
make -s ARCH=um KCONFIG_ALLCONFIG="$config" allnoconfig
for option in MAC80211_HWSIM UML_TIME_TRAVEL_SUPPORT HOSTFS DEBUG_FS NET_NS VETH BRIDGE PACKET; do
	grep -q "^CONFIG_$option=y$" .config || { echo "this kernel has no $option" >&2; exit 1; }
done
make -s ARCH=um -j"$(nproc)" linux
mv linux "$kept/linux.new"
mv "$kept/linux.new" "$kept/linux"
