package kadence

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/presenced/presenced/presence"
)

const (
	callTime  = 20 * time.Second // for one call, from dialling to the last byte
	maxAnswer = 8 << 20          // bytes; 500 bookings are under one MiB
	maxFault  = 64 << 10         // bytes of an answer that is not 2xx
	maxPages  = 40               // of one collection
	maxItems  = 40 * 500         // of all its pages: more than there is on a page that we ask for is not read either
	maxSum    = 48 << 20         // bytes of all its pages
)

// client makes single calls to the API: bounded, authorised, counted, and with
// an error that says what it means.
type client struct {
	base   *url.URL
	http   *http.Client
	agent  string
	tokens *tokens
	gate   *gate
	stats  *counts
}

func newClient(cfg Config, api, auth *url.URL, log *slog.Logger) *client {
	transport := cfg.Transport
	if transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConnsPerHost = 8 // the couriers' and a few more
		transport = t
	}
	agent := cmp.Or(cfg.UserAgent, "presenced")
	// A redirect is an answer like any other, and not one that we want: the
	// token must not go where somebody else points.
	refuse := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	stats := newCounts()
	gate := newGate(cmp.Or(cfg.Rate, 5))
	return &client{
		base: api, agent: agent, gate: gate, stats: stats,
		http: &http.Client{Transport: transport, Timeout: callTime, CheckRedirect: refuse},
		tokens: &tokens{
			conf: clientcredentials.Config{
				ClientID:  cfg.ClientID,
				TokenURL:  auth.JoinPath("oauth2/token").String(),
				Scopes:    []string{"public"},
				AuthStyle: oauth2.AuthStyleInParams, // asking for the style would cost a refused call at every start
			},
			secret: cfg.Secret, gate: gate, stats: stats, log: log,
			http: &http.Client{Transport: signed{transport, agent}, Timeout: tokenTime, CheckRedirect: refuse},
		},
	}
}

// signed sends our name along with the calls that the oauth2 package makes.
type signed struct {
	http.RoundTripper
	agent string
}

func (s signed) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", s.agent)
	r.Header.Set("Accept", "application/json")
	return s.RoundTripper.RoundTrip(r)
}

// request is one call.
type request struct {
	route   string // method and path, as it is counted and reported: it names nobody
	path    string // below the base, escaped
	query   url.Values
	body    any // sent as JSON; nil for none
	urgency urgency
}

// errUnreadable says that the answer was 2xx, but its body could not be read:
// whether what was asked for has happened, only a reading tells.
var errUnreadable = errors.New("unreadable answer")

// do makes the call and returns the body of a 2xx answer. A 401 renews the
// token, once. Nothing else is repeated.
func (c *client) do(ctx context.Context, r request) ([]byte, error) {
	for again := true; ; again = false {
		if err := c.gate.pass(ctx, r.urgency); err != nil {
			return nil, err
		}
		token, err := c.tokens.get(ctx)
		if err != nil {
			return nil, err
		}
		began := time.Now()
		status, body, err := c.send(ctx, r, token)
		c.stats.add(r.route, resultOf(status), time.Since(began), err)
		if status != http.StatusUnauthorized {
			return body, err
		}
		c.tokens.invalidate(token)
		if !again {
			return nil, err
		}
	}
}

// send makes the call once. The status is 0 if there was no answer.
func (c *client) send(ctx context.Context, r request, token string) (status int, body []byte, err error) {
	method, _, _ := strings.Cut(r.route, " ")
	target := *c.base
	target.RawPath, target.RawQuery = "", r.query.Encode()
	var sent io.Reader
	if r.body != nil {
		b, err := json.Marshal(r.body)
		if err != nil {
			return 0, nil, fmt.Errorf("%s: %w", r.route, err)
		}
		sent = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, target.JoinPath(r.path).String(), sent)
	if err != nil {
		return 0, nil, fmt.Errorf("%s: %w", r.route, err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/ld+json")
	req.Header.Set("User-Agent", c.agent)
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, nil, fmt.Errorf("%s: %w", r.route, stable(err))
	}
	defer resp.Body.Close()
	c.stats.limits(resp.Header)
	if resp.StatusCode/100 == 2 {
		body, err = readUpTo(resp.Body, maxAnswer)
		if err != nil {
			err = fmt.Errorf("%s: %w: %w", r.route, errUnreadable, stable(err))
		}
		return resp.StatusCode, body, err
	}
	body, _ = readUpTo(resp.Body, maxFault) // its text is all that could be lost
	return resp.StatusCode, nil, fmt.Errorf("%s: %w", r.route, c.meaning(resp, body))
}

// meaning says what an answer other than 2xx means for the caller.
func (c *client) meaning(resp *http.Response, body []byte) error {
	status := resp.StatusCode
	switch status {
	case http.StatusBadRequest, http.StatusConflict, http.StatusUnprocessableEntity:
		return &presence.RefusedError{Reason: reasonOf(body, status)}
	case http.StatusForbidden:
		return &presence.DeniedError{Reason: reasonOf(body, status)}
	case http.StatusNotFound, http.StatusGone:
		return &presence.DeniedError{Reason: reasonOf(body, status), Gone: true}
	case http.StatusUnauthorized: // seen by the caller only if a new token did not help
		return &presence.ClosedError{Reason: "a new token is refused: " + reasonOf(body, status)}
	case http.StatusTooManyRequests:
		throttled := &presence.ThrottledError{Until: retryAt(resp.Header, time.Now())}
		c.gate.shut(throttled.Until)
		return throttled
	}
	if to, err := resp.Location(); err == nil {
		return fmt.Errorf("%s to %s is not followed", statusText(status), printable(to.Host, 100))
	}
	return errors.New(statusText(status))
}

// readUpTo reads all of r, which must not be longer than most bytes.
func readUpTo(r io.Reader, most int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, most+1))
	switch {
	case err != nil:
		return nil, err
	case int64(len(b)) > most:
		return nil, fmt.Errorf("longer than %d bytes", most)
	}
	return b, nil
}

// collection is one page of a Hydra collection.
type collection struct {
	Members *[]json.RawMessage `json:"hydra:member"`
	Total   int                `json:"hydra:totalItems"`
	View    *struct {
		Next string `json:"hydra:next"`
	} `json:"hydra:view"`
}

// pages calls each with every member of a collection, page by page. It reports
// whether that was all of it: no more than most pages are followed, nor more
// than that many members and bytes taken, whatever is sent.
func (c *client) pages(ctx context.Context, r request, most int, each func(json.RawMessage)) (whole bool, err error) {
	got, sum := 0, 0
	for page := 1; page <= most; page++ {
		body, err := c.do(ctx, r)
		if err != nil {
			return false, err
		}
		if sum += len(body); sum > maxSum {
			return false, nil
		}
		var col collection
		if err := json.Unmarshal(body, &col); err != nil {
			return false, fmt.Errorf("%s: decode answer: %w", r.route, err)
		}
		if col.Members == nil {
			return false, fmt.Errorf("%s: decode answer: not a collection", r.route)
		}
		for _, m := range *col.Members {
			if got++; got > maxItems {
				return false, nil
			}
			each(m)
		}
		switch {
		case col.View != nil && col.View.Next != "":
			if r.query, err = c.next(r.path, col.View.Next); err != nil {
				return false, fmt.Errorf("%s: %w", r.route, err)
			}
		case col.View == nil && got < col.Total && len(*col.Members) > 0: // no links: count
			r.query.Set("page", fmt.Sprint(page+1))
		default:
			return true, nil
		}
	}
	return false, nil
}

// next returns the query of a paging link. The link must lead to another page
// of the same collection at the same host: it is followed with the token.
func (c *client) next(path, link string) (url.Values, error) {
	u, err := c.base.Parse(link)
	if err != nil {
		return nil, errors.New("next page: undecodable link")
	}
	if u.Scheme != c.base.Scheme || u.Host != c.base.Host || !strings.HasSuffix(u.Path, path) {
		return nil, fmt.Errorf("next page at %s is not followed", printable(u.Host+u.Path, 100))
	}
	return u.Query(), nil
}
