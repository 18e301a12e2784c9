package radiusacct

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

// DefaultMaxConnections is how many TLS connections there may be at once.
const DefaultMaxConnections = 4096

// SetCertificate replaces our certificate, with its key and the certificates
// between it and its CA, from the next connection on.
func (s *Server) SetCertificate(c tls.Certificate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.certificate = &c
}

// ServeTLS accepts connections from l and answers on them until ctx ends. Then it
// records and answers the packets that it has read, closes the connections, and
// returns nil. It does not close l: later connections wait in it for whoever
// serves on it next.
func (s *Server) ServeTLS(ctx context.Context, l *net.TCPListener) error {
	var beat loop
	defer s.turning(&beat, func() uint64 { return 0 })()
	defer context.AfterFunc(ctx, func() { l.SetDeadline(past) })()
	var open sync.WaitGroup
	defer open.Wait()
	slots := make(chan struct{}, handshakes)
	for {
		beat.turn()
		s.intake.probe()
		select {
		case slots <- struct{}{}:
		case <-time.After(turnEvery):
			continue
		}
		l.SetDeadline(time.Now().Add(turnEvery))
		if ctx.Err() != nil { // as in [socket.serve]
			return nil
		}
		tcp, err := l.AcceptTCP()
		if err != nil {
			<-slots
			switch {
			case errors.Is(err, os.ErrDeadlineExceeded):
				continue
			case errors.Is(err, net.ErrClosed):
				return fmt.Errorf("serve RADIUS over TLS on %s: %w", l.Addr(), err)
			}
			s.unaccepted(err)
			time.Sleep(100 * time.Millisecond)
			continue
		}
		limit := handshakeTime
		if len(slots) > cap(slots)/2 {
			limit = handshakeHurry
		}
		open.Go(func() {
			c := s.handshake(ctx, tcp, limit)
			<-slots
			if c != nil {
				c.serve(ctx)
			}
		})
	}
}
