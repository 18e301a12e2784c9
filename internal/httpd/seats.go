package httpd

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// seats are the connections that there may be at a time. Who comes when all
// are taken is given that of somebody who has asked for nothing yet, or for
// nothing more: of the address with the most such connections the one that has
// waited longest. Only when every connection is being answered there is none.
type seats struct {
	most int

	mu    sync.Mutex // guards what follows
	taken map[net.Conn]seat
}

type seat struct {
	asks  bool      // its request is there and being answered
	since time.Time // of that
}

// follow is the server's ConnState.
func (s *seats) follow(conn net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		if len(s.taken) >= s.most {
			s.giveUp(conn)
		}
		fallthrough
	case http.StateIdle:
		s.take(conn, seat{since: time.Now()})
	case http.StateActive:
		s.take(conn, seat{asks: true, since: time.Now()})
	case http.StateClosed, http.StateHijacked:
		delete(s.taken, conn)
	}
}

func (s *seats) take(conn net.Conn, as seat) {
	if s.taken == nil {
		s.taken = map[net.Conn]seat{}
	}
	s.taken[conn] = as
}

// giveUp ends one connection for the sake of another: that one itself, if
// nobody else can be asked to go. The server says when it is closed.
func (s *seats) giveUp(newcomer net.Conn) {
	waiting := map[string]int{}
	for conn, seat := range s.taken {
		if !seat.asks {
			waiting[from(conn)]++
		}
	}
	least := newcomer
	for conn, seat := range s.taken {
		if seat.asks {
			continue
		}
		n, most := waiting[from(conn)], waiting[from(least)]
		if least == newcomer || n > most || n == most && seat.since.Before(s.taken[least].since) {
			least = conn
		}
	}
	least.Close()
	delete(s.taken, least)
}

// from is the address at the other end, without its port.
func from(conn net.Conn) string {
	host, _, err := net.SplitHostPort(conn.RemoteAddr().String())
	if err != nil {
		return "" // a unix socket's
	}
	return host
}
