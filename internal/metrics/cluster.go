package metrics

import "slices"

// clusterCollector tells of who shares the store; of a file there is nothing to tell.
func clusterCollector(s Sources) collector {
	daemons := newGauge("daemons", "Daemons that share the store, this one too, as it knows of them.")
	format := newGauge("store_format", "In which format the shared store is written; 0 while that is not known.")
	off := newGauge("daemon_clock_off_seconds", "How far this host's clock is ahead of the middle one of the daemons'.")
	differs := newGauge("config_differs", "Whether this daemon's configuration is not that of the others, by section.", "section")
	up := newGauge("etcd_member_up", "Whether the member of etcd answered when it was last asked.", "endpoint")
	leader := newGauge("etcd_member_leader", "Whether the member of etcd leads.", "endpoint")
	size := newGauge("etcd_member_size_bytes", "Size of the member's file.", "endpoint")
	used := newGauge("etcd_member_used_bytes", "Of that, what is in use: the rest is free once it is defragmented.", "endpoint")
	quota := newGauge("etcd_member_quota_bytes", "How large the member's file may become: then nothing more is written.", "endpoint")
	took := newGauge("etcd_member_answer_seconds", "How long the member took to answer.", "endpoint")
	attempts := newCounter("etcd_attempts", `Readings and writings that a member was asked for: "answered", or "failed", so that another one was asked.`, "endpoint", "result")
	conflicts := newCounter("store_conflicts", "Transactions that were made again because another daemon had written first.")
	taken := newCounter("taken_over", "People whom this daemon came for in the place of another, by queue.", "queue")
	all := []*family{daemons, format, off, differs, up, leader, size, used, quota, took, attempts, conflicts, taken}
	return collector{all, func(ch out) {
		c := s.Cluster()
		if c == nil {
			return
		}
		daemons.send(ch, float64(len(c.Daemons)))
		format.send(ch, float64(c.Format))
		off.send(ch, float64(c.Off)/1e9)
		sections := map[string]bool{}
		for _, d := range c.Daemons {
			for section := range d.Config {
				sections[section] = sections[section] || d.Name == c.Name && slices.Contains(d.Differs, section)
			}
			for _, section := range d.Differs {
				sections[section] = sections[section] || d.Name == c.Name
			}
		}
		for section, is := range sections {
			differs.sendYes(ch, is, section)
		}
		for _, m := range c.Members {
			if up.sendYes(ch, m.Fault == "", m.Endpoint); m.Fault != "" {
				continue
			}
			leader.sendYes(ch, m.Leader, m.Endpoint)
			size.send(ch, float64(m.Size), m.Endpoint)
			used.send(ch, float64(m.InUse), m.Endpoint)
			took.send(ch, float64(m.Took)/1e9, m.Endpoint)
			if m.Quota > 0 {
				quota.send(ch, float64(m.Quota), m.Endpoint)
			}
		}
		asked := s.Asked()
		conflicts.send(ch, float64(asked.Conflicts))
		for queue, n := range asked.Taken {
			taken.send(ch, float64(n), queue)
		}
		for endpoint, n := range asked.Answered {
			attempts.send(ch, float64(n), endpoint, "answered")
			attempts.send(ch, float64(asked.Failed[endpoint]), endpoint, "failed")
		}
	}}
}
