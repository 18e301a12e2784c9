package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/daemon"
	"github.com/presenced/presenced/internal/terminal"
	"github.com/presenced/presenced/presence"
)

// place is where the daemon is to be found.
type place struct {
	socket, store string
	rules         func() presence.Rules
	roster        bool // is not turned off
	engine        configs.Store
}

// file opens the store to read it, as nobody answers on the socket. A daemon
// may have it open all the same, and answer on another socket or not at all.
func (at place) file() (daemon.Engine, error) {
	s, err := daemon.OpenToRead(&at.engine)
	if err != nil {
		return nil, fmt.Errorf("nobody answers on %s, and the file cannot be read: %w", at.socket, err)
	}
	return s, nil
}

// place finds out where the daemon is. An operator's configuration may be
// wrong by now, or have secrets that only the daemon may read; the daemon is
// found all the same.
func (p *program) place() (place, error) {
	cfg, err := configs.Load(p.config)
	if err == nil {
		stored := cfg.Store.Path
		if e := cfg.Store.Etcd; e != nil {
			stored = "etcd:" + e.Prefix
		}
		return place{cfg.Control.Socket, stored, func() presence.Rules { return cfg.Rules }, cfg.Control.Roster, cfg.Store}, nil
	}
	var file struct {
		Control struct {
			Socket string
			Roster bool
		}
		Store struct{ Path string }
	}
	file.Control.Socket, file.Control.Roster, file.Store.Path = configs.DefaultSocket, true, configs.DefaultStore
	data, readErr := os.ReadFile(p.config)
	absent := errors.Is(readErr, fs.ErrNotExist) || errors.Is(readErr, fs.ErrPermission)
	switch {
	case readErr != nil && !(absent && p.config == defaultConfig):
		return place{}, err
	case readErr == nil && toml.Unmarshal(data, &file) != nil: // an editor's slip, and the daemon goes on by what it read
		for key, to := range map[string]*string{"socket": &file.Control.Socket, "path": &file.Store.Path} {
			if m := regexp.MustCompile(`(?m)^\s*` + key + `\s*=\s*"([^"\\]+)"`).FindSubmatch(data); m != nil {
				*to = string(m[1])
			}
		}
	}
	path := p.besideConfig(file.Store.Path)
	return place{p.besideConfig(file.Control.Socket), path, presence.DefaultRules, file.Control.Roster, configs.Store{Path: path}}, nil
}

// siteExists returns an error that names the sites there are if the configuration
// has none of that name.
func (p *program) siteExists(site string) error {
	cfg, err := configs.LoadRules(p.config)
	if err != nil {
		return nil // the verb says so
	}
	sites := cfg.Rules.Sites
	if _, ok := sites[site]; ok || len(sites) == 0 {
		return nil
	}
	return fmt.Errorf("no site is called %q: there is %s", site, terminal.Printable(strings.Join(slices.Sorted(maps.Keys(sites)), ", ")))
}

// besideConfig returns a path of the configuration as the daemon understands it. One
// with a variable that only the daemon has stays as it is written: nothing is
// found there, which names it.
func (p *program) besideConfig(text string) string {
	path, err := configs.Path(filepath.Dir(p.config), text)
	if err != nil {
		return text
	}
	return path
}
