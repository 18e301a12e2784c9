package office

import (
	"strings"
	"testing"
)

// unmended are findings of these tests that are not mended yet: each is told, and
// fails nothing. The list can only become shorter.
var unmended = []string{
	"seed 5: -in order +late", // whether an access point fell silent with its station: the two are told apart by which was heard last
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
