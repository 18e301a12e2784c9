package page

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/internal/control"
)

// Who shares the store is under Network, with what is the matter; a daemon by itself has
// nothing there.
func TestDaemonsAndMembersAreUnderNetwork(t *testing.T) {
	o := newOffice(t)
	p := o.page()
	if _, text := get(t, p, "/network"); strings.Contains(text, "Members of etcd") || strings.Contains(text, "Daemons") {
		t.Error("a daemon by itself tells of others")
	}
	p = o.page() // which has not counted yet
	status := p.Status
	p.Status = func(ctx context.Context) (control.Status, error) {
		s, err := status(ctx)
		same, other := map[string]string{"presence": "1"}, map[string]string{"presence": "2"}
		ago := control.Time{Time: time.Now().Add(-time.Hour)}
		s.Cluster = &control.Cluster{
			Name: "hq-1",
			Daemons: []control.Sharer{
				{Name: "hq-1", Version: "1.2.0", Started: ago, Loaded: ago, Config: same}, {Name: "hq-2", Version: "1.2.0", Started: ago, Loaded: ago, Config: same},
				{Name: "hq-3<b>", Version: "1.1.0", Started: ago, Loaded: ago, Config: other, Unready: "recording fails"},
			},
			Members: []control.StoreMember{
				{Endpoint: "https://etcd-1:2379", Version: "3.6.5", Leader: true, Size: 5 << 30, Quota: 8 << 30}, {Endpoint: "https://etcd-2:2379", Fault: "connection refused"},
			},
		}
		s.Cluster.Compare()
		s.Judge(time.Now())
		return s, err
	}
	all := rows(shown(t, p, "/network"))
	for _, want := range []string{
		"hq-1 this one ready 1.2.0", "hq-3<b> unready: recording fails; its configuration differs in [presence] 1.1.0",
		"https://etcd-1:2379 leader 3.6.5", "62 %", "https://etcd-2:2379 no answer: connection refused",
	} {
		if !has(all, want) {
			t.Errorf("there is no %q in\n%s", want, strings.Join(all, "\n"))
		}
	}
	_, text := get(t, p, "/")
	for _, want := range []string{"does not answer: connection refused", "is not that of the others in [presence]", "62 % of its quota", `href="/network"`} {
		if !strings.Contains(text, want) {
			t.Errorf("what to look at is without %q", want)
		}
	}
}
