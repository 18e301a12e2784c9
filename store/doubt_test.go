package store

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// A commit that fails at its very end is seen already, and the next one takes
// the pages of the state before for free. Whoever still reads that is waited
// for.
func TestACommitInDoubtLeavesReadersTheirState(t *testing.T) {
	t.Parallel()
	strace, err := exec.LookPath("strace")
	if err == nil {
		err = exec.Command(strace, "-qq", "-o", os.DevNull, "true").Run() // not everybody may
	}
	if err != nil {
		t.Skipf("SKIPPED, no commit fails at its end: strace: %v", err)
	}
	path := filepath.Join(t.TempDir(), "presenced.db")
	s := must(Open(path))
	var all []string
	for n := range 500 {
		all = append(all, citizen(n))
	}
	crowd(t, s, all...)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	r := child(t, "doubter", path)
	r.Args = []string{strace, "-f", "-qq", "-o", os.DevNull, "-e", "signal=none", "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=2", r.Path, path}
	r.Path = strace
	if err := r.Run(); err != nil {
		t.Error(err)
	}
}

// failingMeanwhile is a context during which a commit fails at its end.
type failingMeanwhile struct {
	context.Context
	*Store
}

func (c failingMeanwhile) Err() error {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.doubt = true
	return c.settleDoubt()
}

// A backup is not waited for, and is none if it may have been written over.
func TestACommitInDoubtIsNoBackup(t *testing.T) {
	s := openNew(t)
	crowd(t, s, "ann")
	path := filepath.Join(t.TempDir(), "backup.db")
	err := s.Backup(failingMeanwhile{t.Context(), s}, path)
	if err == nil || !strings.HasSuffix(err.Error(), ": a write to the store failed meanwhile: try again") {
		t.Error(err)
	}
	if left := must(filepath.Glob(path + "*")); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

func init() {
	children["doubter"] = func(args []string) error {
		runtime.LockOSThread() // strace counts the calls of each thread
		opened := make(chan *Store)
		go func() { opened <- must(Open(args[0])) }()
		s := <-opened
		c := &checkpoint{pending: new(pending), people: s.people, order: s.order}
		err := s.read(func(v view) error {
			for k, document := range v.from(people, nil) {
				c.pending.Set(people.at(k), append([]byte("other "), document...))
			}
			return nil
		})
		if err != nil {
			return err
		}
		begun, done, read := make(chan bool), make(chan bool), make(chan error, 1)
		go func() {
			read <- s.read(func(v view) error {
				state := func() uint64 {
					h := fnv.New64a()
					for k, document := range v.from(people, nil) {
						h.Write(k)
						h.Write(document)
					}
					return h.Sum64()
				}
				before := state()
				close(begun)
				select { // it is waited for, or it is not
				case <-done:
				case <-time.After(time.Second):
				}
				if state() != before {
					return errors.New("what a reader sees was written over")
				}
				return nil
			})
		}()
		<-begun
		if err := s.commit(c); err == nil || !s.doubt {
			return fmt.Errorf("the commit did not fail at its end: %v", err)
		}
		err = s.commit(c)
		close(done)
		return errors.Join(err, <-read)
	}
}
