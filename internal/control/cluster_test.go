package control

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// The configuration of most daemons counts, of as many the one that was read last; who has
// another one is told, with the sections, once it had time to reach everybody.
func TestWhoseConfigurationDiffersIsTold(t *testing.T) {
	now := time.Now()
	long, lately := now.Add(-time.Hour), now.Add(-time.Minute)
	a, b := map[string]string{"presence": "1", "site": "1"}, map[string]string{"presence": "2", "site": "1", "kadence": "1"}
	for name, c := range map[string]struct {
		daemons []Sharer
		want    string // who differs in what
	}{
		"all have the same":        {[]Sharer{{Config: a, Loaded: Time{long}}, {Config: a, Loaded: Time{long}}}, ""},
		"one of three":             {[]Sharer{{Config: a, Loaded: Time{long}}, {Config: b, Loaded: Time{lately}}, {Config: a, Loaded: Time{long}}}, "1 presence kadence"},
		"of two the older":         {[]Sharer{{Config: a, Loaded: Time{long}}, {Config: b, Loaded: Time{lately}}}, "0 kadence presence"},
		"a moment ago":             {[]Sharer{{Config: a, Loaded: Time{long}}, {Config: b, Loaded: Time{now.Add(-time.Second)}}}, ""},
		"an older version is mute": {[]Sharer{{Config: a, Loaded: Time{long}}, {}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for self := range c.daemons {
				s := Status{Running: true, Started: Time{long}, Turned: Time{now}, Cluster: &Cluster{Name: fmt.Sprint(self)}}
				for i, d := range c.daemons {
					d.Name = fmt.Sprint(i)
					s.Cluster.Daemons = append(s.Cluster.Daemons, d)
				}
				s.Judge(now)
				said := ""
				for _, trouble := range s.Troubles {
					if trouble.Kind == ConfigDiffers || trouble.Kind == OtherDiffers {
						said += trouble.Text(now)
					}
					if trouble.Kind == ConfigDiffers && !trouble.Unready() {
						t.Error("whoever can wait is to send its records to another daemon")
					}
				}
				who, sections, differs := strings.Cut(c.want, " ")
				if !differs {
					if said != "" {
						t.Errorf("to daemon %d it is said that %s", self, said)
					}
					continue
				}
				for _, section := range strings.Fields(sections) {
					if !strings.Contains(said, "["+section+"]") {
						t.Errorf("to daemon %d it is said %q, without [%s]", self, said, section)
					}
				}
				if about := strings.Contains(said, "daemon "+who); about == (fmt.Sprint(self) == who) || strings.Contains(said, "site") {
					t.Errorf("to daemon %d it is said %q", self, said)
				}
			}
		})
	}
}
