package store

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/presenced/presenced/presence"
)

var crashes = flag.Int("crashes", 5, "how often TestKillLosesNothing kills")

// seeded returns a source of chance that the log of a failed test names.
func seeded(t testing.TB) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

const crew = 40 // people among whom the writer's updates go round

// step is the writer's update number n: of two people, with a visit that is
// settled and a note.
func step(n int) []presence.Change {
	user := func(n int) string { return fmt.Sprintf("user%d@example.com", n%crew) }
	mark := func(p *presence.Person) {
		wake, story := p.Wake, p.Story
		*p = office(p.User)
		p.Wake = later(wake, monday.Add(time.Duration(n*7%1000)*time.Second))
		p.Story = append(story, presence.Entry{At: monday, Kind: presence.Heard, Text: strconv.Itoa(n)})
		p.Story = p.Story[max(0, len(p.Story)-n%30-1):]
	}
	return []presence.Change{
		put(user(n), mark), put(user(n+7), mark),
		settle(user(n), presence.Visit{ID: strconv.Itoa(n), Arrived: monday.Add(time.Duration(n) * time.Second)}),
		presence.WriteNotes(presence.Note{Kind: "writer", Key: "last", Value: []byte(strconv.Itoa(n))}),
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// holds checks that the store holds the updates up to some number, which is
// at least acknowledged, and of later ones nothing.
func holds(s *Store, acknowledged int) error {
	ctx := context.Background()
	value, err := s.Note(ctx, "writer", "last")
	if err != nil {
		return err
	}
	last, _ := strconv.Atoi(string(value))
	if last < acknowledged {
		return fmt.Errorf("update %d was acknowledged, and the store ends with %d", acknowledged, last)
	}
	visits, err := s.History(ctx, "", time.Time{}, monday.AddDate(1, 0, 0), 1e9)
	if err != nil {
		return err
	}
	if len(visits) != last {
		return fmt.Errorf("after %d updates there are %d visits", last, len(visits))
	}
	for n := max(1, last-10); n <= last; n++ {
		for _, c := range step(n) {
			if c.User == "" {
				continue
			}
			p, err := s.Person(ctx, c.User)
			if err != nil {
				return err
			}
			newest := 0
			if len(p.Story) > 0 {
				newest, _ = strconv.Atoi(p.Story[len(p.Story)-1].Text)
			}
			if newest < n || newest > last {
				return fmt.Errorf("after %d updates %s ends with %d, not %d", last, c.User, newest, n)
			}
		}
	}
	return whole(s)
}

// write steps from where the store is, with journals of so many octets, up to a
// number, and tells the number of every update that is acknowledged. What fails
// it repeats.
func write(path string, end int, journals int64, acknowledged func(n int)) error {
	s, err := Open(path)
	if err != nil {
		return err
	}
	s.withJournals(journals)
	value, err := s.Note(context.Background(), "writer", "last")
	if err != nil {
		return err
	}
	last, _ := strconv.Atoi(string(value))
	for n := last + 1; n <= end; n++ {
		for tries := 0; ; tries++ {
			err := s.Update(context.Background(), step(n))
			if err == nil {
				break
			}
			if tries == 20 {
				return err
			}
		}
		acknowledged(n)
	}
	return s.Close()
}

const someUpdates = 20 << 10 // octets of a journal that holds a few updates, so that there are checkpoints

func init() {
	children["writer"] = func(args []string) error {
		return write(args[0], must(strconv.Atoi(args[1])), int64(must(strconv.Atoi(args[2]))), func(n int) { fmt.Println(n) })
	}
}

func TestKillLosesNothing(t *testing.T) {
	t.Parallel()
	chance := seeded(t)
	path := filepath.Join(t.TempDir(), "presenced.db")
	acknowledged := 0
	for range *crashes {
		w := child(t, "writer", path, "1000000000", strconv.Itoa(someUpdates))
		out := must(w.StdoutPipe())
		if err := w.Start(); err != nil {
			t.Fatal(err)
		}
		lines, until := bufio.NewScanner(out), 1+chance.IntN(150)
		for n := 0; lines.Scan(); n++ {
			if line, err := strconv.Atoi(lines.Text()); err == nil {
				acknowledged = line
			}
			if n == until {
				if err := w.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		w.Wait() // it was killed
		s, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(holds(s, acknowledged), s.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if acknowledged < *crashes {
		t.Errorf("only %d updates were acknowledged", acknowledged)
	}
	t.Logf("%d crashes, %d updates acknowledged", *crashes, acknowledged)
}
