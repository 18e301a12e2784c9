package radiusacct

import (
	"cmp"
	"errors"
	"strings"
	"time"

	"github.com/presenced/presenced/presence"
)

// member is the client that a connection belongs to, and its counters.
type member struct {
	client *Client
	tally  *tally
}

var errTooMany = errors.New("too many connections")

// join finds the client of a connection by the connection's certificate, and
// counts the connection among those of the client. The error says why it is no
// client's. It tries again if the clients were replaced meanwhile.
func (s *Server) join(c *connection) error {
	for {
		clients := s.clients.Load()
		m, err := s.judge(c, clients)
		if err != nil {
			return err
		}
		if joined, err := s.enter(c, m, clients); joined || err != nil {
			return err
		}
	}
}

// judge returns the client that the connection's certificate belongs to.
func (s *Server) judge(c *connection, clients *talliedClients) (*member, error) {
	now := time.Now()
	i, until, err := clients.identify(c.sent, c.source.Addr(), now)
	if err != nil {
		s.turnAway(c, err, now)
		return nil, err
	}
	c.expires.Store(until.Unix())
	return &member{&clients.all[i], clients.tallies[i]}, nil
}

// enter counts a connection among its client's. It fails if there are too many,
// and does nothing if the clients were replaced meanwhile.
func (s *Server) enter(c *connection, m *member, clients *talliedClients) (joined bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	own := 0
	for other := range s.connections {
		if other.member.Load().tally == m.tally {
			own++
		}
	}
	most := cmp.Or(s.MaxConnections, DefaultMaxConnections)
	switch {
	case s.clients.Load() != clients:
		return false, nil
	case len(s.connections) >= most, own >= cmp.Or(m.client.MaxConnections, most):
		s.suffer(tooMany, m.client, m.tally, c.source, time.Now())
		return false, errTooMany
	}
	c.member.Store(m)
	s.connections[c] = true
	return true, nil
}

// leave forgets a connection that has ended.
func (s *Server) leave(c *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.connections, c)
}

// review judges the certificate of a connection again: when it has expired, or the
// clients were replaced. It closes a connection that is no client's any longer,
// and moves one that is another client's now.
func (s *Server) review(c *connection) {
	c.reviewing.Lock()
	defer c.reviewing.Unlock()
	m, err := s.judge(c, s.clients.Load())
	if err != nil {
		c.close()
		return
	}
	c.member.Store(m)
}

// turnAway counts, logs and tells of a certificate that is no client's.
func (s *Server) turnAway(c *connection, err error, now time.Time) {
	subject, fields := c.source.Addr().String(), []any{"reason", err.Error()}
	if len(c.sent) > 0 {
		cert := c.sent[0]
		owner, issuer := clip(cert.Subject.String()), clip(cert.Issuer.String())
		subject = owner + " by " + issuer
		fields = append(fields, "subject", owner, "issuer", issuer, "serial", clip(cert.SerialNumber.Text(16)))
	}
	s.totals.refused.Add(1)
	s.grumble(badCertificate, "", c.source, now, fields...)
	var r *refusal
	if errors.As(err, &r) {
		s.tell(presence.Nobody{Kind: "certificate", Key: subject, Reason: r.reason, Remedy: r.remedy}, now)
	}
}

// clip returns the beginning of a text that a stranger chose: a certificate may
// have a name of a hundred thousand letters, and logs and tables keep it.
func clip(text string) string {
	const most = 200
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// tell calls Refused, if it is set.
func (s *Server) tell(n presence.Nobody, now time.Time) {
	if s.Refused != nil {
		s.Refused(n, now)
	}
}
