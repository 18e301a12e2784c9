package control

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Listen opens the control socket at path with mode 0660, so that the group of
// its folder's owner may use it. A socket that a dead daemon left behind is
// replaced; one that answers is another daemon's, and an error.
func Listen(path string) (net.Listener, error) {
	l, err := net.Listen("unix", path)
	if errors.Is(err, syscall.EADDRINUSE) {
		if err := removeStale(path); err != nil {
			return nil, err
		}
		l, err = net.Listen("unix", path)
	}
	if err != nil {
		return nil, fmt.Errorf("open control socket %s: %w%s", path, cause(err), remedy(err, path))
	}
	if err := os.Chmod(path, 0o660); err != nil {
		return nil, errors.Join(fmt.Errorf("open control socket: %w", err), l.Close())
	}
	return l, nil
}

// removeStale removes the socket at path if nobody answers there.
func removeStale(path string) error {
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		return errors.Join(fmt.Errorf("open control socket %s: another presenced answers there; stop it first", path), conn.Close())
	}
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open control socket: %w", err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("open control socket %s: there is a file that is not a socket; remove it, or set another [control] socket", path)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("open control socket: %w", err)
	}
	return nil
}

// remedy says what to do about a socket that cannot be opened, in parentheses;
// "" where that is not known.
func remedy(err error, path string) string {
	folder := filepath.Dir(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf(" (there is no folder %s: systemd makes it for a service with RuntimeDirectory=presenced; "+
			"elsewhere make it, or set another [control] socket)", folder)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Sprintf(" (this user may not write to %s: run it as the user presenced, whose it is by RuntimeDirectory=, "+
			"or set another [control] socket)", folder)
	case errors.Is(err, syscall.EINVAL): // it is the path's length that the system minds
		return " (a socket's path has at most 107 octets: set another [control] socket)"
	}
	return ""
}

// cause returns what the system said, without the call that it said it to.
func cause(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return err
}
