// Package httpd serves HTTP so that nobody can shut it for anybody else. It
// promises that there is no wait without a deadline, whatever a client leaves
// out, and that while every connection is taken a new one takes the place of
// one that asks for nothing.
package httpd

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

const (
	mostConnections = 256
	headerTime      = 5 * time.Second // from a connection, or the first byte of a further request, to the end of the header
	idleTime        = time.Minute     // between two requests
	mostHeader      = 16 << 10        // bytes
	// WriteTime is for the writing of an answer. A handler that takes longer
	// moves its own deadline, by [http.ResponseController].
	WriteTime = 30 * time.Second
)

// Server is a handler and how it is served. No request's body is read.
type Server struct {
	Handler http.Handler
	Context func(context.Context, net.Conn) context.Context // for the requests of a connection; nil: as it is
	Grace   time.Duration                                   // for what is under way when ctx ends
	Log     *slog.Logger                                    // told, when it debugs, of broken connections; nil: nobody is
}

// Serve answers on l until ctx ends, and then lets what is under way finish,
// while its grace lasts.
func (s Server) Serve(ctx context.Context, l net.Listener) error {
	seats := seats{most: mostConnections}
	server := &http.Server{
		Handler:           bodiless(s.Handler),
		ReadHeaderTimeout: headerTime, WriteTimeout: WriteTime, IdleTimeout: idleTime, MaxHeaderBytes: mostHeader,
		ConnContext: s.Context, ConnState: seats.follow,
	}
	if s.Log != nil {
		server.ErrorLog = slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug)
	}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Grace)
		defer cancel()
		err := server.Shutdown(grace)
		if errors.Is(err, context.DeadlineExceeded) {
			err = server.Close()
		}
		stopped <- err
	})
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		stop()
		return err
	}
	return <-stopped
}

// bodiless answers what has a body as if it had none, and ends the connection.
// The server would else wait for the body, to read the next request behind it.
func bodiless(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			r.Body, r.ContentLength = http.NoBody, 0
			w.Header().Set("Connection", "close")
			_ = http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0)) // else it ends by WriteTime
		}
		next.ServeHTTP(w, r)
	})
}
