package daemon

import "testing"

// TestGarbageIsLessOfMorePeople: it may be four times what is in use while
// that is little, then a quarter of a gigabyte, and no more than what is in use
// once that is as much.
func TestGarbageIsLessOfMorePeople(t *testing.T) {
	for _, c := range []struct {
		megabytes uint64
		want      int
	}{{0, 400}, {10, 400}, {64, 400}, {128, 200}, {256, 100}, {1000, 100}} {
		if got := garbage(c.megabytes << 20); got != c.want {
			t.Errorf("of %d MB in use, %d per cent may gather, not %d", c.megabytes, got, c.want)
		}
	}
}
