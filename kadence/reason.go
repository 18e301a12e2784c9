package kadence

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// reasonOf returns the text that a refusal came with, in whichever of the
// API's shapes (Hydra, problem+json, OAuth), bounded and printable. It is for
// people to read: nothing depends on its wording.
func reasonOf(body []byte, status int) string {
	var said map[string]any
	if json.Unmarshal(body, &said) == nil {
		for _, key := range []string{
			"hydra:description", "detail", "description", "error_description", "message", "hydra:title", "title",
		} {
			if s, ok := said[key].(string); ok {
				if s = printable(s, 300); s != "" {
					return s
				}
			}
		}
	}
	return statusText(status)
}

func statusText(status int) string {
	return strings.TrimSpace(strconv.Itoa(status) + " " + http.StatusText(status))
}

// printable returns s on one line, without anything that a terminal would act
// upon, and not longer than most runes.
func printable(s string, most int) string {
	var out strings.Builder
	for _, r := range s {
		if most--; most < 0 {
			out.WriteRune('…')
			break
		}
		if !unicode.IsPrint(r) {
			r = ' '
		}
		out.WriteRune(r)
	}
	return strings.TrimSpace(out.String())
}

const (
	defaultWait = time.Minute // after a 429 that does not say
	longestWait = time.Hour   // the API's window, as far as is known
	shortest    = time.Second
)

// retryAt returns when a 429 allows the next call: Retry-After in seconds or
// as a date (RFC 9110 10.2.3), else X-RateLimit-Retry-After or its other
// spelling, as a Unix time or as seconds from now.
func retryAt(h http.Header, now time.Time) time.Time {
	at := now.Add(defaultWait)
	if told, ok := number(h.Get("Retry-After")); ok {
		at = inOrAt(told, now)
	} else if date, err := http.ParseTime(h.Get("Retry-After")); err == nil {
		at = date
	} else if told, ok := rateHeader(h, "Retry-After"); ok {
		at = inOrAt(told, now)
	}
	if at.Before(now.Add(shortest)) {
		return now.Add(shortest)
	}
	if at.After(now.Add(longestWait)) {
		return now.Add(longestWait)
	}
	return at
}

// inOrAt reads a number that is a Unix time if it is large, else seconds from
// now: nobody asks to wait for three years, and nobody's clock shows 1973.
func inOrAt(n float64, now time.Time) time.Time {
	if n > 1e8 {
		return time.Unix(int64(min(n, 1e11)), 0)
	}
	return now.Add(time.Duration(min(n, longestWait.Seconds()) * float64(time.Second)))
}

// rateHeader returns a rate-limit header in either of its spellings.
func rateHeader(h http.Header, name string) (float64, bool) {
	if n, ok := number(h.Get("X-RateLimit-" + name)); ok {
		return n, true
	}
	return number(h.Get("X-Rate-Limit-" + name))
}

func number(s string) (float64, bool) {
	n, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	return n, err == nil && n >= 0
}

// stable returns err with a text that stays the same from call to call, so
// that an outage is recognised as the same one: without URLs, which name
// people, and without our own port.
func stable(err error) error {
	text := err.Error()
	var asked *url.Error
	if errors.As(err, &asked) {
		text = asked.Err.Error()
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		text = op.Op + " " + op.Net + ": " + op.Err.Error()
		if op.Op == "dial" && op.Addr != nil {
			text = op.Op + " " + op.Net + " " + op.Addr.String() + ": " + op.Err.Error()
		}
	}
	return &stableError{text: printable(text, 300), err: err}
}

type stableError struct {
	text string
	err  error
}

func (e *stableError) Error() string { return e.text }
func (e *stableError) Unwrap() error { return e.err }
