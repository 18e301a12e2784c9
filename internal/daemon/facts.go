package daemon

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/presence"
)

// status is what only the running daemon knows.
func (d *Daemon) status(radius []*net.UDPConn) control.Status {
	s := d.facts()
	s.Listening = addresses(radius, d.Radsec)
	stats := d.Store.Stats()
	s.Store.Path, s.Store.Size, s.Store.Commit, s.Store.FreePages = d.Store.Path(), stats.Size, control.Duration(stats.Commit), stats.FreePages
	s.Judge(time.Now())
	return s
}

// troubles says what is amiss, the worst first, without counting people.
func (d *Daemon) troubles() []control.Trouble {
	s := d.facts()
	s.Judge(time.Now())
	return s.Troubles
}

// seen gathers the facts. It asks neither disk nor network: whoever asks how the
// daemon is must be answered while either hangs.
func (d *Daemon) seen() control.Status {
	now := d.inForce.Load()
	s := control.Status{
		Version: Version(), Running: true, PID: os.Getpid(), Started: control.Time{Time: d.started},
		Config: now.config.Path, Reloaded: control.Time{Time: now.loaded}, HTTP: d.URL(), Nobody: len(d.unmatched()),
		Desk: d.deskStatus(), Store: control.StoreInfo{Doubts: *d.odd.Load()},
		Turned: control.Time{Time: d.turned()}, Recalling: !d.Tracker.Recalled(), NASes: d.Tracker.NASes(),
		Waits: control.Duration(d.Radius.Waits()), Shares: []control.Share{},
	}
	walkIns := d.Courier.WalkIns()
	for _, site := range now.mapping.Sites {
		row := control.Site{Name: site.Name, Building: site.Building, Zone: site.Zone.String()}
		row.WalkIns, row.Stopped = walkIns[site.Name].Today, walkIns[site.Name].Stopped
		if now.kadence != nil {
			row.Doubt = now.kadence.Doubt(site.Name)
		}
		s.Sites = append(s.Sites, row)
	}
	if err := d.Tracker.Failing(); err != nil {
		s.Failing, s.FailingSince = err.Error(), control.Time{Time: d.Tracker.FailingSince()}
	}
	if r := d.refused.Load(); r != nil {
		s.Refusing, s.RefusedFor = control.Time{Time: r.since}, r.why
		if r.more > 0 {
			s.RefusedFor += fmt.Sprintf(", and %d more", r.more)
		}
	}
	for _, share := range d.Tracker.Shares() {
		if share.Near(time.Now()) {
			s.Shares = append(s.Shares, control.Share{
				Client: share.Client, Of: string(share.Of), Held: share.Held, Most: share.Most, Refused: share.Refused, Last: control.Time{Time: share.Last},
			})
		}
	}
	totals := d.Radius.Totals()
	s.Unknown, s.Drops, s.Refused = totals.InvalidRequests, totals.KernelDrops, totals.Refused
	for _, c := range d.Radius.Certificates() {
		s.Certificates = append(s.Certificates, control.Certificate{Kind: c.Kind, Client: c.Client, Subject: c.Subject, Expires: control.Time{Time: c.Expires}})
	}
	s.Cluster = d.cluster()
	s.Clients = d.clients()
	heardBefore(s.Clients, s.NASes)
	d.rates.Rate(&s, time.Now())
	return s
}

// clients is what was heard from each client.
func (d *Daemon) clients() (all []control.Client) {
	identities := d.Tracker.Identities()
	for _, c := range d.Radius.Stats() {
		all = append(all, control.Client{
			Name: c.Name, Address: c.Address, Site: c.Site, LastHeard: control.Time{Time: c.LastHeard},
			Requests: c.Requests, Responses: c.Responses, Duplicates: c.DupRequests, BadSecrets: c.BadAuthenticators,
			Malformed: c.MalformedRequests, Dropped: c.PacketsDropped, NoRecords: c.NoRecords, UnknownTypes: c.UnknownTypes,
			NoSessionID: c.NoSessionID, BadDelays: c.BadDelays, BadStamps: c.BadStamps, Skew: control.Duration(c.Skew),
			OverTLS: c.OverTLS, Connections: c.Connections,
			Named: identities[c.Name].Named, Anonymous: identities[c.Name].Anonymous,
		})
	}
	return all
}

// heardBefore fills in when clients were last heard before the start: what is known of
// their NASes is stored, a minute late at the most.
func heardBefore(clients []control.Client, nases map[presence.NASName]presence.NAS) {
	latest := map[string]time.Time{}
	for name, n := range nases {
		if client := name.Client(); n.Heard.After(latest[client]) {
			latest[client] = n.Heard
		}
	}
	for i := range clients {
		if c := &clients[i]; latest[c.Name].After(c.LastHeard.Time) {
			c.LastHeard.Time = latest[c.Name]
		}
	}
}

// sample notes the clients' counters, for rates.
func (d *Daemon) sample(context.Context) { d.rates.Sample(d.clients(), time.Now()) }

// turned returns when that loop turned which has not for longest; zero if one
// does not run.
func (d *Daemon) turned() time.Time {
	ticked, alive := d.Tracker.Ticked(), d.Radius.Alive()
	if ticked.Before(alive) {
		return ticked
	}
	return alive
}

// tellStore logs what is odd about the store.
func (d *Daemon) tellStore() {
	for _, doubt := range *d.odd.Load() {
		d.Log.Warn(doubt)
	}
}

// doubtStore finds out what is odd about the store that was opened.
func (d *Daemon) doubtStore() {
	doubts := []string{}
	origin := d.Store.Origin()
	if !origin.Copied.IsZero() {
		doubts = append(doubts, "the store is a backup of "+origin.Copied.Format(time.RFC3339)+": what came after that is not known")
	}
	for _, journal := range origin.Emptied {
		doubts = append(doubts, journal+" was emptied: what only it had is lost, though it was acknowledged")
	}
	d.odd.Store(&doubts)
}

func (d *Daemon) deskStatus() control.Desk {
	now := d.inForce.Load()
	if now.kadence == nil {
		return control.Desk{Mode: now.mode, Calls: []control.Call{}}
	}
	h := d.Courier.Health()
	calls := []control.Call{}
	for _, c := range now.kadence.Stats().Calls {
		calls = append(calls, control.Call{Route: c.Route, Result: c.Result, Count: c.Count})
	}
	return control.Desk{
		Mode: now.mode, Calls: calls, Success: control.Time{Time: h.Success}, Failure: control.Time{Time: h.Failure},
		Error: h.Error, Failures: h.Failures, Rests: control.Time{Time: h.Rests},
	}
}
