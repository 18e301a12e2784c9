#!/bin/bash
# Makes a release in the folder that is given (dist), and ends with a table of what it made. It audits, which fills the
# module cache, and builds twice with nothing but that: the second time from a copy of the sources elsewhere, and with every
# package compiled again. Two that differ are no release. What is set for build.sh, audit.sh and sign.sh holds.
set -euo pipefail
cd "$(dirname "$0")/.."

out=${1:-dist}
. packages/stamp.sh

packages/audit.sh
export GOPROXY=off
rm -rf "$out"
packages/build.sh "$out"

again=$(mktemp -d)
trap 'rm -rf "$again"' EXIT
mkdir "$again/sources"
tar --exclude-vcs --exclude "./$out" --create . | tar --directory "$again/sources" --extract
AFRESH=yes "$again/sources/packages/build.sh" "$again/dist"
diff --recursive "$out" "$again/dist" # says which differ
echo "built twice, and the same"

packages/sign.sh "$out"
printf '\n%8s  %s\n' size file
(cd "$out" && du --apparent-size --si --total -- * | awk -F '\t' '{ printf "%8s  %s\n", $1, $2 }')
