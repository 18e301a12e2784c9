package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const (
	program = "./cmd/presenced"
	std     = "std" // the path of the standard library, as in a package URL
)

// architectures are those that presenced is released for.
var architectures = []string{"amd64", "arm64"}

// module is one whose packages are linked into presenced, for any architecture;
// presenced's own is the first of them, and the standard library the second.
type module struct {
	path, version string
	main          bool
	needs         []string // paths of the modules that its packages import
	licence       string   // an SPDX expression
	texts         []string // its licences and notices
}

// pkg is what `go list -json` says of a package, as far as it matters here.
type pkg struct {
	ImportPath string
	Imports    []string
	Standard   bool
	Module     *struct {
		Path, Version, Dir, GoVersion string
		Main                          bool
	}
}

// linked returns the modules that are linked, by path behind the first two.
func linked() ([]module, error) {
	goroot, err := goSays("env", "GOROOT")
	if err != nil {
		return nil, err
	}
	version, err := goSays("env", "GOVERSION")
	if err != nil {
		return nil, err
	}
	found := map[string]*module{std: {path: std, version: strings.TrimPrefix(version, "go")}}
	dirs := map[string]string{std: goroot}
	for _, arch := range architectures {
		packages, err := packagesFor(arch)
		if err != nil {
			return nil, err
		}
		of := map[string]string{} // a package's module
		for _, p := range packages {
			of[p.ImportPath] = std
			if m := p.Module; m != nil {
				of[p.ImportPath] = m.Path
				dirs[m.Path] = m.Dir
				if found[m.Path] == nil {
					found[m.Path] = &module{path: m.Path, version: m.Version, main: m.Main}
				}
			}
		}
		for _, p := range packages {
			m := found[of[p.ImportPath]]
			for _, imported := range p.Imports {
				if other := of[imported]; other != "" && other != m.path && !slices.Contains(m.needs, other) {
					m.needs = append(m.needs, other)
				}
			}
		}
	}
	var all []module
	for _, path := range slices.Sorted(maps.Keys(found)) {
		m := *found[path]
		slices.Sort(m.needs)
		if m.licence, m.texts, err = licences(dirs[path]); err != nil {
			return nil, fmt.Errorf("find the licence of %s: %w", path, err)
		}
		all = append(all, m)
	}
	slices.SortStableFunc(all, func(a, b module) int { return a.rank() - b.rank() })
	if !all[0].main {
		return nil, errors.New("list packages: presenced is not among them")
	}
	return all, nil
}

func (m module) rank() int {
	switch {
	case m.main:
		return 0
	case m.path == std:
		return 1
	}
	return 2
}

// packagesFor lists the program's packages and all that they import.
func packagesFor(arch string) ([]pkg, error) {
	cmd := exec.Command(goCommand(), "list", "-deps", "-json=ImportPath,Imports,Standard,Module", program)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("list the packages of %s: %w", program, err)
	}
	var all []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, fmt.Errorf("list the packages of %s: %w", program, err)
		}
		all = append(all, p)
	}
}

func goSays(args ...string) (string, error) {
	out, err := exec.Command(goCommand(), args...).Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}

// goCommand is the go command that builds the program.
func goCommand() string {
	if name := os.Getenv("GO"); name != "" {
		return name
	}
	return "go"
}

// read returns the texts of the files in the folder that the patterns match.
func read(dir string, patterns ...string) (texts []string, err error) {
	for _, pattern := range patterns {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			texts = append(texts, string(text))
		}
	}
	return texts, nil
}
