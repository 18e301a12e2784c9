// Package page shows in a browser what presenced heard and what it made of it.
// It promises to change nothing but what a person asks for at their own page for
// themselves, to show at most a few hundred rows of anything, and to walk the
// store seldom, however many are looking and however often.
package page

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/web"
)

// Page shows what the daemon holds. Its functions are the daemon's own.
type Page struct {
	Listings  control.Listings
	Status    func(context.Context) (control.Status, error) // without what [control.Status.Count] fills in
	Unmatched func() []control.Unmatched

	Roster func() bool           // whether there is one; nil: there is none
	Own    Own                   // what people may ask for themselves; nil: nothing
	Read   func(by, what string) // is told that people's data is shown, and by which token; nil: nobody is

	latest  kept[*snapshot]
	rosters kept[[]control.Roster]
	curves  kept[occupancyBody]
	lists   kept[*selection] // of people who are too many for a snapshot
}

//go:embed assets
var assets embed.FS

//go:embed templates
var sources embed.FS

// pages are the templates by name, each with the layout around it.
var pages = func() map[string]*template.Template {
	all := map[string]*template.Template{}
	for _, name := range []string{"people", "roster", "occupancy", "events", "person", "network", "calls", "unmatched", "fault"} {
		all[name] = template.Must(template.New("layout.html").Funcs(functions).
			ParseFS(sources, "templates/layout.html", "templates/"+name+".html"))
	}
	return all
}()

// route is a page, and what whoever is shown it must be allowed to see.
type route struct {
	pattern string
	name    string // of its template
	sees    web.Sees
	alone   bool // it does not show everybody, and so does not wait until they are counted
	body    func(*Page, *http.Request, *snapshot) (title string, data any, err error)
}

var routes = []route{
	{"GET /{$}", "people", web.People, false, (*Page).people},
	{"GET /roster", "roster", web.People, true, (*Page).roster},
	{"GET /person", "person", web.People, true, (*Page).person},
	{"GET " + web.Own, "person", web.OwnDay, true, (*Page).me},
	{"GET /occupancy", "occupancy", web.Numbers, true, (*Page).occupancy},
	{"GET /calls", "calls", web.Everything, false, (*Page).calls},
	{"GET /network", "network", web.Everything, false, (*Page).network},
	{"GET /events", "events", web.Everything, true, (*Page).events},
	{"GET /unmatched", "unmatched", web.Everything, true, (*Page).nobodies},
}

// Handler returns the page and what belongs to it:
//
//	GET /            who is where; ?site=, ?is= and ?after= some of them, ?order=since; ?q= who is searched for
//	GET /roster      ?day=: bookings beside presence; ?site=, ?is= and ?after= some of it
//	GET /person      ?user= and ?day=: a day's timeline
//	GET /network     clients and NASes
//	GET /calls       calls to Kadence
//	GET /occupancy   how many are at each site, without names
//	GET /events      what happened to the system; ?before= earlier
//	GET /unmatched   what led to nobody
//	GET /me          ?day=: the day of the person who looks
//	POST /me         order=: what they ask for themselves
//
// The page asks [web.ViewerOf] who that is, and shows what they may see.
func (p *Page) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range routes {
		mux.HandleFunc(r.pattern, p.shown(r))
	}
	mux.HandleFunc("POST "+web.Own, p.ask)
	for name, kind := range map[string]string{
		"page.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml",
	} {
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, _ *http.Request) {
			text, err := assets.ReadFile("assets/" + name)
			if err != nil {
				panic(err) // it is embedded
			}
			w.Header().Set("Content-Type", kind)
			w.Write(text)
		})
	}
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		p.fault(w, r, http.StatusNotFound, "There is no such page.")
	})
	return mux
}

// view is what a template is given.
type view struct {
	Page    string // which one, for the navigation
	Title   string
	Now     time.Time
	Local   *time.Location
	AsOf    time.Time // when people were counted
	Query   string    // what was searched for
	Rosters bool      // there is a roster
	web.Viewer
	daemon
	Body any
}

// May reports whether the viewer may see the page of that name; one's own day only who
// has one.
func (v view) May(name string) bool {
	if name == "me" {
		return v.User != ""
	}
	return slices.ContainsFunc(routes, func(r route) bool { return r.name == name && r.sees != web.OwnDay && v.Sees >= r.sees })
}

// Home is the first page of what the viewer may see.
func (v view) Home() string {
	switch {
	case v.User != "":
		return "/me"
	case v.Sees < web.People:
		return "/occupancy"
	}
	return "/"
}

// daemon is what every page shows of the daemon.
type daemon struct {
	Status    control.Status
	Unmatched int
	Walking   int // so many were counted so far, and it goes on; 0: all were
}

// errNoSuch is why something asked for is not shown.
type errNoSuch struct{ text string }

func (e errNoSuch) Error() string { return e.text }

// personal says of the pages that show people's data what that is.
var personal = map[string]string{"people": "who is here", "person": "a person's story", "roster": "a roster", "calls": "the list of calls"}

// shown returns a handler that shows what the route's body returns in its template, to
// who may see it.
func (p *Page) shown(route route) http.HandlerFunc {
	if route.sees == web.Nothing {
		panic(route.pattern + " is for nobody")
	}
	return func(w http.ResponseWriter, r *http.Request) {
		viewer := web.ViewerOf(r.Context())
		if viewer.Sees < route.sees {
			p.fault(w, r, http.StatusForbidden, "This is not among what you may see.")
			return
		}
		if what := personal[route.name]; what != "" && p.Read != nil && viewer.Sees > web.OwnDay {
			p.Read(viewer.Name, what)
		}
		look := p.snapshot
		if route.alone {
			look = p.moment
		}
		s, err := look(r.Context())
		if err != nil {
			p.fault(w, r, http.StatusServiceUnavailable, "The store cannot be read: "+err.Error())
			return
		}
		title, data, err := route.body(p, r, s)
		var none errNoSuch
		switch {
		case errors.As(err, &none):
			p.fault(w, r, http.StatusNotFound, none.text)
		case err != nil:
			p.fault(w, r, http.StatusServiceUnavailable, "The store cannot be read: "+err.Error())
		default:
			render(w, http.StatusOK, route.name, view{
				Viewer: viewer, Page: route.name, Title: title, Now: time.Now(), Local: time.Local, Query: strings.TrimSpace(r.FormValue("q")), AsOf: s.taken, Rosters: p.enrols(), daemon: s.daemon, Body: data,
			})
		}
	}
}

// fault says why something is not shown. It does not need the store.
func (p *Page) fault(w http.ResponseWriter, r *http.Request, code int, text string) {
	render(w, code, "fault", view{Viewer: web.ViewerOf(r.Context()), Page: "fault", Title: http.StatusText(code), Now: time.Now(), AsOf: time.Now(), Local: time.Local, Query: r.FormValue("q"), Rosters: p.enrols(), Body: text})
}

func render(w http.ResponseWriter, code int, name string, v view) {
	var text bytes.Buffer
	if err := pages[name].Execute(&text, v); err != nil {
		http.Error(w, "show "+name+": "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	w.Write(bytes.Map(harmless, text.Bytes()))
}

// harmless is r, or a mark in the place of what a terminal that shows the page's
// source would act upon, or a reader not see: one way out for all names.
func harmless(r rune) rune {
	if r != '\n' && r != '\t' && !unicode.IsGraphic(r) {
		return unicode.ReplacementChar
	}
	return r
}
