package daemon

import (
	"strings"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/metrics"
	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/store/etcdstore"
)

// cluster is who shares the store, as they were asked lately; nil: nobody does.
func (d *Daemon) cluster() *control.Cluster {
	s, is := d.shared()
	if !is {
		return nil
	}
	daemons, err := s.Daemons()
	c := &control.Cluster{Name: s.Name(), Format: s.Nature(), Twin: s.Twin(), Daemons: []control.Sharer{}, Members: []control.StoreMember{}}
	if err != nil {
		c.Fault = err.Error()
	}
	off, apart := s.Off()
	c.Off, c.Apart = control.Duration(off), apart
	for _, is := range daemons {
		c.Daemons = append(c.Daemons, sharer(is))
	}
	for _, m := range s.Members() {
		c.Members = append(c.Members, control.StoreMember{
			Endpoint: m.Endpoint, Version: m.Version, Leader: m.Leader, Size: m.Size, InUse: m.InUse, Quota: m.Quota,
			Took: control.Duration(m.Took), Fault: m.Fault, Alarms: append([]string{}, m.Alarms...),
		})
	}
	c.Compare()
	return c
}

func sharer(is etcdstore.Daemon) control.Sharer {
	return control.Sharer{
		Name: is.Name, Version: is.Version, Format: is.Format, Started: control.Time{Time: is.Started}, Said: control.Time{Time: is.Clock},
		Unready: is.Unready, Loaded: control.Time{Time: is.Loaded}, Config: is.Config,
	}
}

// asked is what came of asking for a store that is shared.
func (d *Daemon) asked() metrics.Asked {
	s, is := d.shared()
	if !is {
		return metrics.Asked{}
	}
	n := s.Counts()
	return metrics.Asked{
		Conflicts: n.Conflicts, Answered: n.Answered, Failed: n.Failed,
		Taken: map[string]uint64{"wakes": n.Taken[presence.Wakes], "errands": n.Taken[presence.Errands]},
	}
}

// about is what this daemon tells the others of itself.
func (d *Daemon) about() etcdstore.About {
	now := d.inForce.Load()
	is := etcdstore.About{Loaded: now.loaded, Config: now.prints}
	if err := d.ready(); err != nil {
		is.Unready, _, _ = strings.Cut(err.Error(), ":")
	}
	return is
}
