package metrics

import (
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/store"
)

// Of three daemons on one store one tells how many people it holds, so that nobody is
// counted three times by whoever adds up; so does a daemon by itself, and not one that does
// not know who is there.
func TestPeopleAreToldOfByOneDaemon(t *testing.T) {
	daemons := []control.Sharer{{Name: "a"}, {Name: "b"}, {Name: "c"}}
	for want, clusters := range map[float64][]*control.Cluster{
		7: {{Name: "a", Daemons: daemons}, {Name: "b", Daemons: daemons}, {Name: "c", Daemons: daemons}},
		8: {nil, {Name: "a", Fault: "nobody answers", Daemons: daemons}},
	} {
		got := 0.0
		for i, c := range clusters {
			s := Sources{Cluster: func() *control.Cluster { return c }, Asked: func() Asked { return Asked{} }}
			r := prometheus.NewPedanticRegistry()
			r.MustRegister(told(s, storeCollector(holds{people: int(want)})), clusterCollector(s))
			if told, err := testutil.GatherAndCount(r, "presenced_store_people"); err != nil {
				t.Fatal(err)
			} else if told > 0 {
				got += want
			}
			if n, err := testutil.GatherAndCount(r, "presenced_daemons"); err != nil || n != 1 != (c == nil) {
				t.Errorf("daemon %d tells %d times how many there are, %v", i, n, err)
			}
		}
		if got != want {
			t.Errorf("added up there are %v people and not %v", got, want)
		}
	}
}

// What is told of the members and of what differs, by its name.
func TestMembersAndWhatDiffersAreTold(t *testing.T) {
	c := &control.Cluster{
		Name: "a", Daemons: []control.Sharer{{Name: "a", Config: map[string]string{"presence": "1", "site": "1"}, Differs: []string{"presence", "kadence"}}, {Name: "b"}},
		Members: []control.StoreMember{{Endpoint: "https://1", Leader: true, Size: 10, InUse: 5, Quota: 100}, {Endpoint: "https://2", Fault: "refused"}},
	}
	s := Sources{Cluster: func() *control.Cluster { return c }, Asked: func() Asked { return Asked{} }}
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(clusterCollector(s))
	all, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range all {
		for _, m := range f.Metric {
			label := ""
			for _, l := range m.Label {
				label += " " + l.GetValue()
			}
			got[f.GetName()+label] = m.Gauge.GetValue() + m.Counter.GetValue()
		}
	}
	for name, want := range map[string]float64{
		"presenced_daemons": 2, "presenced_config_differs presence": 1, "presenced_config_differs kadence": 1, "presenced_config_differs site": 0,
		"presenced_etcd_member_up https://1": 1, "presenced_etcd_member_up https://2": 0, "presenced_etcd_member_leader https://1": 1,
		"presenced_etcd_member_size_bytes https://1": 10, "presenced_etcd_member_used_bytes https://1": 5, "presenced_etcd_member_quota_bytes https://1": 100,
	} {
		if is, told := got[name]; !told || is != want {
			t.Errorf("%s is %v, want %v; of %s", name, is, want, fmt.Sprint(got))
		}
	}
}

// holds is a store of so many people.
type holds struct {
	household
	people int
}

func (h holds) Stats() store.Stats { return store.Stats{People: h.people} }
