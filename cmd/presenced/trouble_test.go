package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/internal/terminal"
)

// TestEveryTroubleIsPrinted by status, on watch's screen and as its news, and
// what stops the daemon from recording also by check: in the daemon's words.
func TestEveryTroubleIsPrinted(t *testing.T) {
	now := time.Now()
	well := testbed.Well(now)
	well.Judge(now)
	for kind, change := range testbed.Amiss(now) {
		s := testbed.Well(now)
		change(&s)
		s.Judge(now)
		trouble := s.Troubles[0]
		text, _, _ := strings.Cut(trouble.Text(now), " (for ")
		var out bytes.Buffer
		p := &program{stdout: terminal.Out{Writer: &out}}
		if err := p.tellStatus(s); err != nil {
			t.Fatal(err)
		}
		if said := strings.Join(strings.Fields(out.String()), " "); !strings.Contains(said, text) || strings.Contains(said, "not ready") != (trouble.Grade == control.Down) {
			t.Errorf("%s: status says %s", kind, out.String())
		}
		if said := strings.Join(p.head(sight{status: s}, 500, now), "\n"); !strings.Contains(said, text) {
			t.Errorf("%s: the screen says %s", kind, said)
		}
		s.Started, s.Clients, s.Drops = well.Started, well.Clients, 0 // which is news of its own
		if news := statusChanges(well, s, now); len(news) != 1 || !strings.HasPrefix(news[0].Text, text) || news[0].What != trouble.About {
			t.Errorf("%s: the news is %+v", kind, news)
		}
		if news := statusChanges(s, well, now); len(news) != 1 || news[0].Text != "no longer: "+trouble.What {
			t.Errorf("%s: when it is over the news is %+v", kind, news)
		}
		first := tryHostOf(t.Context(), &configs.Config{}, s, nil)[0]
		if down := first.verdict == wrong && strings.Contains(first.text, trouble.What) && first.remedy == trouble.Remedy; down != (trouble.Grade == control.Down) {
			t.Errorf("%s: check says %+v", kind, first)
		}
	}
}
