package configs

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/presenced/presenced/presence"
)

func radius(t *table, sites []presence.Site) Radius {
	r := Radius{
		Listen:  t.filled("listen", []string{":1813"}, listener, `write listen = [":1813"]; it is ignored when systemd hands over the sockets`),
		MaxSkew: parsed(t, "max_skew", "10m", duration(time.Second, day)),
	}
	all, ok := t.array("client")
	if ok && len(all) == 0 {
		t.fault("", "no client: nobody could send accounting", "add a [[radius.client]] with name, address and secret_file")
	}
	names, prefixes := map[string]bool{}, map[netip.Prefix]string{}
	for _, t := range all {
		c := client(t, sites)
		if names[c.Name] {
			t.fault("name", "another client has this name", "give each its own")
		}
		names[c.Name] = c.Name != ""
		if other, taken := prefixes[c.Prefix]; taken && c.Prefix.IsValid() {
			t.fault("address", fmt.Sprintf("%s is the address of client %q too", c.Prefix, other), "one secret counts for an address; secrets = […] holds two while rotating")
		}
		prefixes[c.Prefix] = c.Name
		r.Clients = append(r.Clients, c)
	}
	return r
}

// client reads one client.
func client(t *table, sites []presence.Site) Client {
	c := Client{Name: t.required("name", "hq-wlc")}
	if address := t.required("address", "10.20.0.0/24"); address != "" {
		var err error
		if c.Prefix, err = prefix(address); err != nil {
			t.wrong("address", err)
		}
	}
	if c.Prefix.IsValid() && c.Prefix.Bits() == 0 {
		t.doc.warn("client %q: %s is everybody; only the secret keeps strangers out", c.Name, c.Prefix)
	}
	c.Secrets = secrets(t)
	c.Site = t.text("site", "")
	named := func(s presence.Site) bool { return s.Name == c.Site }
	switch {
	case c.Site == "" && !t.has("site") && len(sites) == 1 && len(sites[0].NAS)+len(sites[0].Locations) == 0:
		c.Site = sites[0].Name // where else
	case (c.Site != "" || t.has("site")) && !slices.ContainsFunc(sites, named):
		t.fault("site", fmt.Sprintf("there is no site %q", c.Site), meant(c.Site, siteNames(sites)))
	}
	if mirror := t.chosen("message_authenticator", "auto", "auto", "always", "never"); mirror != "auto" {
		c.MirrorMessageAuthenticator = mirror
	}
	c.RequireMessageAuthenticator = t.yes("require_message_authenticator", false)
	return c
}

// secrets reads the secrets of a client, of which any authenticates.
func secrets(t *table) [][]byte {
	keys := []string{"secret", "secret_file", "secrets", "secret_files"}
	given := slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return !t.has(key) })
	switch {
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
	for _, t := range all {
		s := presence.Site{
			Name:      t.required("name", "london"),
			Building:  t.text("building", ""),
			Zone:      parsed(t, "time_zone", "", zone),
			SSIDs:     t.list("ssids", []string{}, ssid),
			NAS:       t.list("nas", []string{}, nas),
			Locations: t.list("locations", []string{}, glob),
		}
		open := parsed(t, "hours", "00:00-24:00", hours)
		s.Opens, s.Closes = open.opens, open.closes
		if s.Name != "" && slices.Contains(siteNames(read), s.Name) {
			t.fault("name", "another site has this name", "give each its own")
		}
		if i := slices.IndexFunc(read, func(o presence.Site) bool {
			return s.Building != "" && presence.Fold(o.Building) == presence.Fold(s.Building)
		}); i >= 0 {
			t.fault("building", fmt.Sprintf("site %q has it too: who walks from one to the other would be checked out", read[i].Name),
				"make one site of them, with the nas of both")
		}
		read = append(read, s)
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
