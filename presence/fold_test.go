package presence

import (
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/internal/rigs/budget"
)

func TestGlobs(t *testing.T) {
	for _, test := range []struct {
		glob, s string
		want    bool
	}{
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"*", "anything/at\\all", true},
		{"host/*", "host/a/b", true},
		{"host/*", "ghost/a", false},
		{"*$", "PC$", true},
		{"*$", "PC$x", false},
		{`corp\*`, `CORP\alice`, true},
		{"a*b*c", "aXbYbZc", true},
		{"a*b*c", "aXbYbZ", false},
		{"**a", "bba", true},
		{"?", "é", true},
		{"?", "", false},
		{"a?c", "abc", true},
		{"a?c", "ac", false},
		{"*?", "", false},
		{"[a]", "a", false},
		{"\xff*", "\xffx", true},
		{"*\x80", "é\x80", true},
	} {
		if got := Match(test.glob, test.s); got != test.want {
			t.Errorf("Match(%q, %q) is %v", test.glob, test.s, got)
		}
	}
}

// FuzzGlob: a glob without wildcards matches its text alone, and stars change
// nothing where they can be empty. Stars cost no more than one length times the
// other.
func FuzzGlob(f *testing.F) {
	f.Add("a*b", "aXb")
	f.Add("ÄÖ?", "äöü")
	f.Add("\xff", "\xff\xfe")
	f.Add(strings.Repeat("*a", 100)+"b", strings.Repeat("a", 2000))
	f.Fuzz(func(t *testing.T, glob, s string) {
		glob, s = glob[:min(len(glob), 253)], s[:min(len(s), 4096)] // an identity and a pattern for it are no longer
		b := budget.Budget{Time: 50 * time.Millisecond, Each: 200 * time.Nanosecond, Octets: 64 << 10}
		b.Hold(t, (1+len(glob))*(1+len(s)), func() { Match(glob, s) })
		if !strings.ContainsAny(glob, "*?") && Match(glob, s) != (Fold(glob) == Fold(s)) {
			t.Errorf("Match(%q, %q) is not equality", glob, s)
		}
		if Match(glob, s) && (!Match("*"+glob, s) || !Match(glob+"*", s)) {
			t.Errorf("Match(%q, %q), but not with a star more", glob, s)
		}
	})
}
