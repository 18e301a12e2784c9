package metrics

// presenceCollector tells of what was concluded from records, as the daemon
// has it in memory.
func presenceCollector(s Sources) collector {
	recording := newGauge("recording", "Whether what comes is recorded and answered: 1, or 0.")
	loaded := newGauge("config_loaded_timestamp_seconds", "When the configuration in force was read.")
	refused := newGauge("config_refused", "Whether the configuration file was no good when it was last read, and the old one is in force.")
	identities := newCounter("identities", `Records by what their identity was: "named" led to a person, "anonymous" is an anonymous outer identity.`, "client", "identity")
	nobody := newCounter("unmatched_records", "Records and datagrams that led to nobody, by what led nowhere and why.", "kind", "reason")
	keys := newGauge("unmatched", "Different identities, networks, NASes and sources that led nowhere, as presenced unmatched lists them.", "kind")
	return collector{[]*family{recording, loaded, refused, identities, nobody, keys}, func(ch out) {
		recording.sendYes(ch, s.Tracker.Healthy())
		setup := s.Setup()
		loaded.sendTime(ch, setup.Loaded)
		refused.sendYes(ch, setup.Refused)
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
