package daemon

import (
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/store/etcdstore"
)

// What may become wrong with a member is told before it does, each thing with what to do.
func TestWhatMayBecomeWrongWithAMemberIsTold(t *testing.T) {
	now := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	type tells = etcdstore.Metrics
	well := tells{Synced: 4 * time.Millisecond, Started: now.Add(-72 * time.Hour), Compacted: now.Add(-4 * time.Minute), Past: 90_000}
	for name, c := range map[string]struct {
		is    func(*etcdstore.Member, *tells)
		doubt string // "": none
	}{
		"all is well":           {func(*etcdstore.Member, *tells) {}, ""},
		"its disk is slow":      {func(_ *etcdstore.Member, m *tells) { m.Synced = 64 * time.Millisecond }, "64ms"},
		"no compaction for two": {func(_ *etcdstore.Member, m *tells) { m.Compacted = now.Add(-2 * time.Hour) }, "90000 past changes"},
		"never compacted":       {func(_ *etcdstore.Member, m *tells) { m.Compacted = time.Time{} }, "90000 past changes"},
		"it has just started":   {func(_ *etcdstore.Member, m *tells) { m.Compacted, m.Started = time.Time{}, now.Add(-time.Minute) }, ""},
		"nothing to compact":    {func(_ *etcdstore.Member, m *tells) { m.Compacted, m.Past = time.Time{}, 30 }, ""},
		"no metrics":            {func(_ *etcdstore.Member, m *tells) { *m = tells{Fault: "404 Not Found"} }, "404 Not Found"},
		"two thirds full":       {func(m *etcdstore.Member, _ *tells) { m.Size = 66 }, "66 % of its quota"},
		"without TLS":           {func(m *etcdstore.Member, _ *tells) { m.Endpoint = "http://etcd-1:2379" }, "without TLS"},
		"without TLS, here":     {func(m *etcdstore.Member, _ *tells) { m.Endpoint = "http://127.0.0.1:2379" }, ""},
		"without TLS, here too": {func(m *etcdstore.Member, _ *tells) { m.Endpoint = "http://[::1]:2379" }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			m, told := etcdstore.Member{Endpoint: "https://etcd-1:2379", Version: "3.6.1", Size: 10, Quota: 100}, well
			c.is(&m, &told)
			is := member(m, told, now)
			switch {
			case is.Fault != "":
				t.Errorf("it is wrong: %s", is.Fault)
			case c.doubt == "" && len(is.Doubts) == 0:
			case len(is.Doubts) != 1 || c.doubt == "" || !strings.Contains(is.Doubts[0].Text, c.doubt) || is.Doubts[0].Remedy == "":
				t.Errorf("it is doubted: %q", is.Doubts)
			}
		})
	}
}

// A daemon says its clock every other second: it is told to be wrong only if it surely is.
func TestTheClockOfAnotherDaemonIsDoubtedOnlyIfItIsWrong(t *testing.T) {
	now := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	for said, want := range map[time.Duration]string{
		0: "", -2 * time.Second: "", 9 * time.Second: "", -12 * time.Second: "",
		15 * time.Second: "15s ahead of", -33 * time.Second: "30s behind",
	} {
		s := Shared{Clocks: map[string]time.Duration{"b": ahead(now.Add(said), now)}}
		if text := s.ClockDoubt("b"); (text == "") != (want == "") || !strings.Contains(text, want) {
			t.Errorf("of one that said %s is said %q", said, text)
		}
	}
}
