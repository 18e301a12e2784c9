#!/bin/bash
# Makes all that a release consists of, for each architecture in $ARCHS, in the folder that is given (dist): an archive,
# a .deb, an .rpm and an image of each, the image of all as an OCI layout, the bill of materials, release notes and
# checksums. It takes nothing from the network that is in the module cache. The same sources, with the same stamp, give the
# same files, byte for byte. Who builds packages for others says in $MAINTAINER whom to write to ("Ann <ann@example.com>").
# With $AFRESH no package of the program comes from the build cache.
set -euo pipefail
cd "$(dirname "$0")/.."
umask 022

out=${1:-dist}
archs=${ARCHS:-amd64 arm64}
export GO=${GO:-go}
export MAINTAINER=${MAINTAINER:-The presenced authors}

. packages/stamp.sh
# Another toolchain, and what else may be set for Go, would show in the program.
export GOTOOLCHAIN=${GOTOOLCHAIN:-$(awk '$1 == "toolchain" { print $2 }' go.mod)}
export GOFLAGS=-buildvcs=false GOAMD64=v1 GOARM64=v8.0 GOFIPS140=off GOEXPERIMENT=''

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
export STAGE=$stage
mkdir -p "$out" "$stage"/{man,doc,image}
out=$(cd "$out" && pwd)
name=presenced-$VERSION

build() { # architecture
	CGO_ENABLED=0 GOOS=linux GOARCH=$1 "$GO" build ${AFRESH:+-a} -trimpath \
		-ldflags "-s -w -buildid= -X github.com/presenced/presenced/internal/daemon.release=$VERSION" -o "$stage/$1/presenced" ./cmd/presenced
}

archive() { # file, folder, what is in it
	tar --create --file "$1" --directory "$2" --sort=name --format=posix --pax-option=delete=atime,delete=ctime \
		--mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX "${@:3}"
}

here=$("$GO" env GOHOSTARCH)
for arch in $archs; do
	build "$arch"
done
[ -e "$stage/$here/presenced" ] || build "$here"
"$GO" build -C packages/release -o "$stage/release" .

# The manual and the completion are the program's own, and the same everywhere.
"$stage/$here/presenced" man "$stage/man"
for shell in bash zsh fish; do
	"$stage/$here/presenced" completion $shell >"$stage/completion.$shell"
done

# What operators may want to read, or to give to Prometheus, Grafana and Ansible; links between them lead where they should.
cp -r --parents LICENSE README.md CONTRIBUTING.md SECURITY.md docs configs/{presenced.toml,prometheus/presenced-alerts.yml,grafana/presenced.json,ansible} "$stage/doc/"
"$stage/release" copyright >"$stage/copyright"
cp CHANGELOG.md "$stage/changelog"
contact=$MAINTAINER
[[ $contact = *"<"*">" ]] || contact+=" <>" # which the form of the file asks for
printf 'presenced (%s-1) stable; urgency=medium\n\n  * What changed is in changelog.gz.\n\n -- %s  %s\n' \
	"$VERSION" "$contact" "$(LC_ALL=C date -u -d "@$SOURCE_DATE_EPOCH" '+%a, %d %b %Y %T +0000')" >"$stage/changelog.Debian"
gzip -9n "$stage"/man/* "$stage"/changelog*
chmod -R u=rwX,go=rX "$stage" # whatever umask the sources were written with

for arch in $archs; do
	# For machines without a package manager: what docs/quickstart.md installs by hand.
	tree=$stage/archive/$name-linux-$arch
	mkdir -p "$tree"
	cp -r "$stage/$arch/presenced" "$stage/copyright" "$stage/man" "$stage"/doc/* "$stage"/completion.* systemd "$tree/"
	rm "$tree"/systemd/*.go
	archive - "$stage/archive" "$name-linux-$arch" | gzip -9n >"$out/$name-linux-$arch.tar.gz"
	for packager in deb rpm; do
		ARCH=$arch "$GO" tool -modfile=tools.mod nfpm package --config packages/nfpm.yaml --packager $packager --target "$out/"
	done
done

"$stage/release" image "$VERSION" "$stage" "$stage/image" "$archs"
archive "$out/$name-oci.tar" "$stage/image/layout" blobs index.json oci-layout
for arch in $archs; do
	mv "$stage/image/$arch.tar" "$out/$name-docker-$arch.tar"
done

"$stage/release" sbom "$VERSION" >"$out/$name.cdx.json"
packages/notes.sh "$VERSION" >"$out/$name-notes.md"
(cd "$out" && LC_ALL=C && sha256sum -- *"$VERSION"* >SHA256SUMS)
