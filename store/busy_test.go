package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/presenced/presenced/presence"
)

// errOnPurpose is why a step failed that a test has fail.
var errOnPurpose = errors.New("failed on purpose")

func init() {
	children["busy"] = func(args []string) error {
		return busy(args[0], must(strconv.ParseUint(args[1], 10, 64)), func(int) bool { return true })
	}
}

// busy does what a daemon does to its store, in an order left to chance, as long
// as it is to, and tells what is acknowledged.
func busy(path string, seed uint64, more func(op int) bool) error {
	chance := rand.New(rand.NewPCG(seed, 1))
	ctx := context.Background()
	s, err := Open(path)
	for errors.Is(err, errOnPurpose) {
		s, err = Open(path)
	}
	if err != nil {
		return err
	}
	s.withJournals(someUpdates)
	// What fails is done again, as a controller or an operator does.
	again := func(f func() error) error {
		err := f()
		for tries := 0; errors.Is(err, errOnPurpose) && tries < 10; tries++ {
			err = f()
		}
		return err
	}
	if err := again(func() error { return s.Resume(ctx) }); err != nil {
		return err
	}
	value, err := s.Note(ctx, "writer", "last")
	if err != nil {
		return err
	}
	n, _ := strconv.Atoi(string(value))
	for op := 0; more(op); op++ {
		switch chance.IntN(12) {
		case 0:
			name := fmt.Sprint("copy", n, ".db")
			if err := again(func() error { return s.Backup(ctx, filepath.Join(filepath.Dir(path), name)) }); err != nil {
				return err
			}
			fmt.Println("copied", name, n)
		case 1:
			secret := fmt.Sprintf("secret-%x-%d.", seed, op) // none is the beginning of another
			if err := again(func() error { return s.Update(ctx, guest(secret)) }); err != nil {
				return err
			}
			fmt.Println("kept", secret)
			if err := again(func() error { return s.Forget(ctx, secret) }); err != nil {
				return err
			}
			fmt.Println("forgotten", secret)
		case 2:
			if err := again(s.kv.Checkpoint); err != nil {
				return err
			}
		default:
			if err := again(func() error { return s.Update(ctx, step(n+1)) }); err != nil {
				return err
			}
			n++
			fmt.Println("written", n)
		}
	}
	return s.Close()
}

// guest is an update that remembers somebody who is to be forgotten.
func guest(name string) []presence.Change {
	return []presence.Change{
		put(name, func(p *presence.Person) { *p = office(name) }),
		presence.WriteNotes(presence.Note{Kind: "k", Key: name, Value: []byte(name)}),
	}
}

// told is what busy told.
type told struct {
	written int
	copies  map[string]int
	kept    []string // for a while: they were to be forgotten next
	gone    []string
}

// line takes in one line of it; one that a kill cut short tells nothing.
func (t *told) line(text string) {
	switch f := strings.Fields(text); {
	case len(f) == 2 && f[0] == "written":
		t.written = must(strconv.Atoi(f[1]))
	case len(f) == 3 && f[0] == "copied":
		if t.copies == nil {
			t.copies = map[string]int{}
		}
		t.copies[f[1]] = must(strconv.Atoi(f[2]))
	case len(f) == 2 && f[0] == "kept":
		t.kept = append(t.kept, f[1])
	case len(f) == 2 && f[0] == "forgotten":
		t.gone = append(t.gone, f[1])
	}
}

// found opens the store as the next start does, and holds it against what was
// told.
func found(path string, t told) error {
	ctx := context.Background()
	s, err := Open(path)
	if err != nil {
		return err
	}
	if err := errors.Join(s.Resume(ctx), holds(s, t.written)); err != nil {
		return errors.Join(err, s.Close())
	}
	for _, name := range t.kept { // who is no longer there is nowhere, acknowledged or not
		switch p, err := s.Person(ctx, name); {
		case err != nil:
			return errors.Join(err, s.Close())
		case len(p.Story) == 0:
			t.gone = append(t.gone, name)
		}
	}
	if err := s.Close(); err != nil {
		return err
	}
	for name, n := range t.copies {
		c, err := Open(filepath.Join(filepath.Dir(path), name))
		if err != nil {
			return err
		}
		if err := errors.Join(holds(c, n), c.Close()); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for _, of := range []string{"", ".journal0", ".journal1"} {
			os.Remove(filepath.Join(filepath.Dir(path), name+of))
		}
	}
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return err
	}
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(filepath.Dir(path), f.Name()))
		if err != nil {
			return err
		}
		if strings.Contains(f.Name(), ".new") || strings.Contains(f.Name(), ".creating") {
			return fmt.Errorf("%s is left", f.Name())
		}
		for _, name := range t.gone {
			if strings.HasPrefix(f.Name(), "presenced.db") && bytes.Contains(data, []byte(name)) {
				return fmt.Errorf("%s still has %s", f.Name(), name)
			}
		}
	}
	return nil
}
