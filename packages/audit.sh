#!/bin/bash
# Says what is known against what a release is built from: nothing, or it fails. The modules of the program, of the tools and
# of packages/release have to be what go.sum says; they are fetched first, if they are not in the module cache. And no known
# vulnerability may be called: Go's database, at $GOVULNDB, tells. Where it is not to be had, that check is skipped,
# and says so.
set -euo pipefail
cd "$(dirname "$0")/.."

go=${GO:-go}
# "go mod verify" passes over what the cache lacks, and so is all content with an empty one.
for arch in amd64 arm64; do
	CGO_ENABLED=0 GOOS=linux GOARCH=$arch "$go" list -deps ./cmd/presenced >/dev/null
done
"$go" list -modfile=tools.mod -deps tool >/dev/null
"$go" -C packages/release list -deps . >/dev/null
"$go" -C internal/rigs/etcd list -deps -test ./... >/dev/null
"$go" mod verify
"$go" mod verify -modfile=tools.mod
"$go" -C packages/release mod verify
"$go" -C internal/rigs/etcd mod verify

database=${GOVULNDB:-https://vuln.go.dev}
# A database that knows nothing finds nothing. Go's own always knows of the standard library.
if ! known=$(curl --fail --silent --show-error --location --max-time 60 "$database/index/modules.json" 2>&1); then
	echo "SKIPPED, known vulnerabilities are not looked for: $database: $known" >&2
elif ! grep -q '"path": *"stdlib"' <<<"$known"; then
	echo "look for known vulnerabilities: $database is no database of Go's: it does not know of stdlib" >&2
	exit 1
else
	"$go" tool -modfile=tools.mod govulncheck -db "$database" ./cmd/presenced
fi
