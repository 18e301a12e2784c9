package budget

import (
	"fmt"
	"testing"
	"time"
)

// told is a test that keeps what it is told.
type told struct {
	testing.TB
	failures []string
}

func (t *told) Helper() {}
func (t *told) Errorf(format string, args ...any) {
	t.failures = append(t.failures, fmt.Sprintf(format, args...))
}

var kept []byte

func TestWhatCostsMoreThanItsSizeFails(t *testing.T) {
	small := Budget{Time: time.Second, Each: time.Second, Octets: 1 << 20, More: 1}
	slow := Budget{Octets: 1 << 30}
	work := func() {
		for range 1 << 20 {
			kept = append(kept[:0], 1, 2, 3)
		}
		kept = make([]byte, 8<<20)
	}
	for _, test := range []struct {
		what   string
		budget Budget
		size   int
		want   int
	}{
		{"within it", small, 8 << 20, 0},
		{"too large", small, 10, 1},
		{"too slow", slow, 10, 1},
		{"both", Budget{}, 10, 2},
	} {
		in := &told{TB: t}
		test.budget.Hold(in, test.size, work)
		if len(in.failures) != test.want {
			t.Errorf("%s: %q", test.what, in.failures)
		}
	}
}
