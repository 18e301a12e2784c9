package packages

import (
	"archive/tar"
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSameSourcesGiveTheSamePackages: wherever they are, and whatever the
// clock and the modes of the files say. There is no network, and the module
// cache is all there is to make them from. What is of one architecture has to
// be the same whatever else is made with it.
func TestSameSourcesGiveTheSamePackages(t *testing.T) {
	a, b := folder(t, first), folder(t, second)
	files, err := os.ReadDir(b)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 8 { // archive, .deb, .rpm, image; layout, bill of materials, notes, checksums
		t.Errorf("%d files are made for one architecture: %v", len(files), files)
	}
	for _, file := range files {
		if file.Name() == "SHA256SUMS" || strings.HasSuffix(file.Name(), "-oci.tar") { // of all architectures
			continue
		}
		was, err := os.ReadFile(filepath.Join(a, file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		is, err := os.ReadFile(filepath.Join(b, file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(was, is) {
			t.Errorf("%s is not made the same twice", file.Name())
		}
	}
}

// want are the files that matter and how they are listed; what else there is
// belongs to root and is read by all.
var want = map[string]string{
	"/usr/bin/presenced":                                               "-rwxr-xr-x root/root",
	"/etc/presenced":                                                   "drwxr-xr-x root/root",
	"/etc/presenced/presenced.toml":                                    "-rw-r----- root/presenced",
	"/etc/presenced/secrets":                                           "drwx------ root/root",
	"/usr/lib/systemd/system/presenced.service":                        "-rw-r--r-- root/root",
	"/usr/lib/systemd/system/presenced.socket":                         "-rw-r--r-- root/root",
	"/usr/lib/systemd/system/presenced-radsec.socket":                  "-rw-r--r-- root/root",
	"/usr/lib/systemd/system/presenced-maintain.service":               "-rw-r--r-- root/root",
	"/usr/lib/systemd/system/presenced-maintain.timer":                 "-rw-r--r-- root/root",
	"/usr/lib/sysusers.d/presenced.conf":                               "-rw-r--r-- root/root",
	"/usr/share/bash-completion/completions/presenced":                 "-rw-r--r-- root/root",
	"/usr/share/fish/vendor_completions.d/presenced.fish":              "-rw-r--r-- root/root",
	"/usr/share/man/man1/presenced.1.gz":                               "-rw-r--r-- root/root",
	"/usr/share/man/man1/presenced-check.1.gz":                         "-rw-r--r-- root/root",
	"/usr/share/doc/presenced/changelog.gz":                            "-rw-r--r-- root/root",
	"/usr/share/doc/presenced/README.md":                               "-rw-r--r-- root/root",
	"/usr/share/doc/presenced/docs/quickstart.md":                      "-rw-r--r-- root/root",
	"/usr/share/doc/presenced/configs/grafana/presenced.json":          "-rw-r--r-- root/root",
	"/usr/share/doc/presenced/configs/prometheus/presenced-alerts.yml": "-rw-r--r-- root/root",
}

// compare holds what a package lists, mode and owner by path, against want and
// some more files.
func compare(t *testing.T, listed map[string]string, more ...string) {
	t.Helper()
	all := map[string]string{}
	for path, mode := range want {
		all[path] = mode
	}
	for _, path := range more {
		all[path] = "-rw-r--r-- root/root"
	}
	for path, mode := range all {
		if listed[path] != mode {
			t.Errorf("%s is %q, want %q", path, listed[path], mode)
		}
	}
	for path, mode := range listed {
		if all[path] == "" && mode != "-rw-r--r-- root/root" && mode != "drwxr-xr-x root/root" {
			t.Errorf("%s is %q, for no reason known here", path, mode)
		}
		if strings.HasPrefix(path, "/etc/") && all[path] == "" {
			t.Errorf("%s is in the operator's /etc", path)
		}
	}
}

func TestDeb(t *testing.T) {
	for _, arch := range strings.Fields(both) {
		deb := one(t, folder(t, first), "presenced_1.0.0-1_"+arch+".deb")
		listed := map[string]string{}
		for line := range strings.Lines(run(t, "dpkg-deb", "--contents", deb)) {
			f := strings.Fields(line)
			listed[strings.TrimSuffix(f[5][1:], "/")] = f[0] + " " + f[1]
		}
		compare(t, listed, "/usr/share/doc/presenced/copyright", "/usr/share/doc/presenced/changelog.Debian.gz",
			"/usr/share/zsh/vendor-completions/_presenced")
		if is := run(t, "dpkg-deb", "--info", deb, "conffiles"); is != "/etc/presenced/presenced.toml\n" {
			t.Errorf("conffiles are %q", is)
		}
		for field, is := range map[string]string{
			"Package": "presenced", "Version": "1.0.0-1", "Architecture": arch, "Depends": "systemd (>= 247), ca-certificates",
		} {
			if got := strings.TrimSpace(run(t, "dpkg-deb", "--field", deb, field)); got != is {
				t.Errorf("%s is %q, want %q", field, got, is)
			}
		}
	}
}

// TestDebIsCleanToLintian: what is overridden has its reason in the overrides.
func TestDebIsCleanToLintian(t *testing.T) {
	deb := one(t, folder(t, first), "*_amd64.deb")
	if said := run(t, "lintian", "--allow-root", "--fail-on", "error,warning", deb); strings.TrimSpace(said) != "" {
		t.Errorf("lintian says:\n%s", said)
	}
}

func TestRPM(t *testing.T) {
	for arch, named := range machines {
		rpm := one(t, folder(t, first), "presenced-1.0.0-1."+named+".rpm")
		listed := map[string]string{}
		for line := range strings.Lines(run(t, "rpm", "-qp", "--qf", "[%{FILENAMES} %{FILEMODES:perms} %{FILEUSERNAME}/%{FILEGROUPNAME}\n]", rpm)) {
			path, mode, _ := strings.Cut(strings.TrimSpace(line), " ")
			listed[path] = mode
		}
		compare(t, listed, "/usr/share/licenses/presenced/copyright", "/usr/share/zsh/site-functions/_presenced")
		if is := run(t, "rpm", "-qp", "--qf", "%{NAME} %{VERSION}-%{RELEASE} %{ARCH} %{BUILDHOST} %{BUILDTIME}", rpm); is != "presenced 1.0.0-1 "+named+" localhost "+epoch {
			t.Errorf("%s: %s", arch, is)
		}
		if is := run(t, "rpm", "-qp", "--qf", "[%{FILEFLAGS:fflags} %{FILENAMES}\n]", rpm); !strings.Contains(is, "cn /etc/presenced/presenced.toml\n") {
			t.Errorf("the configuration is no config(noreplace):\n%s", is)
		}
		scripts := run(t, "rpm", "-qp", "--scripts", rpm)
		for _, name := range []string{"preinstall", "postinstall", "preuninstall", "postuninstall"} {
			if !strings.Contains(scripts, name+" scriptlet (using /bin/sh):") {
				t.Errorf("there is no %s scriptlet", name)
			}
		}
	}
}

// TestRPMMakesTheUserThatSysusersNames: it is wanted before its file is there.
func TestRPMMakesTheUserThatSysusersNames(t *testing.T) {
	script, err := os.ReadFile("preinst")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../systemd/presenced.sysusers")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^u .*$`).Find(text)
	if line == nil || !bytes.Contains(script, line) {
		t.Errorf("preinst does not have the line %q", line)
	}
}

// TestProgramIsStaticStrippedAndForItsMachine holds for both architectures.
func TestProgramIsStaticStrippedAndForItsMachine(t *testing.T) {
	for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		program := bytes.NewReader(file(t, one(t, folder(t, first), "*_"+arch+".deb"), "./usr/bin/presenced"))
		binary, err := elf.NewFile(program)
		if err != nil {
			t.Fatal(err)
		}
		if binary.Machine != machine {
			t.Errorf("%s: the program is for %v", arch, binary.Machine)
		}
		if binary.Section(".symtab") != nil || binary.Section(".debug_info") != nil {
			t.Errorf("%s: the program is not stripped", arch)
		}
		if binary.Section(".interp") != nil {
			t.Errorf("%s: the program is not static", arch)
		}
		info, err := buildinfo.Read(program)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, s := range info.Settings {
			got[s.Key] = s.Value
		}
		if got["CGO_ENABLED"] != "0" || got["-trimpath"] != "true" || got["GOARCH"] != arch {
			t.Errorf("%s: built with %v", arch, got)
		}
	}
}

// TestEveryLicenceIsPassedOn: each module in the program is in the copyright
// file, and licences that are common are not left out by being written twice.
func TestEveryLicenceIsPassedOn(t *testing.T) {
	deb := one(t, folder(t, first), "*_amd64.deb")
	text := string(file(t, deb, "./usr/share/doc/presenced/copyright"))
	info, err := buildinfo.Read(bytes.NewReader(file(t, deb, "./usr/bin/presenced")))
	if err != nil {
		t.Fatal(err)
	}
	if len(info.Deps) == 0 {
		t.Fatal("the program names no modules")
	}
	ours, err := os.ReadFile("../LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(ours, []byte("Apache License")) || !strings.HasPrefix(text, string(ours)) {
		t.Error("the copyright file does not begin with our own licence")
	}
	for _, module := range info.Deps {
		_, after, found := strings.Cut(text, "\n"+module.Path+" "+module.Version+" (")
		if !found {
			t.Errorf("%s is not in the copyright file", module.Path)
			continue
		}
		licence, _, _ := strings.Cut(after, strings.Repeat("=", 78))
		if !regexp.MustCompile(`(?i)copyright|mozilla public license`).MatchString(licence) {
			t.Errorf("%s: no licence: %q", module.Path, licence)
		}
	}
}

// TestLinksLeadSomewhere: from the documents to each other, and to the alerts
// and the dashboard.
func TestLinksLeadSomewhere(t *testing.T) {
	root := t.TempDir()
	run(t, "dpkg-deb", "--extract", one(t, folder(t, first), "*_amd64.deb"), root)
	link := regexp.MustCompile(`\]\(([^)#]+)[^)]*\)`)
	links := 0
	for _, pattern := range []string{"*.md", "docs/*.md"} {
		documents, err := filepath.Glob(filepath.Join(root, "usr/share/doc/presenced", pattern))
		if err != nil || len(documents) == 0 {
			t.Fatalf("%s matches no document (%v)", pattern, err)
		}
		for _, document := range documents {
			text, err := os.ReadFile(document)
			if err != nil {
				t.Fatal(err)
			}
			for _, found := range link.FindAllSubmatch(text, -1) {
				if target := string(found[1]); !strings.Contains(target, ":") {
					links++
					if _, err := os.Stat(filepath.Join(filepath.Dir(document), target)); err != nil {
						t.Errorf("%s leads nowhere: %v", filepath.Base(document), err)
					}
				}
			}
		}
	}
	if links == 0 {
		t.Error("no document has a link")
	}
}

func TestCompletionIsBash(t *testing.T) {
	script := filepath.Join(t.TempDir(), "presenced")
	text := file(t, one(t, folder(t, first), "*_amd64.deb"), "./usr/share/bash-completion/completions/presenced")
	if err := os.WriteFile(script, text, 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "bash", "-n", script)
	if !bytes.Contains(text, []byte("__start_presenced")) {
		t.Error("the completion completes something else")
	}
}

// file returns a file of a .deb.
func file(t *testing.T, deb, name string) []byte {
	t.Helper()
	archive, err := exec.Command("dpkg-deb", "--fsys-tarfile", deb).Output()
	if err != nil {
		t.Skipf("SKIPPED, the package is not opened: dpkg-deb: %v", err)
	}
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		header, err := r.Next()
		if err != nil {
			t.Fatalf("find %s in %s: %v", name, deb, err)
		}
		if header.Name == name {
			text, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
	}
}
