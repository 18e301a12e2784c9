package daemon

import (
	"context"
	"iter"
	"strings"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/radiusacct"
)

// packetsMost is how many packets wait for somebody who watches; what comes while they
// do is not shown.
const packetsMost = 1024

// packets yields the packets that come from now on, each with the rule that decides about
// it, until ctx ends or the daemon is about to stop.
func (d *Daemon) packets(ctx context.Context) iter.Seq[control.Packet] {
	return func(yield func(control.Packet) bool) {
		seen := make(chan radiusacct.Seen, packetsMost)
		stop := d.Radius.Watch(func(p radiusacct.Seen) {
			select {
			case seen <- p:
			default:
			}
		})
		defer stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-d.stopping:
				return
			case p := <-seen:
				if !yield(d.packet(p)) {
					return
				}
			}
		}
	}
}

// packet is a packet as it is shown.
func (d *Daemon) packet(p radiusacct.Seen) control.Packet {
	row := control.Packet{At: control.Time{Time: p.Heard}, Client: p.Client, Source: p.Source.String()}
	switch {
	case p.Record == nil && p.Repeat:
		row.Verdict, row.Why = "repeat", "it gets the answer of the first, and is not recorded again"
	case p.Record == nil && p.Probe:
		row.Verdict, row.Why = "probe", "a Status-Server asks whether recording works"
	case p.Record == nil:
		row.Verdict, row.Why = "refused", p.Fault
	default:
		d.read(&row, p.Record)
	}
	return row
}

// read fills in what a record is about, by which rules.
func (d *Daemon) read(row *control.Packet, r *presence.Record) {
	rules := d.inForce.Load().mapping
	rules.HashKey = nil // what is left of a device is nobody's
	is := rules.Explain(r)
	row.Status, row.NAS, row.SSID = r.Status.String(), string(r.NAS()), r.SSID
	row.Device, row.Site = control.RedactedDevice(r.Device), is.Site
	if row.Verdict = "nobody"; is.Nobody.Kind != "" {
		row.Why = is.Nobody.Reason
		if is.Nobody.Remedy != "" {
			row.Why += "; " + is.Nobody.Remedy
		}
		return
	}
	row.Verdict, row.User = "person", control.Redacted(is.User)
	var by []string
	for _, step := range is.Steps {
		if step.Question == "site" || step.Question == "user" {
			by = append(by, step.Question+" by "+step.Attribute)
		}
	}
	row.Why = strings.Join(by, ", ")
}
