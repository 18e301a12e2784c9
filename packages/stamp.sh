#!/bin/bash
# Sets what a build is stamped with, for the scripts that source this: $VERSION and $SOURCE_DATE_EPOCH are git's, unless they
# are set already.
set -euo pipefail

if [ -z "${VERSION-}" ] || [ -z "${SOURCE_DATE_EPOCH-}" ]; then
	git rev-parse HEAD >/dev/null || {
		echo "build presenced: there is no git to ask: set VERSION and SOURCE_DATE_EPOCH" >&2
		exit 1
	}
	[ -n "${VERSION-}" ] || VERSION=$(packages/version.sh)
	[ -n "${SOURCE_DATE_EPOCH-}" ] || SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
fi
export VERSION SOURCE_DATE_EPOCH
