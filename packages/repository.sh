#!/bin/bash
# Adds the packages in a folder (dist) to a repository for apt and one for dnf, signed with a key of gpg's:
#
#     packages/repository.sh dist /srv/presenced KEY
#
# What is to be served is in /srv/presenced/apt and /srv/presenced/rpm, the public key there as presenced.asc;
# /srv/presenced/state is this script's own. apt has the newest version, dnf all that were ever added. The .rpm files are
# signed too, as dnf wants it, and so are no longer those that SHA256SUMS knows.
set -euo pipefail

from=$1 to=$2
key=$(gpg --batch --with-colons --list-secret-keys "$3" | awk -F: '$1 == "fpr" { print $10; exit }') # one word, and one key
mkdir -p "$to"/{apt,rpm,state}
to=$(cd "$to" && pwd)

mkdir -p "$to/state/conf"
cat >"$to/state/conf/distributions" <<END
Origin: presenced
Label: presenced
Codename: stable
Architectures: amd64 arm64
Components: main
Description: RADIUS accounting to Kadence check-ins
SignWith: $key
END
for deb in "$from"/*.deb; do
	reprepro --silent --basedir "$to/state" --outdir "$to/apt" includedeb stable "$deb"
done

for rpm in "$from"/*.rpm; do
	cp "$rpm" "$to/state/"
	rpmsign --define "__gpg $(command -v gpg)" --define "_gpg_name $key" --addsign "$to/state/${rpm##*/}" >/dev/null
	mv "$to/state/${rpm##*/}" "$to/rpm/"
done
createrepo_c --quiet --update "$to/rpm"
rm -f "$to/rpm/repodata/repomd.xml.asc"
gpg --batch --local-user "$key" --armor --detach-sign "$to/rpm/repodata/repomd.xml"

for kind in apt rpm; do
	gpg --batch --armor --export "$key" >"$to/$kind/presenced.asc"
done
