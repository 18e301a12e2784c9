#!/bin/bash
# Makes a .deb and an .rpm for each architecture in $ARCHS, in the folder that is given (dist). It takes nothing from
# the network that is in the module cache. The version and the date are git's, unless $VERSION and $SOURCE_DATE_EPOCH
# say otherwise; the same sources and the same two give the same packages, byte for byte.
set -euo pipefail
cd "$(dirname "$0")/.."
umask 022

out=${1:-dist}
archs=${ARCHS:-amd64 arm64}
go=${GO:-go}

if [ -z "${VERSION-}" ] || [ -z "${SOURCE_DATE_EPOCH-}" ]; then
	git rev-parse HEAD >/dev/null || {
		echo "package presenced: this is no git repository: set VERSION and SOURCE_DATE_EPOCH" >&2
		exit 1
	}
fi
export VERSION=${VERSION:-$(packages/version.sh)}
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
export STAGE=$stage
mkdir -p "$out" "$stage"/{man,doc}

build() { # architecture, file
	CGO_ENABLED=0 GOOS=linux GOARCH=$1 "$go" build -trimpath -buildvcs=false \
		-ldflags "-s -w -buildid= -X main.release=$VERSION" -o "$2" ./cmd/presenced
}

# The manual and the completion are the program's own, and the same everywhere.
here=$("$go" env GOHOSTARCH)
build "$here" "$stage/$here/presenced"
"$stage/$here/presenced" man "$stage/man"
for shell in bash zsh fish; do
	"$stage/$here/presenced" completion $shell >"$stage/completion.$shell"
done

# What operators may want to read, or to give to Prometheus and Grafana; links between them lead where they should.
cp -r --parents README.md docs configs/{presenced.toml,prometheus/presenced-alerts.yml,grafana/presenced.json} "$stage/doc/"

maintainer=$(sed -n 's/^maintainer: *//p' packages/nfpm.yaml)
cp CHANGELOG.md "$stage/changelog"
printf 'presenced (%s-1) stable; urgency=medium\n\n  * What changed is in changelog.gz.\n\n -- %s  %s\n' \
	"$VERSION" "$maintainer" "$(LC_ALL=C date -u -d "@$SOURCE_DATE_EPOCH" '+%a, %d %b %Y %T +0000')" >"$stage/changelog.Debian"
gzip -9n "$stage"/man/* "$stage"/changelog*

# The licences of all that is linked ask to be passed on with it.
{
	if [ -f LICENSE ]; then
		cat LICENSE
	else
		echo "presenced is copyright of its authors; its sources state no licence. Ask them before you pass it on."
	fi
	printf '\nThe program contains the Go standard library and the modules named below, unchanged. The source of\neach is had with "go mod download" and its name.\n'
	printf '\n%s\n\nGo %s\n\n' "$(printf '=%.0s' {1..78})" "$("$go" env GOVERSION)"
	cat "$("$go" env GOROOT)/LICENSE"
	CGO_ENABLED=0 GOOS=linux "$go" list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}}@{{.Version}} {{.Dir}}{{end}}{{end}}' ./cmd/presenced |
		LC_ALL=C sort -u | while read -r module dir; do
		printf '\n%s\n\n%s\n\n' "$(printf '=%.0s' {1..78})" "$module"
		texts=("$dir"/LICEN[CS]E* "$dir"/COPYING* "$dir"/NOTICE*)
		found=no
		for text in "${texts[@]}"; do
			if [ -f "$text" ]; then
				cat "$text"
				found=yes
			fi
		done
		[ $found = yes ] || { echo "package presenced: $module has no licence to pass on" >&2; exit 1; }
	done
} >"$stage/copyright"

chmod -R u=rwX,go=rX "$stage" # whatever umask the sources were written with

for arch in $archs; do
	[ "$arch" = "$here" ] || build "$arch" "$stage/$arch/presenced"
	for packager in deb rpm; do
		ARCH=$arch "$go" tool -modfile=tools.mod nfpm package --config packages/nfpm.yaml --packager $packager --target "$out/"
	done
done
