#!/bin/bash
# Signs the checksums in a folder with minisign: $MINISIGN_KEY is the file of a secret key, outside the sources, with its
# public key beside it as .pub. Without one the release is unsigned, and has a file that says so.
set -euo pipefail
sources=$(cd "$(dirname "$0")/.." && pwd -P)
key=${MINISIGN_KEY:+$(realpath "$MINISIGN_KEY")}
cd "$1"

rm -f SHA256SUMS.minisig UNSIGNED
if [ -z "$key" ]; then
	echo "This release is UNSIGNED: its checksums tell what was damaged, and not what was forged." | tee UNSIGNED
	exit 0
fi
if [[ $key = "$sources"/* ]]; then
	echo "sign the release: $key is among the sources: whoever gets them could sign" >&2
	exit 1
fi
bill=$(echo *.cdx.json)
version=${bill#presenced-}
minisign -S -s "$key" -t "presenced ${version%.cdx.json}" -m SHA256SUMS
minisign -V -q -p "${key%.key}.pub" -m SHA256SUMS
