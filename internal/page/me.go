package page

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/presenced/presenced/internal/web"
	"github.com/presenced/presenced/presence"
)

// Own is what a person may ask for themselves at their page. They are named as the proxy in
// front names them.
type Own interface {
	Standing(ctx context.Context, name string) Standing
	Order(ctx context.Context, name string, order Order) error

	// Token returns what a form of the user's has, which nobody else's page can know.
	Token(user string) string
	Holds(token, user string) bool
}

// Standing is whether somebody is recorded.
type Standing struct {
	User    string
	Barred  string    // why they are not; "": they are
	Out     time.Time // when they opted out at presenced itself; zero: they did not
	Erasing bool      // what was remembered of them is still being erased
}

// Order is what somebody asks for themselves.
type Order string

// The orders.
const (
	OptOut   Order = "opt-out"
	OptIn    Order = "opt-in"
	NotToday Order = "not-today"
	Today    Order = "today"
)

// wishes is what somebody may ask for, and has.
type wishes struct {
	Standing
	Token string
	Rests time.Time // until when nothing is done for them; zero: they did not ask for that
}

// me shows who looks their own day, and what they may ask for.
func (p *Page) me(r *http.Request, _ *snapshot) (string, any, error) {
	v := web.ViewerOf(r.Context())
	if v.User == "" {
		return "", nil, errNoSuch{"Who looks by a token, or on the host itself, has no day of their own: a proxy in front has to name them ([control] proxy)."}
	}
	none := personBody{User: v.User, Own: true, None: "No device of yours was heard lately."}
	if p.Own == nil {
		_, body, err := p.day(r, v.User)
		body.Own = true
		return "Your day", body, err
	}
	asks := &wishes{Standing: p.Own.Standing(r.Context(), v.Sent), Token: p.Own.Token(v.User)}
	if asks.Barred != "" {
		none.None, none.Wishes = "Nothing is recorded of you.", asks
		return "Your day", none, nil
	}
	_, body, err := p.day(r, v.User)
	var unknown errNoSuch
	if errors.As(err, &unknown) && r.FormValue("day") == "" {
		body, err = none, nil
	}
	if err != nil {
		return "", nil, err
	}
	body.Own, body.Wishes = true, asks
	asks.Rests, err = p.rests(r.Context(), v.User, body.Site, time.Now())
	return "Your day", body, err
}

// rests returns until when nothing is done for the user, who was last at the site, by its
// clock; zero if they did not ask for that.
func (p *Page) rests(ctx context.Context, user, site string, now time.Time) (until time.Time, err error) {
	asked, err := presence.Asked(ctx, p.Listings.Store, user, now)
	rules := p.Listings.Rules()
	for name, s := range rules.Sites {
		if at := rules.RestsUntil(name, asked, now); (site == "" || site == name) && at.After(until) {
			until = at
			if s.Zone != nil {
				until = at.In(s.Zone)
			}
		}
	}
	return until, err
}

// ask does what somebody asks for themselves, and then shows them their page again.
func (p *Page) ask(w http.ResponseWriter, r *http.Request) {
	v := web.ViewerOf(r.Context())
	if v.User == "" || p.Own == nil {
		p.fault(w, r, http.StatusForbidden, "This is not among what you may do.")
		return
	}
	order := Order(r.PostFormValue("order"))
	switch {
	case !p.Own.Holds(r.PostFormValue("token"), v.User):
		p.fault(w, r, http.StatusForbidden, "This page was too old: go back, load it again, and ask once more. Nothing has changed.")
	case order == OptOut && r.PostFormValue("sure") == "":
		p.fault(w, r, http.StatusBadRequest, "Nothing has changed: tick that you know what opting out erases.")
	default:
		if err := p.Own.Order(r.Context(), v.Sent, order); err != nil {
			p.fault(w, r, http.StatusConflict, "That was not done: "+err.Error()+".")
			return
		}
		http.Redirect(w, r, web.Own, http.StatusSeeOther)
	}
}
