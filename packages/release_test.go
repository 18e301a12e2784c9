package packages

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/x509"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// member is a file in a tar archive.
type member struct {
	*tar.Header
	text []byte
}

// archive reads a tar archive; a folder's name ends without a slash.
func archive(t *testing.T, r io.Reader) map[string]member {
	t.Helper()
	all := map[string]member{}
	for r := tar.NewReader(r); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(header.Name, "/")] = member{header, text}
	}
}

func open(t *testing.T, file string) *os.File {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func unzip(t *testing.T, r io.Reader) io.Reader {
	t.Helper()
	plain, err := gzip.NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func decode(t *testing.T, text []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%v in %.200s", err, text)
	}
}

// descriptor is how OCI names a blob.
type descriptor struct {
	MediaType, Digest string
	Size              int
	Annotations       map[string]string
	Platform          struct{ OS, Architecture string }
}

// imageConfig is an image's configuration, as far as it matters here.
type imageConfig struct {
	OS, Architecture, Created string
	Config                    struct {
		User                   string
		Env, Entrypoint, Cmd   []string
		Labels                 map[string]string
		ExposedPorts, Volumes  map[string]any
		WorkingDir, StopSignal string
		Healthcheck            struct{ Test []string }
	}
}

// images returns the configuration and the files of each architecture's image
// in the layout, each blob being held against its digest.
func images(t *testing.T) (configs map[string]imageConfig, files map[string]map[string]member, tag string) {
	t.Helper()
	blobs := archive(t, open(t, one(t, folder(t, first), "*-oci.tar")))
	blob := func(d descriptor) []byte {
		algorithm, digest, _ := strings.Cut(d.Digest, ":")
		text := blobs["blobs/"+algorithm+"/"+digest].text
		if is := sha256.Sum256(text); hex.EncodeToString(is[:]) != digest || len(text) != d.Size {
			t.Fatalf("the blob %s is another, of %d octets", d.Digest, len(text))
		}
		return text
	}
	var layout struct{ ImageLayoutVersion string }
	decode(t, blobs["oci-layout"].text, &layout)
	var top, index struct{ Manifests []descriptor }
	decode(t, blobs["index.json"].text, &top)
	if layout.ImageLayoutVersion != "1.0.0" || len(top.Manifests) != 1 {
		t.Fatalf("layout %s has %d images, want one for all architectures", layout.ImageLayoutVersion, len(top.Manifests))
	}
	decode(t, blob(top.Manifests[0]), &index)
	configs, files = map[string]imageConfig{}, map[string]map[string]member{}
	for _, d := range index.Manifests {
		var manifest struct {
			Config descriptor
			Layers []descriptor
		}
		decode(t, blob(d), &manifest)
		var config imageConfig
		decode(t, blob(manifest.Config), &config)
		if config.Architecture != d.Platform.Architecture || config.OS != d.Platform.OS || len(manifest.Layers) != 1 {
			t.Errorf("for %v there is an image for %s/%s with %d layers", d.Platform, config.OS, config.Architecture, len(manifest.Layers))
		}
		configs[config.Architecture] = config
		files[config.Architecture] = archive(t, unzip(t, bytes.NewReader(blob(manifest.Layers[0]))))
	}
	return configs, files, top.Manifests[0].Annotations["org.opencontainers.image.ref.name"]
}

// TestImageHasWhatTheProgramNeedsAndNoMore: for each architecture, the program
// of its packages, run as nobody in particular.
func TestImageHasWhatTheProgramNeedsAndNoMore(t *testing.T) {
	configs, files, _ := images(t)
	if len(configs) != len(strings.Fields(both)) {
		t.Errorf("there are images for %d architectures", len(configs))
	}
	want := []string{ // mode, owner, name
		"755 0 etc", "644 0 etc/group", "644 0 etc/passwd", "755 0 etc/presenced", "755 0 etc/ssl", "755 0 etc/ssl/certs",
		"644 0 etc/ssl/certs/ca-certificates.crt", "755 0 run", "1777 10001 run/presenced", "755 0 run/secrets", "1777 0 tmp", "755 0 usr",
		"755 0 usr/bin", "755 0 usr/bin/presenced", "755 0 usr/share", "755 0 usr/share/doc", "755 0 usr/share/doc/presenced",
		"644 0 usr/share/doc/presenced/copyright", "755 0 var", "755 0 var/lib", "700 10001 var/lib/presenced",
	}
	for arch, config := range configs {
		var is []string
		for name, f := range files[arch] {
			is = append(is, fmt.Sprintf("%o %d %s", f.Mode, f.Uid, name))
			if f.ModTime.Unix() != 1767225600 || f.Uid != f.Gid {
				t.Errorf("%s: %s is of %v and the group %d", arch, name, f.ModTime, f.Gid)
			}
		}
		slices.SortFunc(is, func(a, b string) int {
			return strings.Compare(a[strings.LastIndex(a, " "):], b[strings.LastIndex(b, " "):])
		})
		if !slices.Equal(is, want) {
			t.Errorf("%s has\n%s\nwant\n%s", arch, strings.Join(is, "\n"), strings.Join(want, "\n"))
		}
		deb := one(t, folder(t, first), "*_"+arch+".deb")
		if !bytes.Equal(files[arch]["usr/bin/presenced"].text, file(t, deb, "./usr/bin/presenced")) {
			t.Errorf("%s: the program is not the package's", arch)
		}
		if c := config.Config; c.User != "10001:10001" || !slices.Equal(c.Entrypoint, []string{"/usr/bin/presenced"}) ||
			!slices.Equal(c.Cmd, []string{"serve"}) || c.StopSignal != "SIGTERM" || c.Labels["org.opencontainers.image.licenses"] != "Apache-2.0" ||
			!slices.Equal(c.Healthcheck.Test, []string{"CMD", "/usr/bin/presenced", "status", "--quiet"}) ||
			c.Volumes["/var/lib/presenced"] == nil || c.ExposedPorts["1813/udp"] == nil || !slices.Contains(c.Env, "CREDENTIALS_DIRECTORY=/run/secrets") {
			t.Errorf("%s is run as %+v", arch, c)
		}
		roots := 0
		for rest := files[arch]["etc/ssl/certs/ca-certificates.crt"].text; ; roots++ {
			var block *pem.Block
			if block, rest = pem.Decode(rest); block == nil {
				break
			}
			if _, err := x509.ParseCertificate(block.Bytes); err != nil {
				t.Errorf("%s: certificate %d: %v", arch, roots, err)
			}
		}
		if roots < 50 {
			t.Errorf("%s trusts %d authorities", arch, roots)
		}
	}
}

// TestDockerTakesTheSameImage: the archive for docker load has the layer and
// the configuration that the layout has.
func TestDockerTakesTheSameImage(t *testing.T) {
	blobs := archive(t, open(t, one(t, folder(t, first), "*-oci.tar")))
	for _, arch := range strings.Fields(both) {
		files := archive(t, open(t, one(t, folder(t, first), "*-docker-"+arch+".tar")))
		var manifest []struct {
			Config           string
			RepoTags, Layers []string
		}
		decode(t, files["manifest.json"].text, &manifest)
		if len(manifest) != 1 || !slices.Equal(manifest[0].RepoTags, []string{"presenced:1.0.0"}) || len(manifest[0].Layers) != 1 {
			t.Fatalf("%s: %+v", arch, manifest)
		}
		digest := strings.TrimPrefix(manifest[0].Config, "sha256:")
		layer := strings.TrimSuffix(manifest[0].Layers[0], ".tar.gz")
		if !bytes.Equal(files[manifest[0].Config].text, blobs["blobs/sha256/"+digest].text) || len(files[manifest[0].Config].text) == 0 ||
			!bytes.Equal(files[manifest[0].Layers[0]].text, blobs["blobs/sha256/"+layer].text) || len(layer) == 0 {
			t.Errorf("%s: not the image of the layout: %+v", arch, manifest)
		}
	}
}

// TestArchiveInstallsByHand has what docs/quickstart.md installs without
// packages.
func TestArchiveInstallsByHand(t *testing.T) {
	for _, arch := range strings.Fields(both) {
		files := archive(t, unzip(t, open(t, one(t, folder(t, first), "*-linux-"+arch+".tar.gz"))))
		top := "presenced-1.0.0-linux-" + arch
		for name, mode := range map[string]int64{
			"": 0o755, "/presenced": 0o755, "/LICENSE": 0o644, "/copyright": 0o644, "/configs/presenced.toml": 0o644, "/docs/quickstart.md": 0o644,
			"/systemd/presenced.service": 0o644, "/systemd/presenced.socket": 0o644, "/systemd/presenced.sysusers": 0o644,
			"/man/presenced.1.gz": 0o644, "/completion.bash": 0o644,
		} {
			f, ok := files[top+name]
			if !ok || f.Mode != mode || f.Uid != 0 || f.Uname != "" || f.ModTime.Unix() != 1767225600 {
				t.Errorf("%s%s: %+v", top, name, f.Header)
			}
		}
		for name := range files {
			if !strings.HasPrefix(name, top) || strings.HasSuffix(name, ".go") {
				t.Errorf("%s is in it", name)
			}
		}
		if !bytes.Equal(files[top+"/presenced"].text, file(t, one(t, folder(t, first), "*_"+arch+".deb"), "./usr/bin/presenced")) {
			t.Errorf("%s: the program is not the package's", arch)
		}
	}
}

// TestChecksumsAreOfEveryFile: and are right.
func TestChecksumsAreOfEveryFile(t *testing.T) {
	dir := folder(t, first)
	text, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]string{}
	for line := range strings.Lines(string(text)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		sums[name] = sum
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Name() == "SHA256SUMS" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if is := sha256.Sum256(text); sums[f.Name()] != hex.EncodeToString(is[:]) {
			t.Errorf("%s: the checksum is %q", f.Name(), sums[f.Name()])
		}
		delete(sums, f.Name())
	}
	if len(sums) != 0 || len(files) != 12 { // archive, .deb, .rpm and image of two, layout, bill of materials, notes, checksums
		t.Errorf("%d files, and checksums of others: %v", len(files), sums)
	}
}

// bill is a bill of materials in CycloneDX, as far as it matters here.
type bill struct {
	BomFormat, SpecVersion string
	Metadata               struct {
		Timestamp string
		Component part
	}
	Components   []part
	Dependencies []struct {
		Ref       string
		DependsOn []string
	}
}

type part struct {
	Ref           string `json:"bom-ref"`
	Type, Name    string
	Version, Purl string
	Licenses      []struct{ Expression string }
}

// TestBillOfMaterialsIsComplete: it names each module that the program says it
// was built from, in that version, which go.mod requires; with its licence, and
// with a way to it from the program. It names nothing else but the standard
// library and the image's certificates.
func TestBillOfMaterialsIsComplete(t *testing.T) {
	text, err := os.ReadFile(one(t, folder(t, first), "*.cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	var b bill
	decode(t, text, &b)
	if b.BomFormat != "CycloneDX" || b.Metadata.Component.Version != "1.0.0" || b.Metadata.Timestamp != "2026-01-01T00:00:00Z" ||
		b.Metadata.Component.Licenses[0].Expression != "Apache-2.0" {
		t.Errorf("it is of %+v", b.Metadata)
	}
	var required struct {
		Require []struct{ Path, Version string }
	}
	decode(t, []byte(run(t, "go", "mod", "edit", "-json", "../go.mod")), &required)
	versions := map[string]string{}
	for _, r := range required.Require {
		versions[r.Path] = r.Version
	}
	parts := map[string]part{}
	for _, c := range b.Components {
		parts[c.Name] = c
		if len(c.Licenses) != 1 || c.Licenses[0].Expression == "" || c.Version == "" || c.Purl == "" {
			t.Errorf("of %s not all is said: %+v", c.Name, c)
		}
	}
	linked := map[string]bool{"std": true, "Mozilla's certificates of authorities": true}
	for _, arch := range strings.Fields(both) {
		deb := one(t, folder(t, first), "*_"+arch+".deb")
		info, err := buildinfo.Read(bytes.NewReader(file(t, deb, "./usr/bin/presenced")))
		if err != nil {
			t.Fatal(err)
		}
		if std := parts["std"].Version; "go"+std != info.GoVersion {
			t.Errorf("the standard library is %s, and the program's of %s", std, info.GoVersion)
		}
		for _, m := range info.Deps {
			linked[m.Path] = true
			if parts[m.Path].Version != m.Version || versions[m.Path] != m.Version {
				t.Errorf("%s is linked in %s, listed in %q and required in %q", m.Path, m.Version, parts[m.Path].Version, versions[m.Path])
			}
		}
	}
	needs := map[string][]string{}
	for _, d := range b.Dependencies {
		needs[d.Ref] = d.DependsOn
	}
	reached := map[string]bool{}
	var walk func(string)
	walk = func(ref string) {
		if !reached[ref] {
			reached[ref] = true
			for _, next := range needs[ref] {
				walk(next)
			}
		}
	}
	walk(b.Metadata.Component.Ref)
	for name, p := range parts {
		if !linked[name] {
			t.Errorf("%s is listed and not linked", name)
		}
		if !reached[p.Ref] && p.Type == "library" {
			t.Errorf("nothing leads to %s", name)
		}
	}
}

// TestLicencesOfWhatIsLinked: docs/licences.md is what the texts of the modules
// say. A new module, or another licence, is a line to look at in review.
func TestLicencesOfWhatIsLinked(t *testing.T) {
	if unmade != "" {
		t.Skip("SKIPPED, the licences are not looked at: ", unmade)
	}
	was, err := os.ReadFile("../docs/licences.md")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(tool, "licences")
	cmd.Dir = ".."
	is, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(was, is) {
		t.Errorf("docs/licences.md is not what `make licences` writes:\n%s", is)
	}
}

// TestOneVersionEverywhere: in names, in what the packages, the image and the
// bill of materials say of themselves, in the notes, and from the program.
func TestOneVersionEverywhere(t *testing.T) {
	dir := folder(t, first)
	configs, _, tag := images(t)
	said := map[string]string{"the image's tag": tag}
	for arch, config := range configs {
		said["the image for "+arch] = config.Config.Labels["org.opencontainers.image.version"]
	}
	for _, arch := range strings.Fields(both) {
		said["the .deb for "+arch] = strings.TrimSuffix(strings.TrimSpace(run(t, "dpkg-deb", "--field", one(t, dir, "*_"+arch+".deb"), "Version")), "-1")
		said["the .rpm for "+arch] = run(t, "rpm", "-qp", "--qf", "%{VERSION}", one(t, dir, "*."+machines[arch]+".rpm"))
		text := file(t, one(t, dir, "*_"+arch+".deb"), "./usr/bin/presenced")
		program := filepath.Join(t.TempDir(), "presenced")
		if err := os.WriteFile(program, text, 0o755); err != nil {
			t.Fatal(err)
		}
		if arch == runtime.GOARCH {
			said["the program for "+arch] = strings.Fields(run(t, program, "version"))[1]
		}
	}
	notes, err := os.ReadFile(one(t, dir, "*-notes.md"))
	if err != nil {
		t.Fatal(err)
	}
	title, rest, _ := strings.Cut(string(notes), "\n")
	said["the notes"] = strings.TrimPrefix(title, "# presenced ")
	if !strings.Contains(rest, "presenced serve") || strings.Contains(rest, "\n## 1.0.0") {
		t.Errorf("the notes are\n%s", notes)
	}
	for what, version := range said {
		if version != "1.0.0" {
			t.Errorf("%s is %q", what, version)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Name() != "SHA256SUMS" && !strings.Contains(f.Name(), "1.0.0") {
			t.Errorf("%s names no version", f.Name())
		}
	}
}

// TestNoReleaseWithoutNotes: the version of a tag has to be in the changelog,
// and what is no release has what is to come.
func TestNoReleaseWithoutNotes(t *testing.T) {
	if out, err := exec.Command("./notes.sh", "77.7.7").CombinedOutput(); err == nil || !strings.Contains(string(out), "no section 77.7.7") {
		t.Errorf("the notes of a release that nobody wrote of: %v\n%s", err, out)
	}
	run(t, "./notes.sh", "1.2.3+4.g0123456")
}

// TestNobodysAddressIsMadeUp: the packages name whom to write to if whoever
// built them said so, and else nobody.
func TestNobodysAddressIsMadeUp(t *testing.T) {
	dir := folder(t, first)
	deb := run(t, "dpkg-deb", "--field", one(t, dir, "*_amd64.deb"), "Maintainer")
	rpm := run(t, "rpm", "-qp", "--qf", "%{PACKAGER}", one(t, dir, "*.x86_64.rpm"))
	for _, is := range []string{strings.TrimSpace(deb), rpm} {
		if is != "The presenced authors" {
			t.Errorf("the maintainer is %q", is)
		}
	}
}
