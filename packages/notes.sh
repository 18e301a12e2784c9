#!/bin/bash
# The release notes of a version: its section of CHANGELOG.md. A version that is no release has
# what is not released yet; a release that the changelog does not know is a mistake.
set -euo pipefail
cd "$(dirname "$0")/.."

version=$1
case $version in
*[+~]* | *.changed) title=Unreleased ;;
*) title=$version ;;
esac
notes=$(awk -v title="$title" '/^## / { mine = $2 == title; next } mine' CHANGELOG.md)
if [ -z "$notes" ]; then
	echo "write release notes: CHANGELOG.md has no section $title" >&2
	exit 1
fi

printf '# presenced %s\n%s\n' "$version" "$notes"
