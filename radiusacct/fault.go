package radiusacct

import (
	"maps"
	"net/netip"
	"sync"
	"time"
)

// fault is why a packet was dropped, or what else is wrong with a client.
type fault uint8

const (
	none fault = iota
	malformed
	undecodable
	unknownType
	badAuthenticator
	badSignature
	unsigned
	overShare
	unrecorded
	unknownSource
	badClock
	unsendable
	badCertificate
	noHandshake
	tooMany
	late

	faults // how many there are
)

// remedies say for each fault what is wrong, and where to put it right.
var remedies = [faults]string{
	malformed:        "a datagram that is not RADIUS: something else sends to this port, or the network cuts datagrams",
	undecodable:      "a packet that could not be decoded: please report this with a capture",
	unknownType:      "a packet that is not accounting: only the accounting server may point here, not the authentication server",
	badAuthenticator: "wrong secret: the authenticator does not match; check the shared secret, on the controller and in its [[radius.client]]",
	badSignature:     "wrong secret: the Message-Authenticator does not match; check the shared secret, on the controller and in its [[radius.client]]",
	unsigned:         "no Message-Authenticator: have the sender add one, or no longer require it of this client",
	overShare:        "more requests than can be recorded: this source's are dropped until it slows down, and it sends them again",
	unrecorded:       "not recorded, and so not answered: the client sends them again",
	unknownSource:    "not a client: add a [[radius.client]] for it, or have it stop",
	badClock:         "its clock is wrong: when requests arrive counts instead; have it use NTP",
	unsendable:       "an answer could not be sent",
	badCertificate:   "a certificate that lets nobody in: `presenced unmatched` says what to change",
	noHandshake:      "no TLS handshake came about",
	tooMany:          "more connections than there may be: raise max_connections, or have the sender keep its connections",
	late:             "recorded so late that the client has given the request up: its connection is closed, and it sends again",
}

const (
	grumbleEvery = time.Minute
	maxGrumbles  = 1024 // entries, beyond which new clients and sources share one for each fault
)

// grumbles logs each fault of each client, and of each source that is none,
// once a minute at most.
type grumbles struct {
	mu    sync.Mutex // guards what follows
	last  map[grumble]*grumbled
	swept time.Time // when old entries were last dropped
}

// grumble is one fault of one client, or of one source that is no client.
type grumble struct {
	fault  fault
	client string     // or …
	source netip.Addr // … of no client
}

// grumbled is when a grumble was last logged.
type grumbled struct {
	at   time.Time
	held int // how often it was held back since then
}

// due reports whether to log g now, and how often it was held back before.
func (gs *grumbles) due(g grumble, now time.Time) (held int, yes bool) {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	last := gs.last[g]
	if last == nil {
		if len(gs.last) >= maxGrumbles && now.Sub(gs.swept) >= grumbleEvery { // not for each packet of a flood
			maps.DeleteFunc(gs.last, func(_ grumble, l *grumbled) bool { return now.Sub(l.at) >= grumbleEvery })
			gs.swept = now
		}
		if len(gs.last) >= maxGrumbles {
			g = grumble{fault: g.fault}
			last = gs.last[g]
		}
	}
	switch {
	case last == nil:
		if gs.last == nil {
			gs.last = map[grumble]*grumbled{}
		}
		gs.last[g] = &grumbled{at: now}
		return 0, true
	case now.Sub(last.at) < grumbleEvery:
		last.held++
		return 0, false
	}
	held = last.held
	*last = grumbled{at: now}
	return held, true
}

// grumble logs a fault of a client, once a minute at most. Texts from a packet go
// into fields, which the log escapes.
func (s *Server) grumble(f fault, client string, source netip.AddrPort, now time.Time, fields ...any) {
	g := grumble{fault: f, client: client}
	if client == "" {
		g.source = source.Addr()
	}
	held, yes := s.grumbles.due(g, now)
	if !yes {
		return
	}
	log := s.log.With("source", source.Addr().String())
	if client != "" {
		log = log.With("client", client)
	}
	if held > 0 {
		log = log.With("suppressed", held)
	}
	log.Warn(remedies[f], fields...)
}

// breaks reports whether a fault of a packet closes the connection that it came
// by. RFC 6613 2.6.4 allows no silence there: a client sends an unanswered request
// again by another connection only. Our own mistakes, and packets that would fare
// no better by another connection, cost the one packet.
func (f fault) breaks() bool {
	switch f {
	case malformed, badAuthenticator, badSignature, unsigned, unrecorded, late:
		return true
	}
	return false
}

// suffer counts and logs a fault of the client's.
func (s *Server) suffer(f fault, client *Client, t *tally, source netip.AddrPort, now time.Time, fields ...any) {
	t.faults[f].Add(1)
	s.grumble(f, client.Name, source, now, fields...)
}
