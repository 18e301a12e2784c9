package habits

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// mayReadSigns says who, of what runs or asks the daemon, may read the signs by
// which it is told how the daemon fares, by file and function: who gathers
// them, who judges, and who hands one out as a number.
var mayReadSigns = map[string][]string{
	"internal/daemon/facts.go":     {"seen", "turned"},
	"internal/control/trouble.go":  {"judgeSelf", "judgeDesk"},
	"internal/control/cluster.go":  {"judgeCluster"},
	"internal/metrics/presence.go": {"presenceCollector"}, // how long records wait
	"internal/metrics/kadence.go":  {"kadenceCollector"},  // of each site, whether its building is doubted
}

// TestOneVerdict: what is amiss is decided in one place, and everybody else
// prints it. Two who decide contradict each other at the worst moment.
func TestOneVerdict(t *testing.T) {
	signs := []string{"Failing", "FailingSince", "Healthy", "Recalled", "Recalling", "Ticked", "Turned", "Alive", "Waits", "Refusing", "Doubt"}
	used := map[string]bool{}
	outside(t, func(path, in, at string, n ast.Node) {
		s, ok := n.(*ast.SelectorExpr)
		if !ok || !slices.Contains(signs, s.Sel.Name) || !strings.HasPrefix(path, "internal/") && !strings.HasPrefix(path, "cmd/") ||
			strings.HasPrefix(path, "internal/web/") { // whose Healthy is a question that the daemon answers
			return
		}
		if slices.Contains(mayReadSigns[path], in) {
			used[path+" "+in] = true
		} else {
			t.Errorf("%s: %s reads %s: Status.Troubles has what follows from it", at, in, s.Sel.Name)
		}
	})
	for path, all := range mayReadSigns {
		for _, in := range all {
			if !used[path+" "+in] {
				t.Errorf("%s: %s may read signs of trouble, and does not: take it off the list", path, in)
			}
		}
	}
}
