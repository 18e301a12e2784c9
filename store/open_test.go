package store

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"go.etcd.io/bbolt"
)

// as has a test program of its own do what the test's child functions say: it
// is this test binary, started again.
const as = "PRESENCED_STORE_TEST_AS"

// meta is the bucket of what a file says of itself.
var meta = []byte("meta")

var children = map[string]func(args []string) error{
	"opener": func(args []string) error { // opens a store, says so, and keeps it open until its input ends
		s, err := Open(args[0])
		fmt.Println(err)
		if err != nil {
			return nil
		}
		bufio.NewReader(os.Stdin).ReadString('\n')
		return s.Close()
	},
}

func TestMain(m *testing.M) {
	if child, ok := children[os.Getenv(as)]; ok {
		if err := child(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child is the test binary, about to be started again as something else.
func child(t testing.TB, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), must(os.Executable()), args...)
	cmd.Env = append(os.Environ(), as+"="+name, "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = os.Stderr
	return cmd
}

func TestTheProcessThatHasItOpenIsNamed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "presenced.db")
	other := child(t, "opener", path)
	in, out := must(other.StdinPipe()), must(other.StdoutPipe())
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "<nil>\n" {
		t.Fatal(line)
	}
	for name, open := range map[string]func(string) (*Store, error){"Open": Open, "OpenReadOnly": OpenReadOnly} {
		_, err := open(path)
		if err == nil || !strings.HasPrefix(err.Error(), "open store "+path+": ") {
			t.Fatalf("%s: %v", name, err)
		}
		if !strings.Contains(err.Error(), "pid "+strconv.Itoa(other.Process.Pid)+", has it open") {
			t.Errorf("%s: %v", name, err)
		}
	}
	in.Close()
	if err := other.Wait(); err != nil {
		t.Fatal(err)
	}
	reopen(t, path)
}

func TestWhatIsNoStoreIsAnErrorWithARemedy(t *testing.T) {
	whole := func(path string) error { return must(Open(path)).Close() }
	change := func(path string, f func(tx *bbolt.Tx) error) error {
		db := must(bbolt.Open(path, 0o600, nil))
		return errors.Join(db.Update(f), db.Close())
	}
	for _, c := range []struct {
		name string
		made func(path string) error
		want string
	}{
		{"a folder", func(path string) error { return os.Mkdir(path, 0o700) }, "not a file: set [store] path to a file"},
		{"empty", func(path string) error { return os.WriteFile(path, nil, 0o600) }, "the file is empty: remove it, or restore a backup"},
		{"a text", func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("text\n", 9999)), 0o600) }, "not a store of presenced, or damaged: restore a backup, or set [store] path to another: invalid database"},
		{"a short text", func(path string) error { return os.WriteFile(path, []byte("text"), 0o600) }, "not a store of presenced, or damaged: restore a backup"},
		{"another bbolt file", func(path string) error {
			return change(path, func(tx *bbolt.Tx) error { return nil })
		}, "a bbolt file, but not of presenced: set [store] path to another"},
		{"a newer version", func(path string) error {
			return errors.Join(whole(path), change(path, func(tx *bbolt.Tx) error { return tx.Bucket(meta).Put([]byte("version"), []byte("5")) }))
		}, "its format is version 5, and this presenced reads up to 4: install the newer presenced, or restore a backup"},
		{"cut short", func(path string) error {
			return errors.Join(whole(path), os.Truncate(path, 2*4096))
		}, "the file is cut short at 8192 of "},
		{"damaged within", func(path string) error {
			err := errors.Join(whole(path), change(path, func(tx *bbolt.Tx) error {
				for i := range 1000 {
					if err := tx.Bucket([]byte("notes")).Put(fmt.Append(nil, "k\x00", i), make([]byte, 100)); err != nil {
						return err
					}
				}
				return nil
			}))
			pages := must(os.Stat(path)).Size() / 4096
			f := must(os.OpenFile(path, os.O_RDWR, 0))
			for id := range pages - 2 { // everything but the meta pages
				if id%5 == 4 {
					_, werr := f.WriteAt(make([]byte, 4096), (id+2)*4096)
					err = errors.Join(err, werr)
				}
			}
			return errors.Join(err, f.Close())
		}, "the file is damaged: restore a backup: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "presenced.db")
			if err := c.made(path); err != nil {
				t.Fatal(err)
			}
			before, _ := os.ReadFile(path)
			_, err := Open(path)
			if err == nil || !strings.HasPrefix(err.Error(), "open store "+path+": "+c.want) {
				t.Errorf("got %v", err)
			}
			if after, _ := os.ReadFile(path); string(after) != string(before) {
				t.Error("it was changed")
			}
		})
	}
}

func TestAMissingFolderIsNamed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	path := filepath.Join(dir, "presenced.db")
	for _, open := range []func(string) (*Store, error){Open, OpenReadOnly} {
		_, err := open(path)
		if err == nil || !strings.Contains(err.Error(), " store "+path+": there is no folder "+dir+": make it, for the user") || !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
	}
	_, err := OpenReadOnly(filepath.Join(filepath.Dir(dir), "presenced.db"))
	if err == nil || !strings.Contains(err.Error(), "there is no such file; presenced serve makes it") {
		t.Error(err)
	}
}

func TestTheFileIsItsOwnersAlone(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED, only root can become another user")
	}
	path := filepath.Join(t.TempDir(), "presenced.db")
	if err := reopen(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	same(t, must(os.Stat(path)).Mode(), 0o600)
	for _, path := range []string{path, filepath.Join(filepath.Dir(path), "other.db")} {
		nobody := child(t, "opener", path)
		nobody.Path = filepath.Join(t.TempDir(), "test") // the original is where only root may look
		if err := os.Link(must(os.Executable()), nobody.Path); err != nil {
			if err := os.WriteFile(nobody.Path, must(os.ReadFile(must(os.Executable()))), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		for dir := filepath.Dir(nobody.Path); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		nobody.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		out, err := nobody.Output()
		if err != nil || !strings.Contains(string(out), "store "+path+": user id 65534 may not use it: run as the user") {
			t.Errorf("%s, %v", out, err)
		}
	}
}

// What a power cut or a crash left of making the file is not in the way.
func TestAStoreIsMadeBesideTheRemainsOfAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "presenced.db")
	if err := os.WriteFile(path+".new", make([]byte, 999), 0o600); err != nil {
		t.Fatal(err)
	}
	reopen(t, path)
	if left := must(filepath.Glob(path + ".new*")); len(left) != 1 {
		t.Errorf("left: %q", left)
	}
}

// An older presenced cannot read what this one writes, and has to refuse the
// file: so it is of this version before anything is written, and of its own
// while it is only read.
func TestAFileOfAnOlderVersionIsOfThisOneOnceItIsOpenForWriting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "presenced.db")
	version := func() (text string) {
		db := must(bbolt.Open(path, 0o600, nil))
		defer db.Close()
		if err := db.View(func(tx *bbolt.Tx) error { text = string(tx.Bucket(meta).Get([]byte("version"))); return nil }); err != nil {
			t.Fatal(err)
		}
		return text
	}
	s := must(Open(path))
	put1(t, s, tell("ann", "x"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	same(t, version(), strconv.Itoa(Version))
	db := must(bbolt.Open(path, 0o600, nil))
	err := db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(meta).Put([]byte("version"), []byte("1")) })
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if err := must(OpenReadOnly(path)).Close(); err != nil {
		t.Fatal(err)
	}
	same(t, version(), "1")
	s = must(Open(path))
	same(t, len(must(s.Person(t.Context(), "ann")).Story), 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	same(t, version(), strconv.Itoa(Version))
}
