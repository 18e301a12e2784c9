package office

import (
	"strings"
	"testing"
)

// unmended are findings of these tests that are not mended yet: each is told, and
// fails nothing. The list can only become shorter.
var unmended = []string{
	"seed 5: -in order +late", // a doze that was learned from what came late bridges a gap
}

// find fails the test with what was got wrong, unless it is known to be.
func find(t *testing.T, note string) {
	t.Helper()
	for _, o := range unmended {
		if strings.HasPrefix(note, o) {
			t.Log("OPEN: " + note)
			return
		}
	}
	t.Error(note)
}
