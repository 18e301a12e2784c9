package presence

import "regexp"

// Mapping turns records into sightings: which person, which site. It is a
// value: a reload makes a new one.
type Mapping struct {
	Sites    []Site // in the configured order
	Identity Identity
}

// Reading is what a Mapping made of a record.
type Reading struct {
	Sighting          // whole only when Nobody is empty
	Nobody   Nobody   // why the record leads to no person; empty if it does
	Steps    []Source // the answers and the rules that gave them, for `presenced explain`
}

// Nobody says why a record leads to no person, and what to change where.
type Nobody struct {
	Kind   string // what led nowhere: "identity", "ssid", "nas", "status", …; empty if the record leads to a person
	Key    string // the identity, SSID or NAS itself
	Reason string // "anonymous outer identity"
	Remedy string // "have the RADIUS server return User-Name in the Access-Accept, or send CUI"
}

// Identity are the rules that turn an identity as sent into a user.
type Identity struct {
	Order         []string          // which to ask first: "user_name", "cui", "eap_peer_id"
	Domain        string            // what an identity without a realm gets
	Realms        map[string]string // realm or Windows domain, lower case → e-mail domain
	Ignore        []string          // globs over the identity as sent, beside the built-in ones
	Rewrite       []Rewrite         // first match wins, before realms and domain
	Aliases       map[string]string // identity, lower case → user
	OptOut        map[string]bool   // users who are not to be tracked
	OptIn         map[string]bool   // nil: everybody but OptOut; else only these
	IgnoreDevices []string          // globs over the device
	PortTypes     []uint32          // NAS-Port-Types that count; an absent one always counts
}

// Rewrite turns identities that match into a user, as regexp.Expand does.
type Rewrite struct {
	Match *regexp.Regexp
	User  string
}
