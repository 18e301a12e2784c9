package testbed

import (
	"time"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/presence"
)

// Well is the facts of a daemon of which there is nothing to say.
func Well(now time.Time) control.Status {
	heard := func(ago time.Duration) control.Time { return control.Time{Time: now.Add(-ago)} }
	return control.Status{
		Running: true, Started: heard(24 * time.Hour), Turned: heard(time.Second), Desk: control.Desk{Mode: "live", Success: heard(time.Minute)},
		Clients: []control.Client{{Name: "wlc", LastHeard: heard(time.Second), Requests: 5}}, Sites: []control.Site{{Name: "london"}},
		Certificates: []control.Certificate{{Kind: "server", Client: "wlc", Subject: "CN=radsec", Expires: heard(-100 * 24 * time.Hour)}},
	}
}

// Amiss makes of the facts of [Well] those of one trouble, of each kind.
func Amiss(now time.Time) map[control.Kind]func(*control.Status) {
	ago := func(d time.Duration) control.Time { return control.Time{Time: now.Add(-d)} }
	share := func(refused uint64) func(*control.Status) {
		return func(s *control.Status) {
			s.Shares = []control.Share{{Client: "wlc", Of: "people", Held: 15, Most: 20, Refused: refused}}
		}
	}
	cluster := func(change func(*control.Cluster)) func(*control.Status) {
		return func(s *control.Status) {
			config := map[string]string{"presence": "1"}
			s.Cluster = &control.Cluster{Name: "a", Format: 1, Members: []control.StoreMember{{Endpoint: "https://etcd-1:2379", Leader: true, Size: 1, Quota: 100}}}
			for _, name := range []string{"a", "b", "c"} {
				s.Cluster.Daemons = append(s.Cluster.Daemons, control.Sharer{Name: name, Started: ago(time.Hour), Loaded: ago(time.Minute), Config: config})
			}
			change(s.Cluster)
		}
	}
	differs := func(which int) func(*control.Cluster) {
		return func(c *control.Cluster) { c.Daemons[which].Config = map[string]string{"presence": "2"} }
	}
	return map[control.Kind]func(*control.Status){
		control.ConfigDiffers:  cluster(differs(0)),
		control.OtherDiffers:   cluster(differs(1)),
		control.OtherUnready:   cluster(func(c *control.Cluster) { c.Daemons[2].Unready = "recording fails, nothing is answered" }),
		control.ClockOff:       cluster(func(c *control.Cluster) { c.Apart, c.Off = true, control.Duration(time.Minute) }),
		control.SharersUnknown: cluster(func(c *control.Cluster) { c.Fault = "https://etcd-1:2379: deadline exceeded" }),
		control.SameName:       cluster(func(c *control.Cluster) { c.Twin = true }),
		control.MemberDown:     cluster(func(c *control.Cluster) { c.Members[0].Fault = "connection refused" }),
		control.MemberAlarmed:  cluster(func(c *control.Cluster) { c.Members[0].Alarms = []string{"NOSPACE"} }),
		control.MemberFull:     cluster(func(c *control.Cluster) { c.Members[0].Size = 61 }),
		control.NotRecording:   func(s *control.Status) { s.Failing, s.FailingSince = "write to store: no space left", ago(time.Minute) },
		control.StandsStill:    func(s *control.Status) { s.Turned = ago(time.Minute) },
		control.AnswersLate:    func(s *control.Status) { s.Waits = control.Duration(6 * time.Second) },
		control.ReadsNothing:   func(s *control.Status) { s.Started, s.Turned = ago(time.Second), control.Time{} },
		control.Recalls:        func(s *control.Status) { s.Recalling = true },
		control.WrongSecret:    func(s *control.Status) { s.Clients[0].Rate.BadSecrets = 3 },
		control.NeverHeard:     func(s *control.Status) { s.Clients[0].LastHeard = control.Time{} },
		control.Silent:         func(s *control.Status) { s.Clients[0].LastHeard = ago(time.Hour) },
		control.SilentNASes: func(s *control.Status) {
			s.NASes = map[presence.NASName]presence.NAS{"wlc/ap": {Heard: ago(time.Hour).Time}}
			s.Count(presence.View{Person: &presence.Person{}, Sessions: []presence.Session{{NAS: "wlc/ap", Site: "london", State: presence.Open}}})
		},
		control.ShareNear:       share(0),
		control.ShareExceeded:   share(30),
		control.RunsOut:         func(s *control.Status) { s.Certificates[0].Expires = ago(-73 * time.Hour) },
		control.RanOut:          func(s *control.Status) { s.Certificates[0].Expires = ago(time.Hour) },
		control.OldCRL:          func(s *control.Status) { s.Certificates[0].Kind, s.Certificates[0].Expires = "crl", ago(time.Hour) },
		control.Dropped:         func(s *control.Status) { s.Drops = 7 },
		control.NoAnswer:        func(s *control.Status) { s.Desk.Error = "503" },
		control.WalkInsStopped:  func(s *control.Status) { s.Sites[0].Stopped = "walk-ins are stopped at this site until the day turns" },
		control.BuildingDoubted: func(s *control.Status) { s.Sites[0].Doubt = "Kadence no longer lists building HQ" },
		control.NoDesk:          func(s *control.Status) { s.Desk = control.Desk{Mode: "none"} },
		control.DryRun:          func(s *control.Status) { s.Desk.Mode = "dry_run" },
		control.StoreDoubted:    func(s *control.Status) { s.Store.Doubts = []string{"the store is a backup"} },
		control.ConfigRefused:   func(s *control.Status) { s.Refusing, s.RefusedFor = ago(time.Hour), "presenced.toml:7: no key" },
	}
}
