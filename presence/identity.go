package presence

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Identity are the rules that turn an identity as sent into a user.
//
// Which identity: the first in Order that the record carries and that is not
// anonymous. Which user: blanks around are trimmed, and then
//
//  1. Aliases, by the whole identity, win over everything else,
//  2. what is no person is ignored: machines, MAC addresses, SIM cards, probes,
//     and whatever a glob in Ignore matches,
//  3. the first Rewrite that matches makes a new identity of it,
//  4. the realm (user@realm, DOMAIN\user) is looked up in Realms; Domain itself
//     stays; none gets Domain; a realm with a dot behind an @ is an e-mail
//     address already; a short realm is a Windows domain of the house and gets
//     Domain, unless Realms lists short ones, because then it lists them all,
//  5. Aliases, by the address that came out, once more.
//
// The result is a whole e-mail address in lower case, or nobody. Nothing is
// guessed: a wrong address is somebody else's.
type Identity struct {
	Order         []string          // which to ask first: "user_name", "cui", "eap_peer_id"; empty: only user_name
	Domain        string            // what an identity without a realm gets, lower case
	Realms        map[string]string // realm or Windows domain, lower case → e-mail domain
	Ignore        []string          // globs (see Match) over the identity as sent, beside the built-in ones
	Rewrite       []Rewrite         // first match wins, before realms and domain
	Aliases       map[string]string // identity, folded → user, folded (see Fold)
	OptOut        map[string]bool   // names of those who are not to be tracked, as [Identity.Led] returns them
	OptIn         map[string]bool   // nil: everybody but OptOut; else only these, less OptOut; as OptOut
	IgnoreDevices []string          // globs over the device
	PortTypes     []uint32          // NAS-Port-Types that count, empty: 19; an absent one always counts
}

// Rewrite turns identities that match into a user, as regexp.Expand does.
type Rewrite struct {
	Match *regexp.Regexp
	User  string
}

// maxAddress is the longest e-mail address (RFC 5321 4.5.3.1.3).
const maxAddress = 254

// sent is an identity as a record carries it.
type sent struct{ value, attribute string }

// named is a user, and the rule that named them.
type named struct{ address, rule string }

// attributes are the identities by their names in the configuration.
var attributes = map[string]struct {
	name string
	of   func(*Record) string
}{
	"user_name":   {"User-Name", func(r *Record) string { return r.UserName }},
	"cui":         {"Chargeable-User-Identity", func(r *Record) string { return r.CUI }},
	"eap_peer_id": {"EAP-Peer-Id", func(r *Record) string { return r.PeerID }},
}

// DefaultOrder is the Order of an empty configuration. CUI is not in it: many
// servers send an opaque one, which would make people of numbers.
var DefaultOrder = []string{"user_name"}

// choose returns the identity to go by.
func (rules *Identity) choose(r *Record) (sent, Nobody) {
	order := rules.Order
	if len(order) == 0 {
		order = DefaultOrder
	}
	var nobody Nobody
	for _, which := range order {
		a, ok := attributes[which]
		if !ok {
			continue
		}
		id := trim(a.of(r))
		_, alias := rules.Aliases[Fold(id)]
		switch {
		case a.of(r) == "":
			continue
		case alias || !anonymous(id):
			return sent{id, a.name}, Nobody{}
		}
		nobody = Nobody{
			Kind: kindIdentity, Key: id, Reason: isAnonymous,
			Remedy: "have the RADIUS server return User-Name in the Access-Accept, or send CUI and name it in [identity] order",
		}
	}
	if nobody.Kind == "" {
		return sent{}, Nobody{
			Kind: kindIdentity, Reason: "no " + attributes[order[0]].name,
			Remedy: "have the NAS send it in accounting, and the RADIUS server return it in the Access-Accept",
		}
	}
	for which, a := range attributes {
		if nobody.Key != "" && !slices.Contains(order, which) && trim(a.of(r)) != "" && !anonymous(trim(a.of(r))) {
			nobody.Remedy = fmt.Sprintf("add %q to [identity] order: the record carries %s", which, a.name)
			break
		}
	}
	return sent{}, nobody
}

// trim takes off what NASes put around an identity: blanks, and the NUL with
// which some end their texts.
func trim(s string) string { return strings.TrimSpace(strings.Trim(s, "\x00")) }

// counts reports whether stations on a port of this type count.
func (rules *Identity) counts(portType uint32) bool {
	if len(rules.PortTypes) == 0 {
		return portType == wifi
	}
	return slices.Contains(rules.PortTypes, portType)
}

// user returns whom the identity, trimmed, means, if they may be tracked.
func (rules *Identity) user(id string) (named, Nobody) {
	u, plain, nobody := rules.who(id)
	if nobody.Kind != "" {
		return named{}, nobody
	}
	if why := rules.Barred(u.address, plain, Fold(id)); why != "" {
		return named{}, Nobody{Kind: kindOptedOut, Reason: why}
	}
	return u, Nobody{}
}

// who returns whom the identity, trimmed, means, and the address that it came
// to before the aliases, "" if it was not asked for.
func (rules *Identity) who(id string) (u named, plain string, nobody Nobody) {
	if alias, ok := rules.Aliases[Fold(id)]; ok {
		return named{alias, "aliases_file, by the identity"}, "", Nobody{}
	}
	if n := ignored(id); n.Kind != "" {
		return named{}, "", n
	}
	for _, pattern := range rules.Ignore {
		if Match(pattern, id) {
			return named{}, "", Nobody{Kind: kindIdentity, Key: id, Reason: fmt.Sprintf("[identity] ignore %q", pattern)}
		}
	}
	u, nobody = rules.address(id)
	if nobody.Kind != "" {
		return named{}, "", nobody
	}
	plain = u.address
	if alias, ok := rules.Aliases[plain]; ok {
		u = named{alias, u.rule + ", then aliases_file, by the address"}
	}
	return u, plain, Nobody{}
}

// address makes an e-mail address of an identity.
func (rules *Identity) address(id string) (named, Nobody) {
	text, by := id, ""
	for _, w := range rules.Rewrite {
		if at := w.Match.FindStringSubmatchIndex(id); at != nil {
			text = trim(string(w.Match.ExpandString(nil, w.User, id, at)))
			by = fmt.Sprintf("[identity] rewrite %q, then ", w.Match)
			break
		}
	}
	nobody := func(reason, remedy string) (named, Nobody) {
		return named{}, Nobody{Kind: kindIdentity, Key: id, Reason: reason, Remedy: remedy}
	}
	const rewrite = "make a user of it by [identity] rewrite or aliases_file"
	n, wrong := parseName(text)
	if wrong != "" {
		return nobody(wrong, rewrite)
	}
	domain, rule := rules.domain(n)
	switch {
	case domain == "" && n.realm == "":
		return nobody("no realm, and no domain for such names", "set [identity] domain")
	case domain == "":
		return nobody(fmt.Sprintf("realm %q is not mapped", n.realm),
			fmt.Sprintf(`map the realm: [identity] realms = { %q = "example.com" }`, n.realm))
	}
	address := Fold(n.local + "@" + domain)
	if why := IsAddress(address); why != nil {
		return nobody("no e-mail address comes of it: "+why.Error(), rewrite)
	}
	return named{address, by + rule}, Nobody{}
}

// domain returns the e-mail domain of the name's realm, and the rule that
// gives it; "" if there is none.
func (rules *Identity) domain(n name) (domain, rule string) {
	short := func() bool {
		if strings.Contains(n.realm, ".") {
			return false
		}
		for realm := range rules.Realms {
			if !strings.Contains(realm, ".") {
				return false
			}
		}
		return true
	}
	mapped, listed := rules.Realms[n.realm]
	switch {
	case n.realm == "":
		return rules.Domain, "[identity] domain"
	case listed:
		return mapped, fmt.Sprintf("[identity] realms %q", n.realm)
	case n.realm == Fold(rules.Domain):
		return rules.Domain, "it has [identity] domain"
	case n.behind && strings.Contains(n.realm, "."):
		return n.realm, "an e-mail address as sent"
	case short():
		return rules.Domain, "[identity] domain, for a Windows domain"
	}
	return "", ""
}

// Barred says why somebody may not be tracked who goes by these names, "" if
// they may. It decides about a record, by all the names that led from its
// identity to the user, and about a stored user, by that name alone: opting
// out, or in, under any name that leads to a person counts.
func (rules *Identity) Barred(names ...string) string {
	on := func(list map[string]bool) bool {
		return slices.ContainsFunc(names, func(name string) bool { return list[name] })
	}
	switch {
	case on(rules.OptOut):
		return "opted out"
	case rules.OptIn != nil && !on(rules.OptIn):
		return "not opted in"
	}
	return ""
}

// Led returns the names, folded, whom they lead to, and what else aliases make
// these people of: a list of who opted out or in has them all for
// [Identity.Barred] to look up. nil stays nil.
func (rules *Identity) Led(names map[string]bool) map[string]bool {
	people := maps.Clone(names)
	for name := range names {
		if u, _, nobody := rules.who(name); nobody.Kind == "" {
			people[u.address] = true
		}
	}
	led := maps.Clone(people)
	for name, user := range rules.Aliases {
		if people[user] {
			led[name] = true
		}
	}
	return led
}

// name is an identity taken apart.
type name struct {
	local  string // alice
	realm  string // folded; "" for none
	behind bool   // it is user@realm, not REALM\user
}

// parseName takes alice, alice@realm and DOMAIN\alice apart, or says what is
// wrong with the identity.
func parseName(id string) (n name, wrong string) {
	switch strings.Count(id, "@") + strings.Count(id, `\`) {
	case 0:
		return name{local: id}, ""
	case 1:
		if realm, local, ok := strings.Cut(id, `\`); ok {
			n = name{local: local, realm: Fold(realm)}
		} else {
			local, realm, _ := strings.Cut(id, "@")
			n = name{local: local, realm: Fold(realm), behind: true}
		}
		if n.realm == "" {
			return name{}, "an empty realm"
		}
		return n, ""
	}
	return name{}, "more than one realm"
}

// IsAddress returns nil if s is an e-mail address as far as presence cares,
// and else what it lacks. It asks for less than RFC 5321 does: the desk
// compares addresses exactly.
func IsAddress(s string) error {
	local, domain, _ := strings.Cut(s, "@")
	switch {
	case strings.Count(s, "@") != 1:
		return fmt.Errorf("it has %d @", strings.Count(s, "@"))
	case local == "":
		return fmt.Errorf("nothing before the @")
	case domain == "":
		return fmt.Errorf("nothing behind the @")
	case len(s) > maxAddress:
		return fmt.Errorf("it is longer than %d octets", maxAddress)
	case !utf8.ValidString(s):
		return fmt.Errorf("it is not UTF-8")
	case strings.ContainsFunc(s, func(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }):
		return fmt.Errorf("it has blanks or invisible characters")
	case strings.HasPrefix(domain, ".") || strings.HasSuffix(domain, ".") || strings.Contains(domain, ".."):
		return fmt.Errorf("its domain has an empty label")
	}
	return nil
}
