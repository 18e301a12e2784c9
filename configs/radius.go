package configs

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/presenced/presenced/mapping"
	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/radiusacct"
)

// radius reads [radius]; over TLS too, there may be nothing to listen on here.
func radius(t *table, sites []presence.Site, overTLS bool) Radius {
	listen := t.filled
	if overTLS {
		listen = func(key string, otherwise []string, check func(string) error, _ string) []string {
			return t.list(key, otherwise, check)
		}
	}
	r := Radius{
		Listen:  listen("listen", []string{":1813"}, listener, `write listen = [":1813"]; it is ignored when systemd hands over the sockets`),
		MaxSkew: parsed(t, "max_skew", "10m", duration(time.Second, day)),
	}
	all, ok := t.array("client")
	if ok && len(all) == 0 {
		t.fault("", "no client: nobody could send accounting", "add a [[radius.client]] with name, address and secret_file")
	}
	if overTLS && ok && !slices.ContainsFunc(all, func(t *table) bool { return t.has("ca_file") }) {
		t.doc.warn("radsec: no client has a ca_file: nobody could connect")
	}
	names, prefixes, there := map[string]bool{}, map[netip.Prefix]string{}, map[string]bool{} // there may be thousands
	for _, s := range sites {
		there[s.Name] = true
	}
	for _, t := range all {
		c := client(t, sites, there)
		if c.Trust != nil && !overTLS {
			t.fault("ca_file", "there is no [radsec] for it to connect to", "add [radsec] with cert_file and key_file")
		}
		if names[c.Name] {
			t.fault("name", "another client has this name", "give each its own")
		}
		names[c.Name] = c.Name != ""
		if other, taken := prefixes[c.Prefix]; taken && c.Prefix.IsValid() && c.Trust == nil {
			t.fault("address", fmt.Sprintf("%s is the address of client %q too", c.Prefix, other), "one secret counts for an address; secrets = […] holds two while rotating")
		}
		if c.Trust == nil {
			prefixes[c.Prefix] = c.Name
		}
		r.Clients = append(r.Clients, c)
	}
	return r
}

// client reads one client; there are the names of the sites.
func client(t *table, sites []presence.Site, there map[string]bool) radiusacct.Client {
	c := radiusacct.Client{Name: t.required("name", "hq-wlc"), Trust: overTLS(t)}
	if strings.Contains(c.Name, "/") { // behind it is the NAS's own word, see presence.NASName
		t.fault("name", fmt.Sprintf("%q has a /, and the NASes of one client would be taken for another's", c.Name),
			fmt.Sprintf("write %q, say", strings.ReplaceAll(c.Name, "/", "-")))
	}
	address := ""
	if c.Trust != nil && !t.has("address") {
		t.lookUp("address", nil)
	} else {
		address = t.required("address", "10.20.0.0/24")
	}
	if address != "" {
		var err error
		if c.Prefix, err = prefix(address); err != nil {
			t.wrong("address", err)
		}
	}
	if c.Prefix.IsValid() && c.Prefix.Bits() == 0 && c.Trust == nil {
		t.doc.warn("client %q: %s is everybody; only the secret keeps strangers out", c.Name, c.Prefix)
	}
	c.Secrets = secrets(t, c.Trust != nil)
	c.MaxConnections = t.whole("max_connections", 0, 0, 1_000_000)
	c.Site = t.text("site", "")
	switch {
	case c.Site == "" && !t.has("site") && len(sites) == 1 && len(sites[0].NAS)+len(sites[0].Locations) == 0:
		c.Site = sites[0].Name // where else
	case (c.Site != "" || t.has("site")) && !there[c.Site]:
		remedy := ""
		if len(t.doc.faults) < manyFaults {
			remedy = meant(c.Site, siteNames(sites))
		}
		t.fault("site", fmt.Sprintf("there is no site %q", c.Site), remedy)
	}
	if mirror := t.chosen("message_authenticator", "never", "never", "auto", "always"); mirror != "never" {
		c.MirrorMessageAuthenticator = radiusacct.Mirror(mirror)
		if c.Trust != nil {
			t.fault("message_authenticator", "there is none over TLS, which protects answers already", "leave it out")
		}
	}
	c.RequireMessageAuthenticator = t.yes("require_message_authenticator", false)
	return c
}

// secrets reads the secrets of a client, of which any authenticates. Over TLS
// there may be none.
func secrets(t *table, overTLS bool) [][]byte {
	keys := []string{"secret", "secret_file", "secrets", "secret_files"}
	given := slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return !t.has(key) })
	switch {
	case len(given) == 0 && overTLS:
	case len(given) == 0:
		t.fault("", "no secret", `add secret_file = "…", or secret = "…"`)
	case len(given) > 1:
		t.fault(given[1], fmt.Sprintf("%s is there too", given[0]), "leave one out; secrets and secret_files hold several while rotating")
	}
	var all [][]byte
	add := func(key string, i int, text string, err error) {
		if err == nil && text == "" {
			err = mistake{"an empty secret", "write the one that the controller has"}
		}
		if err != nil {
			t.wrongElement(key, i, err)
			return
		}
		all = append(all, []byte(text))
	}
	if s := t.text("secret", ""); t.has("secret") {
		t.doc.inline = true
		add("secret", 0, s, nil)
	}
	for i, s := range t.list("secrets", nil, func(string) error { return nil }) {
		t.doc.inline = true
		add("secrets", i, s, nil)
	}
	if name := t.text("secret_file", ""); t.has("secret_file") {
		s, err := t.doc.secret(name)
		add("secret_file", 0, s, err)
	}
	for i, name := range t.list("secret_files", nil, func(string) error { return nil }) {
		s, err := t.doc.secret(name)
		add("secret_files", i, s, err)
	}
	return all
}

// sites reads the sites, in their order.
func sites(root *table) []presence.Site {
	all, ok := root.array("site")
	if ok && len(all) == 0 {
		root.doc.fault("", "site", "no site: no record could belong anywhere", "add a [[site]] with name and building")
	}
	var read []presence.Site
	named, at := map[string]bool{}, map[string]string{} // there may be thousands
	for _, t := range all {
		s := presence.Site{
			Name:      t.required("name", "london"),
			Building:  t.text("building", ""),
			Zone:      parsed(t, "time_zone", "", zone),
			SSIDs:     t.list("ssids", []string{}, ssid),
			NAS:       t.list("nas", []string{}, nas),
			Locations: t.list("locations", []string{}, glob),

			Lunch:       parsed(t, "lunch", "", own(lunch)),
			LunchLinger: parsed(t, "lunch_linger", "", own(lingering)),
			WalkIns:     walkIns(t),
		}
		open := parsed(t, "hours", "00:00-24:00", hours)
		s.Opens, s.Closes = open.From, open.To
		if s.Name != "" && named[s.Name] {
			t.fault("name", "another site has this name", "give each its own")
		}
		named[s.Name] = true
		if building := presence.Fold(s.Building); building != "" {
			if other, taken := at[building]; taken {
				t.fault("building", fmt.Sprintf("site %q has it too: who walks from one to the other would be checked out", other),
					"make one site of them, with the nas of both")
			} else {
				at[building] = s.Name
			}
		}
		read = append(read, s)
	}
	return read
}

// walkIns reads what a site wants of whoever comes without a booking.
func walkIns(t *table) presence.WalkIns {
	w := presence.WalkIns{
		Rule:  presence.WalkInRule(t.chosen("walk_ins", string(presence.WalkInsNever), string(presence.WalkInsNever), string(presence.WalkInsOnsite))),
		After: parsed(t, "walk_ins_after", "15m", duration(0, day)),
		Max:   t.whole("walk_ins_max", 50, 1, 100_000),
		Undo:  t.yes("walk_ins_undo", false),
	}
	if w.Rule == presence.WalkInsNever {
		return presence.WalkIns{}
	}
	return w
}

// own returns a parser of what a site has for itself; nil if it has not.
func own[T any](parse func(string) (T, error)) func(string) (*T, error) {
	return func(s string) (*T, error) {
		if s == "" {
			return nil, nil
		}
		value, err := parse(s)
		return &value, err
	}
}

// elsewhere reads what is at none of the sites.
func elsewhere(root *table) []mapping.Elsewhere {
	all, _ := root.array("elsewhere")
	var read []mapping.Elsewhere
	for _, t := range all {
		if !t.has("nas") && !t.has("locations") {
			t.fault("", "it names no access point", `add nas = ["rap-*"] or locations = ["Homes*"]`)
		}
		read = append(read, mapping.Elsewhere{
			NAS:       t.filled("nas", []string{}, nas, `write nas = ["rap-*"], or leave it out`),
			Locations: t.filled("locations", []string{}, glob, `write locations = ["Homes*"], or leave it out`),
		})
	}
	return read
}

// ssid checks a network's name (IEEE 802.11: at most 32 octets); "" stands for
// records that name none.
func ssid(s string) error {
	if len(s) > 32 {
		return mistake{fmt.Sprintf("%q is longer than 32 octets", s), "no network has such a name"}
	}
	return nil
}

func siteNames(sites []presence.Site) []string {
	names := make([]string, len(sites))
	for i, s := range sites {
		names[i] = s.Name
	}
	return names
}
