package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Packet is one row of `presenced watch --packets`. No whole name and no whole device is
// in it: it can be shown to a controller's vendor.
type Packet struct {
	At      Time   `json:"at"`
	Client  string `json:"client"` // "": the source is none
	Source  string `json:"source"`
	Status  string `json:"status"` // Start, Interim-Update, Stop, …; "" of what is no request
	User    string `json:"user"`   // to whom it leads, redacted; "" for nobody
	Device  string `json:"device"` // redacted
	Site    string `json:"site"`
	SSID    string `json:"ssid"`
	NAS     string `json:"nas"`
	Verdict string `json:"verdict"` // "person", "nobody", "repeat", "probe" or "refused"
	Why     string `json:"why"`     // the rule that decided, or what is wrong and what to change
}

// Redacted is an address of which the first letter and the domain are left.
func Redacted(user string) string {
	local, domain, ok := strings.Cut(user, "@")
	if !ok || local == "" {
		return ""
	}
	return first(local, 1) + "…@" + domain
}

// RedactedDevice is a MAC address of which the maker's part is left.
func RedactedDevice(mac string) string {
	if len(mac) != len("02:11:22:33:44:55") {
		return ""
	}
	return mac[:len("02:11:22")] + ":…"
}

// packets streams packets, a line for each, until whoever asked goes away or the
// daemon stops.
func (s *Server) packets(w http.ResponseWriter, r *http.Request) {
	client, flush := r.FormValue("client"), http.NewResponseController(w).Flush
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)
	flush()
	for p := range s.Packets(r.Context()) {
		if client != "" && p.Client != client {
			continue
		}
		line, err := JSON(p)
		if err != nil {
			panic(err) // rows are texts, numbers and times
		}
		if _, err := (patient{w}).Write(append(line, '\n')); err != nil || flush() != nil {
			return
		}
	}
}

// Packets yields the packets that come from now on, of one client or, if that is empty,
// all, until ctx ends or the daemon does.
func (r *Remote) Packets(ctx context.Context, client string) iter.Seq2[Packet, error] {
	return func(yield func(Packet, error) bool) {
		body, err := r.do(ctx, http.MethodGet, "/v1/packets", url.Values{"client": {client}})
		if err != nil {
			yield(Packet{}, err)
			return
		}
		defer body.Close()
		in := json.NewDecoder(body)
		for {
			var p Packet
			err := in.Decode(&p)
			switch {
			case errors.Is(err, io.EOF), ctx.Err() != nil:
				return
			case err != nil:
				yield(Packet{}, fmt.Errorf("read the daemon's answer: %w", err))
				return
			case !yield(p, nil):
				return
			}
		}
	}
}

// Tick is one of the five things that have to be right of a client.
type Tick struct {
	What string // "heard", "secret right", …
	Is   bool
	Open bool // it is not known yet
	Text string
}

const (
	mostAnonymous = 20 // one in so many records may be without a name
	mostSkew      = time.Minute
)

// Ticks says of a client whether it is heard, its secret is right, names are real, interims
// are regular, and its clock is right; sessions are those that are live there.
func (s *Status) Ticks(c *Client, sessions []Session, now time.Time) []Tick {
	regular := 0
	for _, session := range sessions {
		if session.Interim > 0 {
			regular++
		}
	}
	heard := !c.LastHeard.IsZero()
	named := Tick{"names real", c.Named > 0 && c.Anonymous*mostAnonymous <= c.Named, c.Named+c.Anonymous == 0,
		fmt.Sprintf("%d records led to people, %d had no real name: presenced unmatched says why", c.Named, c.Anonymous)}
	interims := Tick{"interims regular", regular > 0, regular == 0 && len(sessions) == 0 || regular == 0 && now.Sub(s.Started.Time) < silence, ""}
	interims.Text = fmt.Sprintf("%d of %s are heard by an interval of their own", regular, count(len(sessions), "session", "sessions"))
	if regular == 0 {
		interims.Text += "; turn interim updates on, every five to fifteen minutes"
	}
	secret := Tick{"secret right", c.Responses > 0 && c.Rate.BadSecrets == 0, c.Requests == 0, count(int(c.Responses), "request", "requests") + " answered"}
	if c.Rate.BadSecrets > 0 || c.Requests > 0 && c.Responses == 0 {
		secret.Text += fmt.Sprintf(", %d do not fit it: enter it anew on the controller", c.BadSecrets)
	}
	clock := Tick{"clock right", time.Duration(c.Skew).Abs() < mostSkew && c.BadStamps == 0, c.Responses == 0, "within a minute of ours"}
	if !clock.Is {
		clock.Text = fmt.Sprintf("%s off, %s not believed: have it use NTP", time.Duration(c.Skew).Round(time.Second), count(int(c.BadStamps), "stamp", "stamps"))
	}
	all := []Tick{{"heard", heard, false, "last " + Span(now.Sub(c.LastHeard.Time)) + " ago"}, secret, named, interims, clock}
	if !heard {
		all[0].Text = "not yet: see that it sends to UDP 1813 of this host, from " + c.Address
	}
	for i := range all {
		if all[i].Open {
			all[i].Text = "not known yet"
		}
	}
	return all
}

// silence is how long interims may take to show an interval.
const silence = 45 * time.Minute
