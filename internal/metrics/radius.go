package metrics

import (
	"time"

	"github.com/presenced/presenced/radiusacct"
)

// radiusCollector tells of packets. The counters that the RADIUS accounting
// server MIB knows have its names, and say so.
func radiusCollector(s *radiusacct.Server) collector {
	byClient := []struct {
		*family
		of func(*radiusacct.ClientStats) uint64
	}{
		{newCounter("radius_requests", "Datagrams from a client, of whatever kind (radiusAccServRequests, RFC 4671).", "client"),
			func(c *radiusacct.ClientStats) uint64 { return c.Requests }},
		{newCounter("radius_dup_requests", "Repeats: the same datagram again, or the same event in another (radiusAccServDupRequests).", "client"),
			func(c *radiusacct.ClientStats) uint64 { return c.DupRequests }},
		{newCounter("radius_responses", "Answers sent (radiusAccServResponses).", "client"),
			func(c *radiusacct.ClientStats) uint64 { return c.Responses }},
		{newCounter("radius_bad_authenticators", "Datagrams with a wrong secret, not answered (radiusAccServBadAuthenticators).", "client"),
			func(c *radiusacct.ClientStats) uint64 { return c.BadAuthenticators }},
		{newCounter("radius_malformed_requests", "Datagrams that are not RADIUS, not answered (radiusAccServMalformedRequests).", "client"),
			func(c *radiusacct.ClientStats) uint64 { return c.MalformedRequests }},
		{newCounter("radius_packets_dropped", "Requests not recorded and so not answered, or beyond the client's share (radiusAccServPacketsDropped).", "client"),
			func(c *radiusacct.ClientStats) uint64 { return c.PacketsDropped }},
		{newCounter("radius_no_records", "Requests answered from which nothing can follow (radiusAccServNoRecords).", "client"),
			func(c *radiusacct.ClientStats) uint64 { return c.NoRecords }},
		{newCounter("radius_unknown_types", "Packets that are not accounting, not answered (radiusAccServUnknownTypes).", "client"),
			func(c *radiusacct.ClientStats) uint64 { return c.UnknownTypes }},
		{newCounter("radius_no_session_id", "Requests about a session without Acct-Session-Id.", "client"),
			func(c *radiusacct.ClientStats) uint64 { return c.NoSessionID }},
		{newCounter("radius_bad_delays", "Requests with an Acct-Delay-Time beyond belief.", "client"),
			func(c *radiusacct.ClientStats) uint64 { return c.BadDelays }},
		{newCounter("radius_bad_stamps", "Requests with an Event-Timestamp beyond belief: a clock is wrong.", "client"),
			func(c *radiusacct.ClientStats) uint64 { return c.BadStamps }},
	}
	skew := newGauge("radius_clock_skew_seconds", "How far the latest Event-Timestamp of a client was ahead of this host's clock.", "client")
	heard := newGauge("radius_last_heard_timestamp_seconds", "When the latest datagram of a client came; absent if none has since the start.", "client")
	invalid := newCounter("radius_invalid_requests", "Datagrams from sources that are no client (radiusAccServTotalInvalidRequests).")
	drops := newCounter("radius_kernel_drops", "Datagrams that the kernel had no room for, on the sockets being read.")
	connections := newGauge("radsec_connections", "TLS connections of a client.", "client")
	refused := newCounter("radsec_refused", "Certificates and TLS handshakes that let nobody in; `presenced unmatched` says why.")
	expiry := newGauge("certificate_expiry_timestamp_seconds",
		"When a certificate runs out that accounting over TLS depends on: ours (server), a client's CA (ca), the first of those it has connected with (client), or when its list of revoked ones is to be replaced (crl).",
		"kind", "client")
	families := []*family{skew, heard, invalid, drops, connections, refused, expiry}
	for _, f := range byClient {
		families = append(families, f.family)
	}
	return collector{families, func(ch out) {
		for _, c := range s.Stats() {
			for _, f := range byClient {
				f.send(ch, float64(f.of(&c)), c.Name)
			}
			skew.send(ch, c.Skew.Seconds(), c.Name)
			heard.sendTime(ch, c.LastHeard, c.Name)
			connections.send(ch, float64(c.Connections), c.Name)
		}
		totals := s.Totals()
		invalid.send(ch, float64(totals.InvalidRequests))
		drops.send(ch, float64(totals.KernelDrops))
		refused.send(ch, float64(totals.Refused))
		first := map[[2]string]time.Time{} // of several CAs, the first to run out
		for _, c := range s.Certificates() {
			of := [2]string{c.Kind, c.Client}
			if at, ok := first[of]; !ok || c.Expires.Before(at) {
				first[of] = c.Expires
			}
		}
		for of, at := range first {
			expiry.sendTime(ch, at, of[0], of[1])
		}
	}}
}
