package page

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presenced/presenced/presence"
)

// steady is a store that takes as long for each who is read.
type steady struct {
	crowd
	each time.Duration
}

func (s steady) People(ctx context.Context, after string, limit int) ([]presence.Person, error) {
	some, err := s.crowd.People(ctx, after, limit)
	time.Sleep(time.Duration(len(some)) * s.each)
	return some, err
}

// Who looks first, at a million people or at a slow disk, is shown within a moment what is
// known by then and that the count goes on; who looks after it, all of it. Nobody waits
// for a list that another asked for.
func TestWhoLooksFirstIsShownWhatIsKnownByThen(t *testing.T) {
	o := newOffice(t)
	synctest.Test(t, func(t *testing.T) {
		const many = 30_000 // more than a snapshot remembers
		p := o.page()
		p.Listings.Store = steady{crowd{number: many}, time.Millisecond}
		const goesOn = "it goes on"
		look := func(path string) string {
			t.Helper()
			began := time.Now()
			_, text := get(t, p, path)
			if took := time.Since(began); took > 2*patience {
				t.Errorf("%s is shown after %s", path, took)
			}
			return text
		}
		for range 3 {
			if text := look("/"); !strings.Contains(text, goesOn) || !strings.Contains(text, "user000099") {
				t.Errorf("meanwhile is shown:\n%s", text)
			}
		}
		time.Sleep(many * time.Millisecond)
		if text := look("/"); strings.Contains(text, goesOn) || !strings.Contains(text, "30\u202f000 people here") {
			t.Errorf("of the whole is shown:\n%s", text)
		}
		for range 2 {
			if text := look("/?order=since"); !strings.Contains(text, "look again") || !strings.Contains(text, "user00") {
				t.Errorf("of the latest is shown:\n%s", text)
			}
			if text := look("/?order=since&is=present"); !strings.Contains(text, "look again") {
				t.Errorf("while another list is made is shown:\n%s", text)
			}
		}
		time.Sleep(many * time.Millisecond)
		if text := look("/?order=since"); strings.Contains(text, "look again") {
			t.Errorf("of the latest is shown in the end:\n%s", text)
		}
	})
}
