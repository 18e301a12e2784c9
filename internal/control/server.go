package control

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/presenced/presenced/internal/httpd"
)

// Server serves what the daemon holds. Its functions are the daemon's own.
type Server struct {
	Listings  Listings
	Status    func(context.Context) (Status, error)
	Unmatched func() []Unmatched
	Forget    func(ctx context.Context, user string, checkOut bool) (out []string, err error) // out of which bookings
	Backup    func(ctx context.Context, path string) error                                    // path is absolute
	Zap       func(ctx context.Context, q SessionQuery, dry bool) ([]Session, error)          // returns which, as they were
	Retry     func(ctx context.Context, user, visit string) error
	Drop      func(ctx context.Context, user, visit string) error
	Reload    func(ctx context.Context, dry bool) Reload
	OptOut    func(ctx context.Context, name string) error
	OptIn     func(ctx context.Context, name string) error
	NotToday  func(ctx context.Context, name string, undo bool) error
	Packets   func(ctx context.Context) iter.Seq[Packet] // those that come, until ctx ends

	// Ordered is told of every order and what came of it, before it is
	// answered; nil for nobody. An order names no person.
	Ordered func(by Peer, order string, err error)

	// Read is told of every reading of people's data, before it is made; nil for
	// nobody. It names no person.
	Read func(by Peer, what string)
}

// Serve answers on l until ctx ends, and then lets what is under way finish,
// for a few seconds at most.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	served := httpd.Server{Handler: s.Handler(), Context: withPeer, Grace: 3 * time.Second}
	if err := served.Serve(ctx, l); err != nil {
		return fmt.Errorf("serve control socket: %w", err)
	}
	return nil
}

// Handler returns the HTTP interface. Listings are arrays of the rows of this
// package, everything else is an object; an error is {"error": "…"}.
//
//	GET  /v1/status
//	GET  /v1/people?site=
//	GET  /v1/people/{user}
//	GET  /v1/sessions?user=&device=&nas=&site=&all=true
//	GET  /v1/visits?user=&site=&since=&until=&pending=true&open=true
//	GET  /v1/roster?site=&day=
//	GET  /v1/find?who=
//	GET  /v1/packets?client=
//	GET  /v1/events?since=
//	GET  /v1/occupancy?site=&since=&every=
//	GET  /v1/unmatched
//	GET  /v1/zones
//	POST /v1/people/{user}/forget?check_out=true
//	POST /v1/people/{user}/visits/{visit}/retry
//	POST /v1/people/{user}/visits/{visit}/drop
//	POST /v1/zap?user=&device=&nas=&site=&dry=true
//	POST /v1/backup?path=
//	POST /v1/reload?dry=true
//	GET  /v1/opt-outs
//	GET  /v1/opted-out?name=
//	GET  /v1/resting
//	POST /v1/people/{name}/opt-out
//	POST /v1/people/{name}/opt-in
//	POST /v1/people/{name}/not-today?undo=true
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	s.own(mux)
	mux.HandleFunc("GET /v1/status", s.status)
	mux.HandleFunc("GET /v1/people", s.reads("who is here", func(w http.ResponseWriter, r *http.Request) {
		array(w, s.Listings.People(r.Context(), r.FormValue("site")))
	}))
	mux.HandleFunc("GET /v1/people/{user}", s.reads("a person's story", func(w http.ResponseWriter, r *http.Request) {
		story, err := s.Listings.Show(r.Context(), r.PathValue("user"))
		object(w, story, err)
	}))
	mux.HandleFunc("GET /v1/sessions", s.reads("the list of sessions", func(w http.ResponseWriter, r *http.Request) {
		array(w, s.Listings.Sessions(r.Context(), sessionQuery(r)))
	}))
	mux.HandleFunc("GET /v1/visits", s.reads("the list of visits", s.visits))
	mux.HandleFunc("GET /v1/events", s.events)
	mux.HandleFunc("GET /v1/occupancy", s.occupancy)
	mux.HandleFunc("GET /v1/roster", s.reads("a roster", func(w http.ResponseWriter, r *http.Request) {
		array(w, s.Listings.Rosters(r.Context(), RosterQuery{r.FormValue("site"), r.FormValue("day")}))
	}))
	mux.HandleFunc("GET /v1/unmatched", func(w http.ResponseWriter, r *http.Request) {
		object(w, append([]Unmatched{}, s.Unmatched()...), nil)
	})
	mux.HandleFunc("GET /v1/packets", s.packets)
	mux.HandleFunc("GET /v1/find", func(w http.ResponseWriter, r *http.Request) {
		users, err := s.Listings.Find(r.Context(), r.FormValue("who"))
		object(w, users, err)
	})
	mux.HandleFunc("GET /v1/zones", func(w http.ResponseWriter, r *http.Request) {
		zones, err := s.Listings.Zones(r.Context())
		object(w, zones, err)
	})
	mux.HandleFunc("POST /v1/people/{user}/forget", func(w http.ResponseWriter, r *http.Request) {
		out, err := s.Forget(r.Context(), r.PathValue("user"), yes(r, "check_out"))
		s.order(w, r, "forget a person", append([]string{}, out...), err)
	})
	mux.HandleFunc("POST /v1/people/{user}/visits/{visit}/retry", func(w http.ResponseWriter, r *http.Request) {
		s.order(w, r, "retry visit "+r.PathValue("visit"), struct{}{}, s.Retry(r.Context(), r.PathValue("user"), r.PathValue("visit")))
	})
	mux.HandleFunc("POST /v1/people/{user}/visits/{visit}/drop", func(w http.ResponseWriter, r *http.Request) {
		s.order(w, r, "drop visit "+r.PathValue("visit"), struct{}{}, s.Drop(r.Context(), r.PathValue("user"), r.PathValue("visit")))
	})
	mux.HandleFunc("POST /v1/zap", func(w http.ResponseWriter, r *http.Request) {
		q := sessionQuery(r)
		q.Device, q.kept = s.Listings.Names.device(q.Device)
		rows, err := s.Zap(r.Context(), q, yes(r, "dry"))
		if rows = append([]Session{}, rows...); yes(r, "dry") {
			object(w, rows, err)
			return
		}
		s.order(w, r, fmt.Sprintf("zap %s, %d ended", q.chosen(), len(rows)), rows, err)
	})
	mux.HandleFunc("POST /v1/backup", func(w http.ResponseWriter, r *http.Request) {
		s.order(w, r, "back up to "+r.FormValue("path"), struct{}{}, s.Backup(r.Context(), r.FormValue("path")))
	})
	mux.HandleFunc("POST /v1/reload", func(w http.ResponseWriter, r *http.Request) {
		told := s.Reload(r.Context(), yes(r, "dry"))
		if yes(r, "dry") {
			object(w, told, nil)
			return
		}
		s.order(w, r, "reload", told, nil)
	})
	return mux
}

func (s *Server) status(w http.ResponseWriter, r *http.Request) {
	status, err := s.Status(r.Context())
	if err == nil {
		err = s.Listings.Count(r.Context(), &status)
	}
	object(w, status, err)
}

func (s *Server) visits(w http.ResponseWriter, r *http.Request) {
	q := VisitQuery{User: r.FormValue("user"), Site: r.FormValue("site"), Pending: yes(r, "pending"), Open: yes(r, "open")}
	from, to, err := span(r)
	if err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	q.Since, q.Until = from, to
	array(w, s.Listings.Visits(r.Context(), q))
}

// span returns the times since and until that were asked for; zero for none.
func span(r *http.Request) (from, to time.Time, err error) {
	for name, t := range map[string]*time.Time{"since": &from, "until": &to} {
		if text := r.FormValue(name); text != "" {
			if *t, err = time.Parse(time.RFC3339, text); err != nil {
				return from, to, err
			}
		}
	}
	return from, to, nil
}

func sessionQuery(r *http.Request) SessionQuery {
	return SessionQuery{
		User: r.FormValue("user"), Device: r.FormValue("device"), NAS: r.FormValue("nas"), Site: r.FormValue("site"), All: yes(r, "all"),
	}
}

func yes(r *http.Request, name string) bool {
	on, _ := strconv.ParseBool(r.FormValue(name)) // anything else is no
	return on
}

// array writes the rows as they come. An error before the first is the
// answer; one after it breaks the connection, so that no reader takes what
// came for the whole.
func array[Row any](w http.ResponseWriter, rows iter.Seq2[Row, error]) {
	out := bufio.NewWriter(patient{w})
	separator := "["
	for row, err := range rows {
		switch {
		case err != nil && separator == "[":
			fail(w, codeOf(err), err)
			return
		case err != nil:
			panic(http.ErrAbortHandler)
		}
		line, err := JSON(row)
		if err != nil {
			panic(err) // rows are texts, numbers and times
		}
		if separator == "[" {
			w.Header().Set("Content-Type", "application/json")
		}
		out.WriteString(separator)
		out.Write(line)
		separator = ",\n"
	}
	if separator == "[" {
		w.Header().Set("Content-Type", "application/json")
		out.WriteString("[")
	}
	out.WriteString("]\n")
	out.Flush()
}

func object(w http.ResponseWriter, v any, err error) {
	if err != nil {
		fail(w, codeOf(err), err)
		return
	}
	answer(w, http.StatusOK, v)
}

func codeOf(err error) int {
	if errors.Is(err, ErrUnknown) {
		return http.StatusNotFound
	}
	return http.StatusInternalServerError
}

func fail(w http.ResponseWriter, code int, err error) {
	answer(w, code, map[string]string{"error": err.Error()})
}

func answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	text, err := JSON(v)
	if err != nil {
		panic(err) // rows are texts, numbers and times
	}
	patient{w}.Write(append(text, '\n'))
}

// patient allows each write its own time: a listing may be long, and an order
// takes as long as it takes.
type patient struct{ http.ResponseWriter }

func (p patient) Write(b []byte) (int, error) {
	_ = http.NewResponseController(p.ResponseWriter).SetWriteDeadline(time.Now().Add(httpd.WriteTime)) // a test's recorder has none
	return p.ResponseWriter.Write(b)
}
