// Package web shows what presenced does over HTTP, to a browser and to
// Prometheus. It promises that nothing can be changed this way but by a person
// for themselves, at their own page, that off loopback nothing but whether the
// daemon is well is shown without a token, or more than that lets see, and that
// on loopback no page of somebody else's can make a browser fetch it.
package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/presenced/presenced/internal/httpd"
)

// Server serves what the daemon shows. Its functions are the daemon's own.
type Server struct {
	Healthy func() error  // nil if the daemon is alive and records, else why not
	Ready   func() error  // nil if it takes packets, else why not
	Barring func() error  // why it would not start again although it is ready; nil if it would
	Metrics http.Handler  // at /metrics
	Page    http.Handler  // at / and whatever else is below it; asks [ViewerOf] who looks
	Access  func() Access // who may see what
	Log     *slog.Logger
}

// Listen opens the TCP socket to serve on.
func Listen(ctx context.Context, addr string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, withRemedy(err) // reads `listen tcp 127.0.0.1:9813: …`
	}
	return l, nil
}

// withRemedy returns the error with what an operator can do about it.
func withRemedy(err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w: another presenced or something else has it (ss -ltnp says which): "+
			`stop that, or change [control] http; "" serves no page`, err)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%w: ports below 1024 take a privilege that presenced does not want: choose another in [control] http", err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%w: this host has no such address now (ip address lists those it has): change [control] http", err)
	}
	return err
}

// Serve answers on l until ctx ends, and then lets what is under way finish,
// for a second at most: a browser that follows a page never would.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	served := httpd.Server{Handler: s.Handler(l.Addr()), Grace: time.Second, Log: s.Log}
	if err := served.Serve(ctx, l); err != nil {
		return fmt.Errorf("serve HTTP on %s: %w", l.Addr(), err)
	}
	return nil
}

// Handler returns what is served at an address.
func (s *Server) Handler(at net.Addr) http.Handler {
	open, shown := http.NewServeMux(), http.NewServeMux()
	open.Handle("/healthz", s.wellness(onLoopback(at), s.Healthy, nil))
	open.Handle("/readyz", s.wellness(onLoopback(at), s.Ready, s.Barring))
	open.Handle("/", s.looking(onLoopback(at), shown))
	if s.Metrics != nil {
		shown.Handle("/metrics", only(Numbers, s.Metrics))
	}
	if s.Page != nil {
		shown.Handle("/", s.Page)
	}
	return readOnly(headers(hosts(at, open)))
}

// wellness answers 200 and ok, with what else is to be known, or 503 and why not: in
// full to whoever may see everything.
func (s *Server) wellness(loopback bool, ask, also func() error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		why := func(err error) string {
			text := err.Error()
			if v, _ := s.Access().viewer(r, loopback); v.Sees < Everything {
				text, _, _ = strings.Cut(text, ":")
			}
			return text
		}
		if err := ask(); err != nil {
			text(w, http.StatusServiceUnavailable, why(err))
			return
		}
		answer := "ok"
		if also != nil {
			if err := also(); err != nil {
				answer += "; " + why(err)
			}
		}
		text(w, http.StatusOK, answer)
	})
}

func text(w http.ResponseWriter, code int, line string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	fmt.Fprintln(w, line)
}
