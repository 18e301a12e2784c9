package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/store"
	"github.com/presenced/presenced/store/etcdstore"
	"github.com/presenced/presenced/store/transfer"
)

// Move is a store that moves from the file into etcd, or back.
type Move struct {
	From, To string
	Holds    []Held
	Octets   int64     // of all that
	Since    time.Time // when it was begun before, and interrupted; zero: it was not
	Written  int       // rows
	Sum      string    // of what both hold
	Serving  []string  // daemons that went on meanwhile
}

// Held is how many rows a store holds of a kind.
type Held struct {
	What string
	Rows int
}

// All is how many rows move.
func (m *Move) All() (n int) {
	for _, h := range m.Holds {
		n += h.Rows
	}
	return n
}

// holds notes what a store holds.
func (m *Move) holds(t transfer.Tally, err error) error {
	m.Holds, m.Octets = nil, t.Octets
	kinds := store.Kinds()
	slices.Sort(kinds)
	for _, k := range kinds {
		m.Holds = append(m.Holds, Held{k.String(), t.Rows[k]})
	}
	return err
}

// Moving is told how far a move is.
type Moving func(step string, done, of int)

var errNoEtcd = errors.New(`the configuration names no etcd: set [store] engine = "etcd", with its endpoints`)

// PlanMigration finds out what a migration would move, and changes nothing.
func PlanMigration(ctx context.Context, cfg *configs.Store, path string) (m Move, err error) {
	s, m, err := migration(ctx, cfg, path)
	if err != nil {
		return m, err
	}
	f, err := store.OpenReadOnly(path)
	if err == nil {
		err = errors.Join(m.holds(transfer.Count(ctx, f)), f.Close())
	}
	return m, errors.Join(err, s.Close())
}

// migration opens where a file would move to, unless it would not.
func migration(ctx context.Context, cfg *configs.Store, path string) (*etcdstore.Store, Move, error) {
	m := Move{From: path}
	if cfg.Etcd == nil {
		return nil, m, errNoEtcd
	}
	if err := sameKey(cfg, path); err != nil {
		return nil, m, err
	}
	s, err := etcdstore.OpenToRead(etcdConfig(cfg.Etcd))
	if err != nil {
		return nil, m, err
	}
	m.To = s.Path()
	if m.Since, err = s.Fillable(ctx); err != nil {
		return nil, m, errors.Join(err, s.Close())
	}
	return s, m, nil
}

// sameKey says if devices that the file knows would have other names in etcd.
func sameKey(cfg *configs.Store, path string) error {
	if !cfg.HashDevices {
		return nil
	}
	was, err := os.ReadFile(path + ".key")
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no %s.key, by which the file's devices are hashed: put it there, or devices count as new", path)
	}
	if err != nil {
		return err
	}
	is, err := sharedKey(cfg.Etcd.DeviceKey)
	if err == nil && !bytes.Equal(was, is) {
		err = fmt.Errorf("device_key_file is not the key of the file: copy %s.key to %s at every daemon", path, cfg.Etcd.DeviceKey)
	}
	return err
}

// Migrate moves the file into etcd, or goes on with it, and compares both.
func Migrate(ctx context.Context, cfg *configs.Store, path string, told Moving) (m Move, err error) {
	s, m, err := migration(ctx, cfg, path)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if _, err := os.Stat(path); err != nil { // it is not to be made
		return m, err
	}
	f, err := store.Open(path)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if at := f.Origin().Copied; !at.IsZero() {
		return m, fmt.Errorf("%s is a backup of %s: start presenced on it once, which erases who was forgotten since, and stop it", path, at.Format(time.RFC3339))
	}
	if err := f.Resume(ctx); err != nil {
		return m, err
	}
	if err := f.TakeOver(ctx, func(done, of int) { told("rewriting what an older version wrote", done, of) }); err != nil {
		return m, err
	}
	if err := m.holds(transfer.Count(ctx, f)); err != nil {
		return m, err
	}
	to, err := s.Fill(ctx, path)
	if err != nil {
		return m, err
	}
	m.Since = to.Since
	if err := m.move(ctx, f, to, told); err != nil {
		return m, err
	}
	return m, to.Done(ctx)
}

// move makes the target hold what the source does, and compares them.
func (m *Move) move(ctx context.Context, from transfer.Source, to transfer.Target, told Moving) (err error) {
	of := m.All()
	m.Written, err = transfer.Copy(ctx, from, to, func(done int) { told("writing", done, of) })
	if err != nil {
		return err
	}
	t, sum, err := transfer.Compare(ctx, from, to, func(done int) { told("comparing", done, of) })
	if err != nil {
		return fmt.Errorf("compare what was written: %w", err)
	}
	m.Sum = fmt.Sprintf("%x", sum[:8])
	return m.holds(t, nil)
}

// exporting follows the name of a file that is being made.
const exporting = ".exporting"

// Export writes what etcd holds at one moment into a file, which appears when it is whole.
// Without a daemon it is what a daemon goes on with; else it is a backup.
func Export(ctx context.Context, cfg *configs.Store, path string, told Moving) (m Move, err error) {
	m.To = path
	if cfg.Etcd == nil {
		return m, errNoEtcd
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return m, errors.Join(fmt.Errorf("%s is there already: give another name", path), err)
	}
	s, err := etcdstore.OpenToRead(etcdConfig(cfg.Etcd))
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	m.From = s.Path()
	serving, err := s.Present(ctx)
	if err != nil {
		return m, err
	}
	for _, d := range serving {
		m.Serving = append(m.Serving, d.Name)
	}
	from, err := s.Snapshot(ctx)
	if err != nil {
		return m, err
	}
	if err := m.holds(transfer.Count(ctx, from)); err != nil {
		return m, err
	}
	if err := m.export(ctx, from, told); err != nil {
		return m, err
	}
	if len(m.Serving) > 0 {
		return m, nil
	}
	f, err := store.Open(path)
	if err != nil {
		return m, err
	}
	return m, errors.Join(f.Settled(), f.Close())
}

// export writes the file under another name first. If that is there already, an export that was
// interrupted goes on with it.
func (m *Move) export(ctx context.Context, from transfer.Source, told Moving) (err error) {
	work := m.To + exporting
	f, err := store.Open(work)
	if err != nil {
		return err
	}
	err = m.move(ctx, from, f, told)
	if err == nil {
		err = f.Backup(ctx, m.To)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	for _, end := range []string{"", ".journal0", ".journal1"} {
		if err := os.Remove(work + end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
