package web

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Own is the path of somebody's own day, the only one at which something can be asked for:
// by that person, for themselves.
const Own = "/me"

// mostAsked is how many octets may be sent there.
const mostAsked = 4 << 10

// readOnly refuses whatever could be meant to change something, but what a page of our own
// asks for at [Own]. What may be asked for there, and by whom, the page decides.
func readOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodGet || r.Method == http.MethodHead:
		case r.Method != http.MethodPost || r.URL.Path != Own:
			w.Header().Set("Allow", "GET, HEAD")
			text(w, http.StatusMethodNotAllowed, "nothing can be changed here: use presenced on the host itself")
			return
		default:
			if why := foreign(r); why != "" {
				text(w, http.StatusForbidden, why)
				return
			}
			r.Body = http.MaxBytesReader(w, r.Body, mostAsked)
		}
		next.ServeHTTP(w, r)
	})
}

// foreign returns why a request does not come from a page of our own, as far as the browser
// tells; "" if it may. A browser says so itself, where the page came by HTTPS or is this
// host's; else the page's origin is held against the name that was asked, which a proxy in
// front may have passed on in X-Forwarded-Host. A form has a token besides.
func foreign(r *http.Request) string {
	const not = "this was asked for by a page of somebody else's"
	switch site := r.Header.Get("Sec-Fetch-Site"); {
	case site == "same-origin":
		return ""
	case site != "":
		return not
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return ""
	}
	_, host, _ := strings.Cut(origin, "://")
	for _, asked := range []string{r.Host, r.Header.Get("X-Forwarded-Host")} {
		if host != "" && strings.EqualFold(host, asked) {
			return ""
		}
	}
	return not + ", or the proxy in front hides the name that was asked: have it send X-Forwarded-Host"
}

// headers tells browsers to keep what is shown to themselves, and to run nothing
// but what came from here.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
				"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
			"X-Content-Type-Options":       "nosniff",
			"X-Frame-Options":              "DENY",
			"Referrer-Policy":              "no-referrer",
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin",
			"Cache-Control":                "no-store",
		} {
			w.Header().Set(name, value)
		}
		next.ServeHTTP(w, r)
	})
}

// hosts refuses, on loopback, requests for another host: somebody's page could
// point its name here and read the answers (DNS rebinding). Elsewhere the
// token keeps such a page out, because a browser shows it to no other name.
func hosts(at net.Addr, next http.Handler) http.Handler {
	if !onLoopback(at) {
		return next
	}
	own := hostOf(at.String())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if host := hostOf(r.Host); host != "localhost" && host != "127.0.0.1" && host != "::1" && host != own {
			text(w, http.StatusMisdirectedRequest, "this address is localhost, and nothing else: have a proxy in front send Host: localhost")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hostOf is a Host header, or an address to listen on, without its port.
func hostOf(hostport string) string {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

// onLoopback reports whether only this host can reach the address.
func onLoopback(at net.Addr) bool {
	addr, err := netip.ParseAddr(hostOf(at.String()))
	return err == nil && addr.Unmap().IsLoopback()
}
