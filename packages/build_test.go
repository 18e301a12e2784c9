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

	"github.com/presenced/presenced/internal/rigs/lab"
)

var (
	unmade string // why no packages can be made here; empty when they can
	work   string // a folder for what is made
	tool   string // the program of the folder release
)

// TestMain fetches what the packages are made with while there may be a
// network: the lab has none.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "presenced-packages-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	work, tool = dir, filepath.Join(dir, "release")
	for _, args := range [][]string{
		{"tool", "-modfile=../tools.mod", "nfpm", "--version"},
		{"build", "-C", "release", "-buildvcs=false", "-o", tool, "."},
	} {
		if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
			unmade = fmt.Sprintf("go %q: %v: %s", args, err, bytes.TrimSpace(out))
		}
	}
	status := lab.Main(m)
	os.RemoveAll(dir)
	os.Exit(status)
}

const (
	epoch = "1767225600" // 2026-01-01
	both  = "amd64 arm64"
)

// Each is made once, by the test that wants it first: a release, the same again
// for one architecture, from a copy of its sources elsewhere and by somebody who
// has told Go other things, and a newer one, which brings another reference
// configuration.
var (
	first  = sync.OnceValues(func() (string, error) { return build("..", "first", "1.0.0", "", both) })
	second = sync.OnceValues(func() (string, error) {
		if _, err := first(); err != nil {
			return "", err
		}
		return build(sourcesOf("first"), "second", "1.0.0", "", runtime.GOARCH, "GOAMD64=v3", "GOARM64=v8.2", "GOFIPS140=latest", "GOFLAGS=-tags=netgo")
	})
	newer = sync.OnceValues(func() (string, error) {
		return build("..", "newer", "1.0.1", "\n# A newer line.\n", runtime.GOARCH)
	})
)

func sourcesOf(name string) string { return filepath.Join(work, "sources of "+name) }

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

// build makes a release of a copy of the sources, with no network and the
// toolchain of this test. The text is added to the reference configuration.
func build(from, name, version, text, archs string, environment ...string) (string, error) {
	dir := filepath.Join(work, name)
	// The copy has times and modes of its own.
	cmd := exec.Command("sh", "-ec", `
		umask 077; mkdir "$1"
		tar -C "$4" --exclude ./.git --exclude ./dist -c . | tar -C "$1" --no-same-permissions --no-same-owner --touch -x
		printf %s "$2" >>"$1/configs/presenced.toml"
		sed -i "s/^## Unreleased$/## $VERSION (2026-01-01)/" "$1/CHANGELOG.md"
		exec "$1/packages/build.sh" "$3"`, "sh", sourcesOf(name), text, dir, from)
	cmd.Env = append(os.Environ(), "VERSION="+version, "SOURCE_DATE_EPOCH="+epoch, "ARCHS="+archs,
		"MAINTAINER=", "GOPROXY=off", "GOTOOLCHAIN=local")
	cmd.Env = append(cmd.Env, environment...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("make the release %s: %w\n%s", name, err, out)
	}
	return dir, nil
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
