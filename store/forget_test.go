package store

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/presenced/presenced/presence"
)

// crowd fills a store with people who have lived: documents rewritten many
// times, archived visits, notes.
func crowd(t *testing.T, s *Store, users ...string) {
	t.Helper()
	for round := range 20 {
		var changes []presence.Change
		var set []presence.Note
		for i, user := range users {
			changes = append(changes, put(user, func(p *presence.Person) {
				*p = office(user)
				f := presence.Facts{ID: fmt.Sprint(user, round), Device: "d", Marks: []presence.Mark{{Status: presence.Stop, At: monday, Heard: monday}}}
				p.Past = []presence.Facts{f}
				p.Over = []presence.Stretch{{Of: []presence.Apart{{Key: f.Key(), Last: monday, Heard: monday}}, Device: "d", From: monday, To: monday, Raw: monday, Leave: monday, Began: monday, Clear: monday}}
				p.Story = append(p.Story, presence.Entry{At: monday, Text: strings.Repeat(user, 1+round*i%7)})
			}))
			changes = append(changes, settle(user, presence.Visit{ID: fmt.Sprint(user, round), Arrived: monday.Add(time.Duration(round) * time.Hour)}))
			set = append(set, presence.Note{Kind: "kadence user", Key: user, Value: []byte(user)}, presence.Note{Kind: "another", Key: user, Value: []byte("x")})
		}
		if err := s.Update(t.Context(), append(changes, presence.WriteNotes(set...))); err != nil {
			t.Fatal(err)
		}
	}
}

func TestForgettingLeavesNoTraceInTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "presenced.db")
	s := reopen(t, path)
	var users []string
	for i := range 50 {
		users = append(users, fmt.Sprintf("user%d@example.com", i))
	}
	const ann = "ann.forgotten@example.com"
	crowd(t, s, append(users, ann)...)
	for range 2 {
		if err := s.kv.Checkpoint(); err != nil {
			t.Fatal(err)
		}
		crowd(t, s, append(users, ann)...)
	}
	for _, path := range files(path) {
		if !bytes.Contains(must(os.ReadFile(path)), []byte(ann)) {
			t.Fatal("the test looks in the wrong place")
		}
	}
	if err := s.Forget(t.Context(), ann); err != nil {
		t.Fatal(err)
	}
	for _, path := range files(path) {
		if n := bytes.Count(must(os.ReadFile(path)), []byte("ann.forgotten")); n > 0 {
			t.Errorf("%d traces in %s", n, path)
		}
	}
	if err := whole(s); err != nil {
		t.Error(err)
	}
	crowd(t, s, users...)
	same(t, s.Stats().People, len(users))
	same(t, len(must(s.History(t.Context(), "", time.Time{}, monday.AddDate(1, 0, 0), 1e6))), 20*len(users))
	if v := must(s.Note(t.Context(), "another", users[0])); string(v) != "x" {
		t.Errorf("somebody else's note: %q", v)
	}
}

// Pages that a reader of an earlier state still needs are not cleared under
// it, and what is written meanwhile stays.
func TestForgettingDisturbsNobody(t *testing.T) {
	t.Parallel()
	s := openNew(t)
	crowd(t, s, "ann", "bob", "cid")
	stop := make(chan struct{})
	var busy sync.WaitGroup
	for range 3 {
		busy.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				for _, p := range must(s.People(t.Context(), "", 100)) {
					if p.Visits[0].User != p.User {
						t.Errorf("%q has the visit of %q", p.User, p.Visits[0].User)
					}
				}
				must(s.History(t.Context(), "bob", time.Time{}, monday.AddDate(1, 0, 0), 100))
			}
		})
	}
	busy.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			crowd(t, s, fmt.Sprint("new", i%4))
		}
	})
	backup := filepath.Join(t.TempDir(), "backup")
	for i := range 8 {
		if err := s.Forget(t.Context(), fmt.Sprint("new", i%4)); err != nil {
			t.Error(err)
		}
		if i%3 == 0 {
			if err := s.Backup(t.Context(), backup); err != nil {
				t.Error(err)
			}
		}
	}
	close(stop)
	busy.Wait()
	if err := whole(s); err != nil {
		t.Error(err)
	}
}

func TestABackupIsWholeAndReplacesTheLast(t *testing.T) {
	s := openNew(t)
	path := filepath.Join(t.TempDir(), "backup.db")
	for i := range 3 {
		crowd(t, s, fmt.Sprint("user", i))
		if err := s.Backup(t.Context(), path); err != nil {
			t.Fatal(err)
		}
		same(t, must(os.Stat(path)).Mode(), 0o600)
		copied, err := OpenReadOnly(path)
		if err != nil {
			t.Fatal(err)
		}
		same(t, len(must(copied.People(t.Context(), "", 100))), i+1)
		if err := copied.Update(t.Context(), []presence.Change{tell("ann", "x")}); err == nil {
			t.Error("a store that is open for reading was written")
		}
		if err := copied.Close(); err != nil {
			t.Error(err)
		}
	}
	if left := must(filepath.Glob(path + "?*")); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

func TestABackupDoesNotReplaceTheStore(t *testing.T) {
	s := openNew(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(s.Path(), link); err != nil {
		t.Fatal(err)
	}
	for _, path := range append(files(s.Path()), link) {
		if err := s.Backup(t.Context(), path); err == nil || !strings.Contains(err.Error(), "is the store itself: give another name") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestPruningLeavesNoTraceInTheFolder: of what was pruned, and of what was
// dropped from people before.
func TestCase89PruningLeavesNoTraceInTheFolder(t *testing.T) {
	dir := t.TempDir()
	s := reopen(t, filepath.Join(dir, "presenced.db"))
	crowd(t, s, "ann", "bob")
	put1(t, s, settle("ann", presence.Visit{ID: "the pruned visit", Arrived: monday.AddDate(0, 0, -1)}))
	tell := func(text string) {
		put1(t, s, put("bob", func(p *presence.Person) { *p = presence.Person{Story: []presence.Entry{{At: monday, Text: text}}} }))
	}
	tell("the dropped line")
	tell("the last line")
	traces := func() (found []string) {
		for _, file := range must(filepath.Glob(filepath.Join(dir, "*"))) {
			data := must(os.ReadFile(file))
			for _, trace := range []string{"the pruned visit", "the dropped line"} {
				if bytes.Contains(data, []byte(trace)) {
					found = append(found, trace+" in "+filepath.Base(file))
				}
			}
		}
		return found
	}
	if len(traces()) < 2 {
		t.Fatalf("the test looks in the wrong place: %q", traces())
	}
	if n, err := s.Prune(t.Context(), monday); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if left := traces(); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	same(t, must(s.Person(t.Context(), "bob")).Story[0].Text, "the last line")
	if err := whole(s); err != nil {
		t.Error(err)
	}
}
