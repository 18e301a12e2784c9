package configs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// variable is a variable of the environment in a path. Only this form is one:
// a dollar by itself can be part of a name.
var variable = regexp.MustCompile(`\$\{([^}]*)\}`)

const (
	folderVariable = "CREDENTIALS_DIRECTORY"

	// Secrets is the folder beside the configuration from which systemd makes the
	// credentials, and the id by which it does: LoadCredential=secrets:/etc/presenced/secrets.
	Secrets = "secrets"
)

// credential returns where systemd has put a credential: under its name, or if all of a
// folder were loaded, under the folder's id and its name.
func credential(path string) string {
	dir, name := filepath.Split(path)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if loaded := filepath.Join(dir, Secrets+"_"+name); isFile(loaded) {
			return loaded
		}
	}
	return path
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// Path returns a path that a configuration in the folder dir holds: with its
// variables replaced, and relative to the folder. Where there is no
// CREDENTIALS_DIRECTORY, as for whoever is not the service, it is the folder [Secrets].
func Path(dir, text string) (string, error) {
	if strings.TrimSpace(text) == "" {
		return "", mistake{"it is empty", "write the name of a file"}
	}
	var wrong error
	expanded := variable.ReplaceAllStringFunc(text, func(v string) string {
		name := v[len("${") : len(v)-len("}")]
		value, credential := os.Getenv(name), name == folderVariable
		if value == "" && credential && isFolder(filepath.Join(dir, Secrets)) {
			return filepath.Join(dir, Secrets)
		}
		if value == "" {
			wrong = mistake{fmt.Sprintf("%s is not set in the environment", v), "write the path itself"}
			if credential {
				wrong = mistake{fmt.Sprintf("%s is not set in the environment", v), "systemd sets it for a service with LoadCredential=; elsewhere write the path itself"}
			}
		}
		return value
	})
	if folder := os.Getenv(folderVariable); folder != "" && filepath.Dir(expanded) == filepath.Clean(folder) {
		expanded = credential(expanded)
	}
	switch {
	case wrong != nil:
		return "", wrong
	case strings.ContainsRune(expanded, 0):
		return "", mistake{"it has a NUL in it", "write the name of a file"}
	case filepath.IsAbs(expanded):
		return filepath.Clean(expanded), nil
	}
	return filepath.Join(dir, expanded), nil
}

func (d *document) path(text string) (string, error) {
	path, err := Path(d.dir, text)
	if err != nil && d.bare {
		return text, nil
	}
	return path, err
}

// secret returns what a secret's file holds, without the newline at its end.
func (d *document) secret(name string) (string, error) {
	if d.bare {
		return "a secret", nil
	}
	path, err := d.path(name)
	if err != nil {
		return "", err
	}
	secret, err := readSecret(path)
	if err != nil {
		return "", err
	}
	d.files = append(d.files, path)
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o004 != 0 {
		d.warn("everybody may read the secret in %s: chmod o-r it", path)
	}
	return secret, nil
}

func readSecret(path string) (string, error) {
	data, err := read(path)
	if err != nil {
		wrong := mistake{"open " + path + ": " + cause(err), "put the secret there, and let the daemon's user read it"}
		if errors.Is(err, fs.ErrPermission) {
			return "", denial{wrong}
		}
		return "", wrong
	}
	secret := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if secret == "" {
		return "", mistake{path + " is empty", "put the secret there"}
	}
	return secret, nil
}

// biggest is how big a file that the configuration names may be.
const biggest = 64 << 20

// read returns what is in the file, which has to be a plain one: a device or a
// pipe might never end.
func read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("not a plain file")
	case info.Size() > biggest:
		return nil, fmt.Errorf("bigger than %d octets", biggest)
	}
	return os.ReadFile(path)
}

// location returns the path that a key of the store or the control holds.
func location(t *table, key, otherwise string) string {
	return parsed(t, key, otherwise, t.doc.path)
}
