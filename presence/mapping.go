package presence

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
