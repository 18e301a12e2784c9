package store

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/presenced/presenced/presence"
)

// BenchmarkDue is what it costs to be told who is due, of so many who wait and one who was
// written since: of everybody, and of whom is new.
func BenchmarkDue(b *testing.B) {
	for _, waiting := range []int{100, 30_000} {
		s, err := Open(filepath.Join(b.TempDir(), "presenced.db"))
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		due := func(n int) presence.Change {
			at := monday.Add(time.Duration(n) * time.Microsecond)
			return presence.Change{User: fmt.Sprintf("u%05d@example.com", n), Apply: func(p *presence.Person, _ [][]byte) presence.Outcome {
				p.Devices, p.NextErrand = append(p.Devices[:0], presence.Device{Last: time.Now()}), at
				return presence.Outcome{}
			}}
		}
		var all []presence.Change
		for n := range waiting {
			all = append(all, due(n))
		}
		if err := s.Update(b.Context(), all); err != nil {
			b.Fatal(err)
		}
		by := monday.Add(time.Hour)
		for name, ask := range map[string]func() ([]string, error){
			"everybody": func() ([]string, error) {
				users, _, err := s.Due(b.Context(), presence.Errands, by, waiting)
				return users, err
			},
			"new": func() ([]string, error) {
				users, _, err := s.NewlyDue(b.Context(), by, waiting, false)
				return users, err
			},
		} {
			b.Run(fmt.Sprintf("%s/waiting=%d", name, waiting), func(b *testing.B) {
				_, _ = ask()
				for b.Loop() {
					b.StopTimer()
					if err := s.Update(b.Context(), []presence.Change{due(waiting / 2)}); err != nil {
						b.Fatal(err)
					}
					b.StartTimer()
					if users, err := ask(); err != nil || name == "new" && len(users) != 1 {
						b.Fatal(len(users), err)
					}
				}
			})
		}
	}
}
