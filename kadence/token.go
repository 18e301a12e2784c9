package kadence

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"golang.org/x/sync/singleflight"

	"github.com/presenced/presenced/presence"
)

const (
	tokenTime = 15 * time.Second // for one fetch
	tokenLife = time.Hour        // of a token that does not say

	// refusedAgain is how often credentials that were refused are tried
	// again; new ones are tried at once.
	refusedAgain = 5 * time.Minute
)

// tokens keeps the one token that all calls use. Many who need a new one at
// the same time cause one fetch, which no single caller's context ends.
type tokens struct {
	conf    clientcredentials.Config // without the secret
	secret  func() (string, error)
	http    *http.Client
	gate    *gate
	stats   *counts
	log     *slog.Logger
	flights singleflight.Group

	mu      sync.Mutex // guards what follows
	token   string
	renew   time.Time // when the token is to be replaced, some time before it expires
	expires time.Time
	refused refusal
}

// refusal is what the token endpoint had against our credentials.
type refusal struct {
	reason  string // empty: nothing
	secret  string // the one that was refused
	retryAt time.Time
}

// get returns a token for the next call. Its error is a
// [*presence.ClosedError] while the credentials are refused.
func (t *tokens) get(ctx context.Context) (string, error) {
	if token := t.current(); token != "" {
		return token, nil
	}
	return together(ctx, &t.flights, "token", tokenTime, func(ctx context.Context) (string, error) {
		if token := t.current(); token != "" { // the flight before had just landed
			return token, nil
		}
		return t.fetch(ctx)
	})
}

func (t *tokens) current() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Now().Before(t.renew) {
		return t.token
	}
	return ""
}

// invalidate drops the token if it is still the one that the API refused.
func (t *tokens) invalidate(bad string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token == bad {
		t.token, t.renew = "", time.Time{}
	}
}

func (t *tokens) fetch(ctx context.Context) (string, error) {
	secret, err := t.secret()
	if err != nil {
		return "", fmt.Errorf("read client secret: %w", err)
	}
	t.mu.Lock()
	refused := t.refused
	t.mu.Unlock()
	if refused.reason != "" && refused.secret == secret && time.Now().Before(refused.retryAt) {
		return "", &presence.ClosedError{Reason: refused.reason}
	}
	if err := t.gate.pass(ctx, checkIns); err != nil {
		return "", err
	}
	conf := t.conf
	conf.ClientSecret = secret
	asked := time.Now()
	token, err := conf.Token(context.WithValue(ctx, oauth2.HTTPClient, t.http))
	if err != nil {
		return "", t.failed(err, secret, asked)
	}
	t.stats.add(tokenRoute, resultOf(http.StatusOK), time.Since(asked), nil)

	life := tokenLife
	if !token.Expiry.IsZero() {
		life = token.Expiry.Sub(asked)
	}
	// A minute or a tenth of its life early, whichever is more, but never so
	// early that a short-lived token is of no use.
	early := min(max(time.Minute, life/10), life/4)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.refused.reason != "" {
		t.log.Info("kadence accepts the credentials again")
	}
	t.token, t.expires, t.renew, t.refused = token.AccessToken, asked.Add(life), asked.Add(life-early), refusal{}
	return t.token, nil
}

const tokenRoute = "POST /oauth2/token"

// failed says what the failure of a fetch means. What the endpoint wrote is
// not repeated, but for the standard's error code.
func (t *tokens) failed(err error, secret string, asked time.Time) error {
	var answer *oauth2.RetrieveError
	if !errors.As(err, &answer) {
		err = fmt.Errorf("%s: %w", tokenRoute, stable(err))
		t.stats.add(tokenRoute, "error", time.Since(asked), err)
		return err
	}
	status := answer.Response.StatusCode
	code := printable(answer.ErrorCode, 40)
	reason := fmt.Sprintf("%s: %s", tokenRoute, statusText(status))
	if code != "" {
		reason += " (" + code + ")"
	}
	defer func() { t.stats.add(tokenRoute, resultOf(status), time.Since(asked), err) }()
	switch {
	case status == http.StatusTooManyRequests:
		throttled := &presence.ThrottledError{Until: retryAt(answer.Response.Header, time.Now())}
		t.gate.shut(throttled.Until)
		err = throttled
	case status == http.StatusUnauthorized,
		code == "invalid_client", code == "unauthorized_client", code == "invalid_scope":
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.refused.reason != reason || t.refused.secret != secret {
			t.log.Error("kadence refuses our credentials: nothing is checked in or out until client_id and client_secret are right",
				"client_id", t.conf.ClientID, "error", reason)
		}
		t.refused = refusal{reason: reason, secret: secret, retryAt: time.Now().Add(refusedAgain)}
		err = &presence.ClosedError{Reason: reason}
	default:
		err = errors.New(reason)
	}
	return err
}
