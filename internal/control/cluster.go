package control

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Cluster is who shares the store: the daemons, and the members of etcd that keep it.
type Cluster struct {
	Name    string        `json:"name"`   // of this daemon
	Format  int           `json:"format"` // in which the store is written; 0: it is not known yet
	Fault   string        `json:"fault"`  // why it is not known who is there; "" if it is
	Twin    bool          `json:"same_name"`
	Off     Duration      `json:"clock_off"` // how far this host's clock is ahead of the middle one
	Apart   bool          `json:"clock_wrong"`
	Daemons []Sharer      `json:"daemons"`
	Members []StoreMember `json:"members"`
}

// Sharer is a daemon that shares the store, as it says of itself.
type Sharer struct {
	Name    string            `json:"name"`
	Version string            `json:"version"`
	Format  int               `json:"format"` // the newest that it writes
	Started Time              `json:"started"`
	Said    Time              `json:"said"`    // when it said so, by its clock
	Unready string            `json:"unready"` // why it had better not be sent records; "" if it may be
	Loaded  Time              `json:"loaded"`  // when it read its configuration
	Differs []string          `json:"differs"` // the sections in which its configuration is not the one that counts
	Config  map[string]string `json:"-"`       // their fingerprints; nil: an older version tells none
}

// StoreMember is a member of etcd, as it answered lately.
type StoreMember struct {
	Endpoint string   `json:"endpoint"`
	Version  string   `json:"version"`
	Leader   bool     `json:"leader"`
	Size     int64    `json:"size"`   // of its file, octets
	InUse    int64    `json:"in_use"` // of that
	Quota    int64    `json:"quota"`  // how large the file may become; 0: it is not known
	Took     Duration `json:"took"`   // to answer
	Fault    string   `json:"fault"`  // why it does not answer; "" if it does
	Alarms   []string `json:"alarms"` // what it complains about
}

const (
	settles = 10 * time.Second // a new configuration takes to reach all daemons, and not to be a trouble meanwhile
	nearly  = 60               // per cent of its quota that a member's file may have before it is told of
)

// Full returns how many per cent of its quota the member's file has.
func (m StoreMember) Full() int {
	if m.Quota <= 0 {
		return 0
	}
	return int(m.Size * 100 / m.Quota)
}

// Crowded reports whether the member's file is so large that somebody should know.
func (m StoreMember) Crowded() bool { return m.Full() >= nearly }

// Health is a word for how the member is.
func (m StoreMember) Health() string {
	switch {
	case m.Fault != "":
		return "no answer: " + m.Fault
	case len(m.Alarms) > 0:
		return strings.Join(m.Alarms, "; ")
	case m.Leader:
		return "leader"
	}
	return "follower"
}

// Health is a word for how the daemon is.
func (d Sharer) Health() string {
	var all []string
	if d.Unready != "" {
		all = append(all, "unready: "+d.Unready)
	}
	if len(d.Differs) > 0 {
		all = append(all, "its configuration differs in "+sections(d.Differs))
	}
	return cmp.Or(strings.Join(all, "; "), "ready")
}

// Tells reports whether this daemon is the one that counts people, sessions and errands for
// whoever adds up what the daemons count: the first by name of those that are there. A
// daemon that shares its store with nobody is.
func (c *Cluster) Tells() bool {
	return c == nil || c.Fault == "" && len(c.Daemons) > 0 && c.Daemons[0].Name == c.Name
}

// sections writes names of sections as they stand in the file.
func sections(all []string) string {
	texts := make([]string, len(all))
	for i, s := range all {
		texts[i] = "[" + s + "]"
	}
	return strings.Join(texts, ", ")
}

// Compare finds out whose configuration is not the one that counts: that which most
// daemons have, of several the one that was read last. It returns since when they may differ.
func (c *Cluster) Compare() (since time.Time) {
	var counts *Sharer
	most := 0
	for i := range c.Daemons {
		d := &c.Daemons[i]
		if d.Config == nil {
			continue
		}
		n := 0
		for j := range c.Daemons {
			if c.Daemons[j].Config != nil && maps.Equal(c.Daemons[j].Config, d.Config) {
				n++
			}
		}
		if since = later(since, later(d.Loaded.Time, d.Started.Time)); n > most || n == most && d.Loaded.After(counts.Loaded.Time) {
			counts, most = d, n
		}
	}
	for i := range c.Daemons {
		d := &c.Daemons[i]
		if d.Differs = []string{}; counts == nil || d.Config == nil {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(counts.Config)) {
			if d.Config[name] != counts.Config[name] {
				d.Differs = append(d.Differs, name)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(d.Config)) {
			if _, has := counts.Config[name]; !has {
				d.Differs = append(d.Differs, name)
			}
		}
	}
	return since
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// judgeCluster looks at who shares the store.
func (s *Status) judgeCluster(now time.Time) {
	c := s.Cluster
	if c == nil {
		return
	}
	switch {
	case c.Apart:
		s.amiss(ClockOff, "", Time{}, "this host's clock is "+Span(time.Duration(c.Off).Abs())+" away from those of the other daemons, and Kadence is not called", "")
	case c.Fault != "" && s.Failing == "": // else that is the trouble
		s.amiss(SharersUnknown, "", Time{}, "it is not known which other daemons are there, and Kadence is not called", c.Fault)
	}
	if c.Twin {
		s.amiss(SameName, c.Name, Time{}, "another daemon goes by the name of this one", c.Name)
	}
	since := c.Compare()
	for _, d := range c.Daemons {
		switch {
		case d.Name == c.Name && len(d.Differs) > 0 && now.Sub(since) > settles:
			s.amiss(ConfigDiffers, "", Time{since}, "the configuration is not that of the other daemons in "+sections(d.Differs), "")
		case d.Name == c.Name:
		case len(d.Differs) > 0 && now.Sub(since) > settles:
			s.amiss(OtherDiffers, d.Name, Time{since}, "the configuration of daemon "+d.Name+" is not that of the others in "+sections(d.Differs), "")
		case d.Unready != "":
			s.amiss(OtherUnready, d.Name, Time{}, "daemon "+d.Name+" is unready", d.Unready)
		}
	}
	for i := range c.Members {
		m := &c.Members[i]
		switch {
		case m.Fault != "":
			s.amiss(MemberDown, m.Endpoint, Time{}, "the member of etcd at "+m.Endpoint+" does not answer", m.Fault)
		case len(m.Alarms) > 0:
			s.amiss(MemberAlarmed, m.Endpoint, Time{}, "the member of etcd at "+m.Endpoint+" complains", strings.Join(m.Alarms, "; "))
		case m.Crowded():
			s.amiss(MemberFull, m.Endpoint, Time{}, fmt.Sprintf("the member of etcd at %s has %d %% of its quota", m.Endpoint, m.Full()), "")
		}
	}
}
