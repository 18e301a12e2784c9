package configs

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/presenced/presenced/kadence"
	"github.com/presenced/presenced/presence"
)

// lingering parses a linger, of whatever time of the day.
var lingering = duration(time.Millisecond, day)

func rules(t *table, r *presence.Rules) {
	r.Settle = parsed(t, "settle", "0s", duration(0, day))
	r.Linger = parsed(t, "linger", "60m", lingering)
	r.DayStarts = parsed(t, "day_starts", "04:00", clock)
	r.MaxSession = parsed(t, "max_session", "14h", duration(time.Minute, 7*day))
	r.OutageHold = parsed(t, "outage_hold", "30m", duration(0, day))
	r.MaxDevices = t.whole("max_devices", 16, 1, 10_000)
	r.MaxPeople = t.whole("max_people", 100_000, 1, 10_000_000)
	r.Lunch = parsed(t, "lunch", "11:00-14:30", lunch)
	r.LunchLinger = parsed(t, "lunch_linger", "2h", lingering)
	r.Brief = parsed(t, "brief", "5m", duration(0, day))
	if r.DayStarts == day {
		t.fault("day_starts", `"24:00" is the next day's`, "write 00:00")
	}
	if t.has("lunch_linger") && r.Lunch != (presence.Span{}) && r.LunchLinger < r.Linger {
		t.doc.warn("presence.lunch_linger: %s is shorter than linger, which holds then", short(r.LunchLinger))
	}
	if r.Linger < time.Minute {
		t.doc.warn("presence.linger: %s is shorter than many a phone sleeps: people will be checked out who have not left", r.Linger)
	}
}

// types are Kadence's types of booking (OpenAPI document 1.2.0, Booking).
var types = []string{"desk", "private_office", "onsite", "room", "locker", "pod", "parking"}

// placeholder is what the reference has where only the operator knows.
const placeholder = "…"

// desk reads [kadence], and what of it are rules; nil if there is none.
func desk(root *table, c *Config) *Kadence {
	t := root.table("kadence")
	if t.absent {
		return nil
	}
	k := &Kadence{DryRun: t.yes("dry_run", true)}
	k.Config = kadence.Config{
		Region:     t.chosen("region", "eu", "eu", "us"),
		APIURL:     parsed(t, "api_url", "", origin),
		AuthURL:    parsed(t, "auth_url", "", origin),
		ClientID:   t.required("client_id", placeholder),
		Secret:     apiSecret(t),
		ActingUser: parsed(t, "acting_user", "self", actingUser),
		Types:      t.filled("types", types[:3:3], known(types), `write types = ["desk", "private_office", "onsite"]`),
		Rate:       t.number("rate", 5, 1000),
		Buildings:  map[string]string{},
		Zones:      map[string]*time.Location{},
	}
	if k.ClientID == placeholder {
		t.fault("client_id", "it is the reference's "+placeholder, "write the id that Kadence showed with the API key")
	}
	c.Rules.Early = parsed(t, "early", "60m", duration(0, day))
	c.Rules.CheckOut = presence.CheckOutRule(t.chosen("check_out", string(presence.CheckOutOurs),
		string(presence.CheckOutOurs), string(presence.CheckOutAll), string(presence.CheckOutNever)))
	c.Rules.KeepAssigned = !t.yes("check_out_assigned", true)
	c.Rules.CheckOutElsewhere = t.yes("check_out_elsewhere", false)
	told := ""
	for _, s := range []string{k.APIURL, k.AuthURL} {
		if u, err := url.Parse(s); err == nil && u.Scheme == "http" && !loopback(u.Hostname()) && u.Host != told {
			t.doc.warn("kadence: to %s the secret and people's addresses travel in the clear", u.Host)
			told = u.Host
		}
	}
	for i, site := range c.Mapping.Sites {
		k.Buildings[site.Name], k.Zones[site.Name] = site.Building, site.Zone
		if site.WalkIns.Rule == presence.WalkInsOnsite && !slices.Contains(k.Types, "onsite") {
			t.doc.fault(element("site", i), "walk_ins", "what it books is never checked in to: onsite is not among [kadence] types",
				`add "onsite" to types`)
		}
		if site.Building == "" {
			path := element("site", i)
			t.doc.fault(path, `site "`+site.Name+`"`, "no building", `add building = "…", the Kadence building's id or name`)
		}
	}
	return k
}

// apiSecret returns how to have the API key's secret. One in a file is read
// each time, so that a new one counts at once.
func apiSecret(t *table) func() (string, error) {
	const inline, file = "client_secret", "client_secret_file"
	secret, name := t.text(inline, ""), t.text(file, "")
	switch {
	case t.has(inline) && t.has(file):
		t.fault(file, inline+" is there too", "leave one out")
	case t.has(file):
		path, err := t.doc.path(name)
		if err == nil {
			_, err = t.doc.secret(name)
		}
		if err != nil {
			t.wrong(file, err)
		}
		return func() (string, error) { return readSecret(path) }
	case secret != "":
		t.doc.inline = true
	case t.values[inline] == "":
		t.fault(inline, "it is empty", "write the one that Kadence showed with the API key")
	case !t.has(inline):
		t.fault("", "no "+file, "add "+file+` = "…", a file with the API key's secret`)
	}
	return func() (string, error) { return secret, nil }
}

// actingUser checks a Kadence user id, or self.
func actingUser(s string) (string, error) {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"
	if s == "" || len(s) > 64 || strings.Trim(s, letters) != "" {
		return "", mistake{"it is no user id", "write self, or the id of a service account's user"}
	}
	return s, nil
}

// tokenLength is how many characters nobody guesses over a network.
const tokenLength = 16

func control(t *table) Control {
	c := Control{
		Socket: location(t, "socket", DefaultSocket),
		HTTP: parsed(t, "http", "127.0.0.1:9813", func(s string) (string, error) {
			if s == "" {
				return s, nil
			}
			return s, listener(s)
		}),
		Token:  controlToken(t),
		Tokens: controlTokens(t),
		Roster: t.yes("roster", true),

		AuditReads: t.yes("audit_reads", false),
	}
	host, _, _ := net.SplitHostPort(c.HTTP)
	given := t.has("token") || t.has("token_file") || len(c.Tokens) > 0
	if c.UserHeader, c.UserFrom = proxy(t.table("proxy")); c.UserHeader != "" && !given {
		t.fault("proxy", "without a token whoever the proxy lets through without a name would see everything", `add token_file = "…"`)
	}
	switch {
	case c.HTTP == "" || loopback(host):
	case !given:
		t.fault("http", c.HTTP+" shows who is here to whoever reaches it",
			`add token_file = "…", which is then asked for; or keep to 127.0.0.1:9813`)
	default:
		t.doc.warn("control.http: to %s the token and who is here travel in the clear: keep to loopback, "+
			"and have a web server with TLS in front", c.HTTP)
	}
	return c
}

// controlToken reads the token, "" if there is none.
func controlToken(t *table) string {
	const inline, file = "token", "token_file"
	token, name, key := t.text(inline, ""), t.text(file, ""), inline
	switch {
	case t.has(inline) && t.has(file):
		t.fault(file, inline+" is there too", "leave one out")
		return ""
	case t.has(file):
		var err error
		key = file
		if token, err = t.doc.secret(name); err != nil {
			t.wrong(file, err)
			return ""
		}
	case t.has(inline):
		t.doc.inline = true
	default:
		return ""
	}
	if len(token) < tokenLength {
		t.fault(key, fmt.Sprintf("it is shorter than %d characters and can be guessed", tokenLength), "`openssl rand -hex 16` makes one")
	}
	return token
}

// proxy reads [control.proxy]: in which header it names people, and where it is.
func proxy(t *table) (userHeader string, from []netip.Prefix) {
	if t.absent {
		return "", nil
	}
	userHeader = parsed(t, "user_header", "X-Remote-User", header)
	for _, p := range t.filled("from", nil, func(s string) error { _, err := prefix(s); return err }, `write from = ["127.0.0.1"], the addresses of the proxy`) {
		if one, err := prefix(p); err == nil {
			from = append(from, one)
		}
	}
	return userHeader, from
}

// controlTokens reads [[control.tokens]].
func controlTokens(t *table) (all []Token) {
	tables, _ := t.array("tokens")
	names := map[string]bool{}
	for _, one := range tables {
		token := Token{
			Name: one.required("name", "wallboard"), Secret: controlToken(one),
			Sees: one.chosen("sees", SeesNumbers, SeesNumbers, SeesPeople, SeesEverything),
		}
		if token.Secret == "" && !one.has("token") && !one.has("token_file") {
			one.fault("", "no token_file", "add token_file = \"…\", a file with what is to be shown")
		}
		if names[token.Name] {
			one.fault("name", "another token has this name", "give each its own")
		}
		names[token.Name] = true
		all = append(all, token)
	}
	return all
}

// header checks the name of a header (RFC 9110, 5.6.2), of those that proxies may use for
// a user: none that says something else.
func header(s string) (string, error) {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"
	taken := []string{"Authorization", "Host", "Cookie", "Connection", "Content-Length", "Forwarded", "X-Forwarded-For"}
	switch name := http.CanonicalHeaderKey(s); {
	case s == "" || strings.Trim(s, letters) != "" || len(s) > 64:
		return "", mistake{fmt.Sprintf("%q is no name of a header", s), `write it like "X-Remote-User"`}
	case slices.Contains(taken, name):
		return "", mistake{fmt.Sprintf("%s says something else", name), `use one of your own, such as "X-Remote-User"`}
	}
	return s, nil
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

func logging(t *table) Log {
	return Log{
		Level:  t.chosen("level", "info", "error", "warning", "info", "debug"),
		Format: t.chosen("format", "text", "text", "json"),
	}
}
