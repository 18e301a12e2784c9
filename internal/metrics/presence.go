package metrics

import (
	"strings"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/presence"
)

// presenceCollector tells of what was concluded from records, as the daemon
// has it in memory.
func presenceCollector(s Sources) collector {
	recording := newGauge("recording", "Whether what comes is recorded and answered: 1, or 0.")
	loaded := newGauge("config_loaded_timestamp_seconds", "When the configuration in force was read.")
	refused := newGauge("config_refused", "Whether the configuration file was no good when it was last read, and the old one is in force.")
	identities := newCounter("identities", `Records by what their identity was: "named" led to a person, "anonymous" is an anonymous outer identity.`, "client", "identity")
	nobody := newCounter("unmatched_records", "Records and datagrams that led to nobody, by what led nowhere and why.", "kind", "reason")
	keys := newGauge("unmatched", "Different identities, networks, NASes and sources that led nowhere, as presenced unmatched lists them.", "kind")
	held := newGauge("client_share_used", "How much a client has brought, of what one may bring: people, devices, NASes.", "client", "of")
	most := newGauge("client_share", "How much one client may bring.", "of")
	beyond := newCounter("client_share_refused", "What was not taken in of a client, or given up for it, because it brings more than one may.", "client", "of")
	waits := newGauge("radius_wait_seconds", "How long records wait for their answer at the moment, whoever sends them.")
	troubles := newGauge("troubles", "What is amiss: how much of each kind, by how far it reaches (down, late, early, bad, odd).", "kind", "grade")
	arrivals := newCounter("arrivals", "Arrivals at a site that were believed.", "site")
	departures := newCounter("departures", `Departures from a site that were believed, by how: "left", "unknown" when, "day_turned" while devices were there, "withdrawn" as a shared account.`,
		"site", "reason")
	holds := newCounter("holds", `How often people were held as present because a NAS was reset ("nas_reset") or lost most of its people at once ("mass_end").`, "cause")
	heldBy := newCounter("people_held", "How many people were held by that.", "cause")
	return collector{[]*family{holds, heldBy, arrivals, departures, recording, troubles, loaded, refused, identities, nobody, keys, held, most, beyond, waits}, func(ch out) {
		for site, m := range s.Tracker.Moves() {
			arrivals.send(ch, float64(m.Arrived), site)
			for i, end := range presence.Ends {
				departures.send(ch, float64(m.Left[i]), site, strings.ReplaceAll(string(end), " ", "_"))
			}
		}
		for cause, n := range s.Tracker.Holds() {
			holds.send(ch, float64(n.Times), string(cause))
			heldBy.send(ch, float64(n.People), string(cause))
		}
		waits.send(ch, s.Radius.Waits().Seconds())
		mosts := map[string]int{}
		for _, share := range s.Tracker.Shares() {
			of := strings.ToLower(string(share.Of))
			held.send(ch, float64(share.Held), share.Client, of)
			beyond.send(ch, float64(share.Refused), share.Client, of)
			mosts[of] = share.Most
		}
		for of, n := range mosts {
			most.send(ch, float64(n), of)
		}
		amiss := map[[2]string]int{}
		records := true
		for _, t := range s.Troubles() {
			amiss[[2]string{string(t.Kind), string(t.Grade)}]++
			records = records && t.Kind != control.NotRecording
		}
		for labels, n := range amiss {
			troubles.send(ch, float64(n), labels[0], labels[1])
		}
		recording.sendYes(ch, records)
		configured := s.Configured()
		loaded.sendTime(ch, configured.Loaded)
		refused.sendYes(ch, configured.Refused)
		for client, n := range s.Tracker.Identities() {
			identities.send(ch, float64(n.Named), client, "named")
			identities.send(ch, float64(n.Anonymous), client, "anonymous")
		}
		for r, n := range s.Tracker.Reasons() {
			nobody.send(ch, float64(n), r.Kind, r.Reason)
		}
		byKind := map[string]int{}
		for _, u := range s.Tracker.Unmatched() {
			byKind[u.Kind]++
		}
		for kind, n := range byKind {
			keys.send(ch, float64(n), kind)
		}
	}}
}
