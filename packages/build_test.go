package packages

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/presenced/presenced/internal/lab"
)

var (
	unmade string // why no packages can be made here; empty when they can
	work   string // a folder for what is made
)

// TestMain fetches what the packages are made with while there may be a
// network: the lab has none.
func TestMain(m *testing.M) {
	if out, err := exec.Command("go", "tool", "-modfile=../tools.mod", "nfpm", "--version").CombinedOutput(); err != nil {
		unmade = fmt.Sprintf("go tool nfpm: %v: %s", err, bytes.TrimSpace(out))
	}
	dir, err := os.MkdirTemp("", "presenced-packages-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	work = dir
	status := lab.Main(m)
	os.RemoveAll(dir)
	os.Exit(status)
}

const (
	epoch = "1767225600" // 2026-01-01
	both  = "amd64 arm64"
)

// Each is made once, by the test that wants it first: a version of the sources
// as they are, the same again from a copy of the sources elsewhere, and a newer
// version, which brings another reference configuration.
var (
	first  = sync.OnceValues(func() (string, error) { return build("..", "first", "1.0.0", both) })
	second = sync.OnceValues(func() (string, error) { return build(copyOf("second", ""), "again", "1.0.0", both) })
	newer  = sync.OnceValues(func() (string, error) {
		return build(copyOf("newer", "\n# A newer line.\n"), "upgrade", "1.0.1", runtime.GOARCH)
	})
)

// folder returns the folder with the packages that the function makes.
func folder(t *testing.T, function func() (string, error)) string {
	t.Helper()
	if unmade != "" {
		t.Skip("SKIPPED, no packages are made: ", unmade)
	}
	dir, err := function()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// build makes packages of the sources, with no network.
func build(sources, name, version, archs string) (string, error) {
	dir := filepath.Join(work, name)
	cmd := exec.Command(filepath.Join(sources, "packages/build.sh"), dir)
	cmd.Env = append(os.Environ(), "VERSION="+version, "SOURCE_DATE_EPOCH="+epoch, "ARCHS="+archs,
		"GOPROXY=off", "GOFLAGS=-mod=mod")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("make packages of %s: %w\n%s", sources, err, out)
	}
	return dir, nil
}

// copyOf copies the sources, with times and modes of its own, and adds the text
// to the reference configuration.
func copyOf(name, text string) string {
	dir := filepath.Join(work, "sources of "+name)
	cmd := exec.Command("sh", "-c", `
		umask 077 && mkdir "$1" &&
		tar -C .. --exclude ./.git --exclude ./dist -c . | tar -C "$1" --no-same-permissions --no-same-owner --touch -x &&
		printf %s "$2" >>"$1/configs/presenced.toml"`, "sh", dir, text)
	cmd.Stderr = os.Stderr // and build.sh says that something is missing
	cmd.Run()
	return dir
}

// one returns the only file that the pattern matches.
func one(t *testing.T, pattern ...string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(pattern...))
	if err != nil || len(files) != 1 {
		t.Fatalf("%s matches %q, want one file (%v)", filepath.Join(pattern...), files, err)
	}
	return files[0]
}

// run runs a program and returns what it prints, or skips the test where there
// is no such program.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("SKIPPED, the packages are not held against %s: %v", name, err)
	}
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Errorf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}
