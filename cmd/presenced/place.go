package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pelletier/go-toml/v2"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/presence"
)

// place is where the daemon is to be found.
type place struct {
	socket, store string
	rules         func() presence.Rules
}

// place finds out where the daemon is. An operator's configuration may be
// wrong by now, or have secrets that only the daemon may read; the daemon is
// found all the same.
func (p *program) place() (place, error) {
	cfg, err := configs.Load(p.config)
	if err == nil {
		return place{cfg.Control.Socket, cfg.Store.Path, func() presence.Rules { return cfg.Rules }}, nil
	}
	var file struct {
		Control struct{ Socket string }
		Store   struct{ Path string }
	}
	file.Control.Socket, file.Store.Path = "/run/presenced/presenced.sock", "/var/lib/presenced/presenced.db"
	data, readErr := os.ReadFile(p.config)
	absent := errors.Is(readErr, fs.ErrNotExist) || errors.Is(readErr, fs.ErrPermission)
	switch {
	case readErr != nil && !(absent && p.config == defaultConfig):
		return place{}, err
	case readErr == nil && toml.Unmarshal(data, &file) != nil:
		return place{}, err
	}
	return place{p.beside(file.Control.Socket), p.beside(file.Store.Path), presence.DefaultRules}, nil
}

// beside returns a path of the configuration: relative ones are to its folder.
func (p *program) beside(path string) string {
	if path = os.ExpandEnv(path); filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(p.config), path)
}
