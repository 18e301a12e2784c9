package daemon

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// deviceKeySize is the size of the key, in bytes: as the hash's (RFC 2104 3).
const deviceKeySize = 32

// deviceKey returns the key for hash_devices, which is made when it is first
// needed. It is in a file beside the store and not in it, because a hash of 48
// bits hides nothing from who has the key: backups of the store do not.
func deviceKey(store string) ([]byte, error) {
	file := store + ".key"
	key, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		key = make([]byte, deviceKeySize)
		rand.Read(key) // never fails
		return key, keep(file, key)
	}
	if err == nil && len(key) != deviceKeySize {
		err = fmt.Errorf("%d bytes instead of %d: restore it, or remove it and devices count as new", len(key), deviceKeySize)
	}
	if err != nil {
		return nil, fmt.Errorf("read the key for hash_devices, %s: %w", file, err)
	}
	return key, nil
}

// keep writes a file that is on disk as a whole when it returns, or not at all.
func keep(file string, data []byte) error {
	f, err := os.OpenFile(file+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	if err := os.Rename(file+".tmp", file); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(file))
	if err != nil {
		return fmt.Errorf("sync the folder of %s: %w", file, err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}
