package web

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Sees is how much somebody who looks may see. Who sees one thing sees what stands
// before it, but nobody's own day who has none.
type Sees uint8

// How much may be seen.
const (
	Nothing    Sees = iota
	OwnDay          // of the person who looks
	Numbers         // how many are where, and metrics: no names
	People          // who is where, and what became of it
	Everything      // calls, the network, what happened and what led to nobody
)

// Viewer is somebody who looks.
type Viewer struct {
	Name string // of their token; "" if that has none, or none is asked for
	Sees Sees
	User string // the address of a person who looks at their own day; "" otherwise
	Sent string // … and the name by which the proxy named them
}

// Token lets whoever shows it see something.
type Token struct {
	Name   string // "" for the one that has none
	Secret string
	Sees   Sees
}

// Access says who may see what.
type Access struct {
	Tokens []Token // none: on loopback everybody sees everything, and nobody anything elsewhere

	// A person's own day is shown to whom a proxy names in the header UserHeader, "" for
	// none, if it asks from one of the addresses. User returns whom such a name leads
	// to, "" if to nobody.
	UserHeader string
	UserFrom   []netip.Prefix
	User       func(name string) string
}

// viewerKey is where a request's context has its viewer.
type viewerKey struct{}

// ViewerOf returns who looks by the request of the context: nobody, if it did not come by a
// [Server].
func ViewerOf(ctx context.Context) Viewer {
	v, _ := ctx.Value(viewerKey{}).(Viewer)
	return v
}

// Looking returns the context of a request by the viewer.
func Looking(ctx context.Context, v Viewer) context.Context {
	return context.WithValue(ctx, viewerKey{}, v)
}

// refusal is why somebody sees nothing.
type refusal struct {
	code int
	text string
}

// viewer returns who looks, or why they see nothing.
func (a Access) viewer(r *http.Request, loopback bool) (Viewer, refusal) {
	shown, has := credential(r)
	for _, t := range a.Tokens {
		if has && same(shown, t.Secret) {
			return Viewer{Name: t.Name, Sees: t.Sees}, refusal{}
		}
	}
	switch names, proxied := a.named(r); {
	case proxied && len(names) > 1: // one of them may be the browser's own
		return Viewer{}, refusal{http.StatusForbidden, "the proxy sends " + a.UserHeader + " more than once: have it replace what it was sent"}
	case proxied:
		user := a.User(names[0])
		if user == "" {
			return Viewer{}, refusal{http.StatusForbidden, "the name that the proxy sends leads to nobody"}
		}
		return Viewer{Sees: OwnDay, User: user, Sent: names[0]}, refusal{}
	case len(a.Tokens) > 0:
		return Viewer{}, refusal{http.StatusUnauthorized, "a [control] token is the password, of any user"}
	case !loopback:
		return Viewer{}, refusal{http.StatusForbidden, "there is no [control] token: nothing is shown off loopback"}
	}
	return Viewer{Sees: Everything}, refusal{}
}

// named returns the names in the header of a request by a proxy that is listed; false for
// any other, whatever it has in that header.
func (a Access) named(r *http.Request) (names []string, is bool) {
	if a.UserHeader == "" {
		return nil, false
	}
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !slices.ContainsFunc(a.UserFrom, func(p netip.Prefix) bool { return p.Contains(from.Addr().Unmap()) }) {
		return nil, false
	}
	names = r.Header.Values(a.UserHeader)
	return names, len(names) > 0
}

// credential returns what a request shows for a token.
func credential(r *http.Request) (shown string, has bool) {
	if _, password, basic := r.BasicAuth(); basic {
		return password, true
	}
	if scheme, bearer, found := strings.Cut(r.Header.Get("Authorization"), " "); found && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(bearer), true
	}
	return "", false
}

// same compares in a time that does not tell how much of it is right.
func same(shown, secret string) bool {
	a, b := sha256.Sum256([]byte(shown)), sha256.Sum256([]byte(secret))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// looking lets a request through by who looks, and tells it so.
func (s *Server) looking(loopback bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, no := s.Access().viewer(r, loopback)
		if no.code == http.StatusUnauthorized {
			w.Header().Add("WWW-Authenticate", `Basic realm="presenced", charset="UTF-8"`)
			w.Header().Add("WWW-Authenticate", `Bearer realm="presenced"`)
		}
		if no.code != 0 {
			text(w, no.code, no.text)
			return
		}
		next.ServeHTTP(w, r.WithContext(Looking(r.Context(), v)))
	})
}

// only lets through who sees as much.
func only(least Sees, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ViewerOf(r.Context()).Sees < least {
			text(w, http.StatusForbidden, "this is not among what the token lets see")
			return
		}
		next.ServeHTTP(w, r)
	})
}
