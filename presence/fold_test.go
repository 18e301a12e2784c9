package presence

import (
	"strings"
	"testing"
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
// nothing where they can be empty.
func FuzzGlob(f *testing.F) {
	f.Add("a*b", "aXb")
	f.Add("ÄÖ?", "äöü")
	f.Add("\xff", "\xff\xfe")
	f.Fuzz(func(t *testing.T, glob, s string) {
		if !strings.ContainsAny(glob, "*?") && Match(glob, s) != (Fold(glob) == Fold(s)) {
			t.Errorf("Match(%q, %q) is not equality", glob, s)
		}
		if Match(glob, s) && (!Match("*"+glob, s) || !Match(glob+"*", s)) {
			t.Errorf("Match(%q, %q), but not with a star more", glob, s)
		}
	})
}
