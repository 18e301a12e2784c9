package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"
)

// Remote is a running daemon that is asked, and given orders, over its control
// socket. ("Client" is whoever sends RADIUS: see [Client].)
type Remote struct {
	socket string
	http   http.Client
}

// ErrNotRunning is returned when no daemon answers on the control socket.
var ErrNotRunning = errors.New("presenced is not running")

// Dial returns the daemon whose control socket is at the path. It does not
// connect yet.
func Dial(socket string) *Remote {
	r := &Remote{socket: socket}
	r.http.Transport = &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "unix", socket)
		},
	}
	return r
}

// Status returns the daemon's status.
func (r *Remote) Status(ctx context.Context) (s Status, err error) {
	return s, r.object(ctx, http.MethodGet, "/v1/status", nil, &s)
}

// People yields what [Listings.People] does.
func (r *Remote) People(ctx context.Context, site string) iter.Seq2[Person, error] {
	return rows[Person](ctx, r, "/v1/people", url.Values{"site": {site}})
}

// Sessions yields what [Listings.Sessions] does.
func (r *Remote) Sessions(ctx context.Context, q SessionQuery) iter.Seq2[Session, error] {
	return rows[Session](ctx, r, "/v1/sessions", q.form())
}

func (q SessionQuery) form() url.Values {
	return url.Values{
		"user": {q.User}, "device": {q.Device}, "nas": {q.NAS}, "site": {q.Site}, "all": {strconv.FormatBool(q.All)},
	}
}

// Visits yields what [Listings.Visits] does.
func (r *Remote) Visits(ctx context.Context, q VisitQuery) iter.Seq2[Visit, error] {
	form := url.Values{"user": {q.User}, "site": {q.Site}, "pending": {strconv.FormatBool(q.Pending)}, "open": {strconv.FormatBool(q.Open)}}
	setSince(form, q.Since)
	if !q.Until.IsZero() {
		form.Set("until", q.Until.Format(time.RFC3339Nano))
	}
	return rows[Visit](ctx, r, "/v1/visits", form)
}

// Events yields what [Listings.Events] does.
func (r *Remote) Events(ctx context.Context, since time.Time) iter.Seq2[Event, error] {
	form := url.Values{}
	setSince(form, since)
	return rows[Event](ctx, r, "/v1/events", form)
}

// Occupancy yields what [Listings.Occupancy] does.
func (r *Remote) Occupancy(ctx context.Context, q OccupancyQuery) iter.Seq2[Occupancy, error] {
	form := url.Values{"site": {q.Site}, "every": {q.Every.String()}}
	setSince(form, q.Since)
	return rows[Occupancy](ctx, r, "/v1/occupancy", form)
}

func setSince(form url.Values, since time.Time) {
	if !since.IsZero() {
		form.Set("since", since.Format(time.RFC3339Nano))
	}
}

// Rosters yields what [Listings.Rosters] does.
func (r *Remote) Rosters(ctx context.Context, q RosterQuery) iter.Seq2[Roster, error] {
	return rows[Roster](ctx, r, "/v1/roster", url.Values{"site": {q.Site}, "day": {q.Day}})
}

// Unmatched yields what led to nobody since the daemon started, the most
// frequent first.
func (r *Remote) Unmatched(ctx context.Context) iter.Seq2[Unmatched, error] {
	return rows[Unmatched](ctx, r, "/v1/unmatched", nil)
}

// Zones returns what [Listings.Zones] does.
func (r *Remote) Zones(ctx context.Context) (zones map[string]string, err error) {
	return zones, r.object(ctx, http.MethodGet, "/v1/zones", nil, &zones)
}

// Find returns what [Listings.Find] does.
func (r *Remote) Find(ctx context.Context, who string) (users []string, err error) {
	return users, r.object(ctx, http.MethodGet, "/v1/find", url.Values{"who": {who}}, &users)
}

// Show returns what [Listings.Show] does.
func (r *Remote) Show(ctx context.Context, user string) (s Story, err error) {
	return s, r.object(ctx, http.MethodGet, "/v1/people/"+url.PathEscape(user), nil, &s)
}

// Forget erases the user. With checkOut it first checks out the bookings that are held,
// and returns which; where that fails, nothing is erased.
func (r *Remote) Forget(ctx context.Context, user string, checkOut bool) (out []string, err error) {
	form := url.Values{"check_out": {strconv.FormatBool(checkOut)}}
	return out, r.object(ctx, http.MethodPost, "/v1/people/"+url.PathEscape(user)+"/forget", form, &out)
}

// Backup makes the daemon write a consistent copy of its store to a file on its
// own host; path is absolute.
func (r *Remote) Backup(ctx context.Context, path string) error {
	return r.object(ctx, http.MethodPost, "/v1/backup", url.Values{"path": {path}}, nil)
}

// Zap ends the live sessions that q chooses and returns them as they were; with
// dry it only returns them.
func (r *Remote) Zap(ctx context.Context, q SessionQuery, dry bool) (zapped []Session, err error) {
	form := q.form()
	form.Set("dry", strconv.FormatBool(dry))
	return zapped, r.object(ctx, http.MethodPost, "/v1/zap", form, &zapped)
}

// Retry makes the visit's errand due now.
func (r *Remote) Retry(ctx context.Context, user, visit string) error {
	return r.object(ctx, http.MethodPost, "/v1/people/"+url.PathEscape(user)+"/visits/"+url.PathEscape(visit)+"/retry", nil, nil)
}

// Drop gives the visit's errand up.
func (r *Remote) Drop(ctx context.Context, user, visit string) error {
	return r.object(ctx, http.MethodPost, "/v1/people/"+url.PathEscape(user)+"/visits/"+url.PathEscape(visit)+"/drop", nil, nil)
}

// Reload has the daemon read its configuration file again; with dry it only tells what
// would change.
func (r *Remote) Reload(ctx context.Context, dry bool) (told Reload, err error) {
	return told, r.object(ctx, http.MethodPost, "/v1/reload", url.Values{"dry": {strconv.FormatBool(dry)}}, &told)
}

// object asks for an object and decodes it into v, unless that is nil.
func (r *Remote) object(ctx context.Context, method, path string, form url.Values, v any) error {
	body, err := r.do(ctx, method, path, form)
	if err != nil {
		return err
	}
	defer body.Close()
	if v == nil {
		return nil
	}
	if err := json.NewDecoder(body).Decode(v); err != nil {
		return fmt.Errorf("read the daemon's answer: %w", err)
	}
	return nil
}

// rows asks for an array and yields its rows as they come.
func rows[Row any](ctx context.Context, r *Remote, path string, form url.Values) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		var none Row
		body, err := r.do(ctx, http.MethodGet, path, form)
		if err != nil {
			yield(none, err)
			return
		}
		defer body.Close()
		in := json.NewDecoder(body)
		_, err = in.Token() // [
		for err == nil && in.More() {
			var row Row
			if err = in.Decode(&row); err == nil && !yield(row, nil) {
				return
			}
		}
		if err == nil {
			_, err = in.Token() // ]
		}
		if err != nil {
			yield(none, fmt.Errorf("read the daemon's answer: %w", err))
		}
	}
}

// do sends a request and returns the body of a good answer.
func (r *Remote) do(ctx context.Context, method, path string, form url.Values) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://presenced"+path+"?"+form.Encode(), nil)
	if err != nil {
		return nil, err
	}
	answer, err := r.http.Do(req)
	if err != nil {
		return nil, r.refused(err)
	}
	if answer.StatusCode == http.StatusOK {
		return answer.Body, nil
	}
	defer answer.Body.Close()
	var told struct{ Error string }
	if json.NewDecoder(io.LimitReader(answer.Body, 1<<16)).Decode(&told) != nil || told.Error == "" {
		return nil, fmt.Errorf("ask the daemon: %s", answer.Status)
	}
	if answer.StatusCode == http.StatusNotFound {
		return nil, toldError{told.Error}
	}
	return nil, errors.New(told.Error)
}

// toldError is [ErrUnknown] in the daemon's words.
type toldError struct{ text string }

func (e toldError) Error() string        { return e.text }
func (e toldError) Is(target error) bool { return target == ErrUnknown }

// refused says what it means that the socket could not be used.
func (r *Remote) refused(err error) error {
	switch {
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w: nobody answers on %s", ErrNotRunning, r.socket)
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return fmt.Errorf("open control socket %s: %w: "+
			"the group presenced may (sudo usermod -aG presenced $USER, then log in again), or become root", r.socket, cause(err))
	}
	return fmt.Errorf("ask the daemon: %w", cause(err))
}

// Ping reports whether a daemon answers: nil, [ErrNotRunning], or why it may
// not be asked.
func (r *Remote) Ping(ctx context.Context) error {
	conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "unix", r.socket)
	if err != nil {
		return r.refused(err)
	}
	return conn.Close()
}
