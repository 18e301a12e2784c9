package page

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/presenced/presenced/internal/web"
	"github.com/presenced/presenced/presence"
)

// heeding does what somebody asks for as the daemon would, as far as the page sees it.
type heeding struct {
	asking
	mu      sync.Mutex // guards asking
	courier *presence.Courier
}

func (h *heeding) Standing(ctx context.Context, name string) Standing {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.asking.Standing(ctx, name)
}

func (h *heeding) Order(ctx context.Context, name string, order Order) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch order {
	case OptOut:
		h.standing = Standing{Barred: "opted out at presenced itself", Out: time.Now()}
	case OptIn:
		h.standing = Standing{}
	case NotToday:
		if err := h.courier.NotToday(ctx, name); err != nil {
			return err
		}
	case Today:
		if err := h.courier.TodayAfterAll(ctx, name); err != nil {
			return err
		}
	}
	return h.asking.Order(ctx, name, order)
}

func (h *heeding) given() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.orders)
}

// longTime gives somebody two visits, with a check-in and a check-out, on each of so many
// days before today.
func (o *office) longTime(user string, days int) {
	o.t.Helper()
	var archived []presence.Visit
	for n := 1; n <= days; n++ {
		day := o.day.AddDate(0, 0, -n)
		for i, site := range []string{"london", "leeds"} {
			came, left := day.Add(time.Duration(9+5*i)*hour).Add(time.Duration(n)*time.Minute), day.Add(time.Duration(13+4*i)*hour)
			id := fmt.Sprintf("long%02d%d", n, i)
			booking := "01K7Z3WQ7N4Y8V2M5B9X" + id
			archived = append(archived, presence.Visit{
				ID: id, User: user, Site: site, Arrived: came, Departed: left, Believed: left.Add(hour), State: presence.Over, End: presence.Left,
				CheckIn:  presence.Errand{Status: presence.Effected, At: came, Bookings: []string{booking}},
				CheckOut: presence.Errand{Status: presence.Effected, At: left.Add(hour), Bookings: []string{booking}, Reason: "every device has been gone for linger (1h0m0s)"},
				Claims:   []presence.Claim{{Booking: booking, Begin: day.Add(9 * hour), End: day.Add(18 * hour), Tried: came, In: came, Out: left.Add(hour)}},
				Story: []presence.Entry{{At: came, Kind: presence.Concluded, Text: "arrived at " + site}, {At: came, Kind: presence.Done, Text: "checked in booking " + booking},
					{At: left, Kind: presence.Concluded, Text: "left " + site + ": every device has been gone for linger (1h0m0s)"}},
			})
		}
	}
	err := o.store.Update(o.t.Context(), []presence.Change{{User: user, Apply: func(*presence.Person, [][]byte) presence.Outcome { return presence.Outcome{Archived: archived} }}})
	if err != nil {
		o.t.Fatal(err)
	}
}

// proxied has the browser's page asked for by a proxy that names ann.
func (b *browser) proxied(p *Page) {
	shown := (&web.Server{Page: p.Handler(), Log: slog.New(slog.DiscardHandler), Access: func() web.Access {
		return web.Access{
			Tokens:     []web.Token{{Secret: "everything of sixteen", Sees: web.Everything}},
			UserHeader: "X-Remote-User", UserFrom: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, User: func(name string) string { return name },
		}
	}}).Handler(b.server.Listener.Addr())
	b.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("X-Remote-User", "ann@example.com")
		shown.ServeHTTP(w, r)
	})
}

// arrives waits until an element of the page to which the browser goes has the text.
func (b *browser) arrives(element, text string) {
	b.t.Helper()
	shown := ""
	for range 600 {
		var err error
		if shown, err = chromedp.Run(b.ctx, chromedp.Evaluate[string](element+`?.innerText ?? ""`)); err == nil && strings.Contains(shown, text) { // an error: it is on its way
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	b.t.Fatalf("there is no %q in\n%s", text, shown)
}

// TestOnesOwnPageInABrowser looks at somebody's own page, with sixty days of visits behind
// today's, on a wide screen, a phone and paper, light and dark; and asks by the keyboard for
// what can be asked for there, which no page of somebody else's can.
func TestOnesOwnPageInABrowser(t *testing.T) {
	o := newOffice(t)
	o.fill()
	o.longTime("ann@example.com", 60)
	asks := &heeding{courier: presence.NewCourier(o.store, nil, o.rules, slog.New(slog.DiscardHandler))}
	o.own = asks
	p := o.page()
	b := look(t, p, "")
	b.proxied(p)
	see := func(state, path string) {
		for _, look := range []struct {
			name, medium, scheme string
			width                int64
		}{{"wide-light", "screen", "light", 1280}, {"wide-dark", "screen", "dark", 1280}, {"phone-light", "screen", "light", 360}, {"phone-dark", "screen", "dark", 360}, {"paper", "print", "light", 794}} {
			b.on(look.medium, look.scheme)
			name := "me-" + state + "-" + look.name
			b.open(path, look.width, 900)
			if width := eval[int64](b, `document.documentElement.scrollWidth`); width > look.width {
				t.Errorf("%s is %d pixels wide", name, width)
			}
			for _, faint := range eval[[]string](b, faintTexts) {
				t.Errorf("%s: hard to read: %s", name, faint)
			}
			for _, cut := range eval[[]string](b, cutTexts) {
				t.Errorf("%s: cut: %s", name, cut)
			}
			for _, over := range eval[[]string](b, `[...document.querySelectorAll(".story time")].filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.textContent)`) {
				t.Errorf("%s: printed over what stands beside it: %s", name, over)
			}
			b.picture(name, true)
		}
		b.on("screen", "light")
		b.open(path, 1280, 900)
	}
	see("today", "/me")
	if facts := eval[string](b, `document.querySelector("dl.answers").innerText`); !strings.Contains(facts, "Start on Corp") || strings.Contains(facts, "- : -") {
		t.Errorf("the headline of somebody with a past is\n%s", facts)
	}
	see("long-ago", "/me?day="+o.day.AddDate(0, 0, -60).Format(time.DateOnly))
	for n := range 61 { // back to the first of them, one day after the other
		if text := eval[string](b, `document.getElementById("visits")?.innerText ?? ""`) + eval[string](b, `document.querySelector("main").innerText`); n > 0 && n < 60 && strings.Count(text, "checked in booking") < 2 {
			t.Fatalf("%d days ago there is\n%s", 60-n, text)
		}
		if n < 60 {
			b.do(chromedp.Navigate(b.url+"/me?day="+o.day.AddDate(0, 0, n-59).Format(time.DateOnly)), chromedp.WaitReady(chromedp.CSS("#main h1")))
		}
	}

	press := func(label string) {
		t.Helper()
		for range 60 {
			b.do(chromedp.KeyEvent(kb.Tab))
			if eval[string](b, `document.activeElement.textContent.trim()`) == label {
				b.do(chromedp.KeyEvent(kb.Enter))
				return
			}
		}
		t.Fatalf("no key leads to %s", label)
	}
	says := func(text string) { t.Helper(); b.arrives(`document.getElementById("wishes")`, text) }
	b.open("/me", 1280, 900)
	press("Not today")
	says("Not today, as you asked: nothing is checked in or out for you until")
	see("not-today", "/me")
	press("Today after all")
	says("Your bookings are checked in when you come")
	b.await(`document.querySelector("input[name=sure]") !== null`)
	press("Opt out") // which the browser does not send before it is ticked
	b.await(`!document.querySelector("input[name=sure]").checked && document.activeElement.name === "sure"`)
	b.do(chromedp.KeyEvent(" "))
	eval[chromedp.Void](b, `window.footer = document.getElementById("footer").innerText`)
	b.await(`window.footer !== document.getElementById("footer")?.innerText`) // the page was fetched again
	if !eval[bool](b, `document.querySelector("input[name=sure]").checked && document.activeElement.name === "sure"`) {
		t.Error("when the page is fetched again, what was ticked is not any more, or the focus is lost")
	}
	press("Opt out")
	says("You opted out")
	see("out", "/me")
	press("Come back")
	says("Your bookings are checked in when you come")
	want := []string{"ann@example.com not-today", "ann@example.com today", "ann@example.com opt-out", "ann@example.com opt-in"}
	if got := asks.given(); !slices.Equal(got, want) {
		t.Errorf("asked for was %q, want %q", got, want)
	}
	b.quiet()

	// Somebody else's page sends the form, with a token that it found out somehow.
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<div id="main"><h1>Win</h1></div><form id="f" action="%s/me" method="post"><input name="token" value="of ann@example.com"><input name="order" value="opt-out"><input name="sure" value="yes"></form>`, b.url)
	}))
	t.Cleanup(evil.Close)
	b.do(chromedp.Navigate(strings.Replace(evil.URL, "127.0.0.1", "localhost", 1)), chromedp.WaitReady(chromedp.CSS("#main h1")))
	eval[chromedp.Void](b, `document.getElementById("f").submit()`)
	b.arrives("document.body", "by a page of somebody else's")
	if got := asks.given(); !slices.Equal(got, want) {
		t.Errorf("somebody else's page asked for %q", got)
	}
}
