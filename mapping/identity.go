package mapping

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/presenced/presenced/presence"
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
	Ignore        []string          // globs (see [presence.Match]) over the identity as sent, beside the built-in ones
	Rewrite       []Rewrite         // first match wins, before realms and domain
	Aliases       map[string]string // identity, folded → user, folded (see [presence.Fold])
	OptOut        map[string]bool   // names of those who are not to be tracked, as [Identity.Led] returns them
	OptIn         map[string]bool   // nil: everybody but OptOut; else only these, less OptOut; as OptOut
	Withdrew      Withdrew          // beside OptOut; nil: nobody
	IgnoreDevices []string          // globs over the device
	PortTypes     []uint32          // NAS-Port-Types that count, empty: 19; an absent one always counts

	known *known // nil: nothing is remembered
}

// known are answers of [Identity.who], by the identity as sent and trimmed: most records
// carry one of those that were asked for minutes ago, and to find out what each is takes
// longer than all else that is read of them.
type known struct {
	mu      sync.Mutex
	answers map[string]answer
}

// Withdrew reports whether somebody who goes by one of these names opted out at presenced
// itself. It is asked and not listed, because of those who did only hashes are kept, and
// because it changes without a reload.
type Withdrew func(names ...string) bool

// answer is whom an identity means.
type answer struct {
	named
	plain  string
	nobody presence.Nobody
}

// knownMost is how many identities are remembered.
const knownMost = 1 << 16

// Rewrite turns identities that match into a user, as regexp.Expand does.
type Rewrite struct {
	Match *regexp.Regexp
	User  string
}

// maxAddress is the longest e-mail address (RFC 5321 4.5.3.1.3).
const maxAddress = 254

// sent is an identity as a record carries it.
type sent struct{ value, attribute string }

// named is whom an identity names, and if that is a user, the address and the
// rule that named them.
type named struct {
	who           presence.Who
	address, rule string
}

// noUser is what an identity names that leads to no user.
var noUser = named{who: presence.NamesNobody}

// attributes are the identities by their names in the configuration.
var attributes = map[string]struct {
	name string
	of   func(*presence.Record) string
}{
	"user_name":   {"User-Name", func(r *presence.Record) string { return r.UserName }},
	"cui":         {"Chargeable-User-Identity", func(r *presence.Record) string { return r.CUI }},
	"eap_peer_id": {"EAP-Peer-Id", func(r *presence.Record) string { return r.PeerID }},
}

// Orders are all that an Order can have.
var Orders = []string{"user_name", "cui", "eap_peer_id"}

// DefaultOrder is the Order of an empty configuration. CUI is not in it: many
// servers send an opaque one, which would make people of numbers.
var DefaultOrder = []string{"user_name"}

// choose returns the identity to go by and whom it names: the first that says
// whose it is, else the first that is there at all.
func (rules *Identity) choose(r *presence.Record) (sent, named, presence.Nobody) {
	order := rules.Order
	if len(order) == 0 {
		order = DefaultOrder
	}
	var first sent
	var nobody presence.Nobody
	for _, which := range order {
		a, ok := attributes[which]
		if !ok || a.of(r) == "" {
			continue
		}
		id := sent{trim(a.of(r)), a.name}
		u, none := rules.user(id.value)
		if u.who != presence.Unnamed {
			return id, u, none
		}
		if nobody.Kind == "" {
			first, nobody = id, none
		}
	}
	if nobody.Kind == "" {
		nobody = presence.Nobody{
			Kind: presence.KindIdentity, Reason: "no " + attributes[order[0]].name,
			Remedy: "have the NAS send it in accounting, and the RADIUS server return it in the Access-Accept",
		}
	}
	for _, which := range Orders {
		a := attributes[which]
		if u, _ := rules.user(trim(a.of(r))); u.who != presence.Unnamed && !slices.Contains(order, which) {
			nobody.Remedy = fmt.Sprintf("add %q to [identity] order: the record carries %s", which, a.name)
			break
		}
	}
	return first, named{}, nobody
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
func (rules *Identity) user(id string) (named, presence.Nobody) {
	is := rules.known.answer(id, rules.who)
	if is.nobody.Kind != "" {
		return is.named, is.nobody
	}
	if why := rules.Barred(is.address, is.plain, presence.Fold(id)); why != "" {
		return noUser, presence.Nobody{Kind: presence.KindOptedOut, Reason: why}
	}
	return is.named, presence.Nobody{}
}

// answer returns what who answers about the identity, or answered before.
func (k *known) answer(id string, who func(string) answer) answer {
	if k == nil {
		return who(id)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	is, known := k.answers[id]
	if !known {
		if len(k.answers) >= knownMost {
			clear(k.answers)
		}
		id = strings.Clone(id) // it may be a part of its packet
		is = who(id)
		k.answers[id] = is
	}
	return is
}

// Standing returns the address of whom a name means, "" if it leads to nobody, the names
// that led there, and why they may not be tracked, "" if they may.
func (rules *Identity) Standing(name string) (user string, names []string, why string) {
	id := trim(name)
	is := rules.who(id)
	if is.nobody.Kind != "" {
		return "", nil, ""
	}
	names = []string{is.address, is.plain, presence.Fold(id)}
	return is.address, names, rules.Barred(names...)
}

// User returns the address of whom a name means that somebody typed, whether
// they may be tracked or not; "" if it leads to nobody.
func (rules *Identity) User(name string) string {
	return rules.who(trim(name)).address
}

// who returns whom the identity, trimmed, means, and the address that it came
// to before the aliases, "" if it was not asked for.
func (rules *Identity) who(id string) answer {
	if alias, ok := rules.Aliases[presence.Fold(id)]; ok {
		return answer{named: named{presence.NamesUser, alias, "aliases_file, by the identity"}}
	}
	if who, nobody := ignored(id); nobody.Kind != "" {
		return answer{named: named{who: who}, nobody: nobody}
	}
	for _, pattern := range rules.Ignore {
		if presence.Match(pattern, id) {
			return answer{named: noUser, nobody: presence.Nobody{Kind: presence.KindIdentity, Key: id, Reason: fmt.Sprintf("[identity] ignore %q", pattern)}}
		}
	}
	u, nobody := rules.address(id)
	if nobody.Kind != "" {
		return answer{named: u, nobody: nobody}
	}
	plain := u.address
	if alias, ok := rules.Aliases[plain]; ok {
		u = named{presence.NamesUser, alias, u.rule + ", then aliases_file, by the address"}
	}
	return answer{named: u, plain: plain}
}

// address makes an e-mail address of an identity.
func (rules *Identity) address(id string) (named, presence.Nobody) {
	text, by := id, ""
	for _, w := range rules.Rewrite {
		if at := w.Match.FindStringSubmatchIndex(id); at != nil {
			text = trim(string(w.Match.ExpandString(nil, w.User, id, at)))
			by = fmt.Sprintf("[identity] rewrite %q, then ", w.Match)
			break
		}
	}
	if by != "" {
		if who, nobody := ignored(text); nobody.Kind != "" {
			return named{who: who}, nobody
		}
	}
	nobody := func(reason, remedy string) (named, presence.Nobody) {
		return noUser, presence.Nobody{Kind: presence.KindIdentity, Key: id, Reason: reason, Remedy: remedy}
	}
	const rewrite = "make a user of it by [identity] rewrite or aliases_file"
	n, wrong := parseName(text)
	if wrong == "" {
		wrong = unfit(n.local)
	}
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
	address := presence.Fold(n.local + "@" + domain)
	if why := IsAddress(address); why != nil {
		return nobody("no e-mail address comes of it: "+why.Error(), rewrite)
	}
	return named{presence.NamesUser, address, by + rule}, presence.Nobody{}
}

// domain returns the e-mail domain of the name's realm, and the rule that
// gives it; "" if there is none.
func (rules *Identity) domain(n name) (domain, rule string) {
	short := func() bool {
		if strings.ContainsFunc(n.realm, func(r rune) bool { return !isWordly(r) && !strings.ContainsRune("-_&", r) }) ||
			!strings.ContainsFunc(n.realm, isWordly) {
			return false // a forest's name, a local account, a placeholder
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
	case n.realm == presence.Fold(rules.Domain):
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
	case rules.Withdrew != nil && rules.Withdrew(names...):
		return "opted out at presenced itself"
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
		if is := rules.who(name); is.nobody.Kind == "" {
			people[is.address] = true
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
			n = name{local: local, realm: presence.Fold(realm)}
		} else {
			local, realm, _ := strings.Cut(id, "@")
			n = name{local: local, realm: presence.Fold(realm), behind: true}
		}
		if n.realm == "" {
			return name{}, "an empty realm"
		}
		return n, ""
	}
	return name{}, "more than one realm"
}

// escape matches a sign as some program wrote it that did not dare to pass it
// on: of URLs, of FreeRADIUS' SQL modules, of XML.
var escape = regexp.MustCompile(`%[0-9A-Fa-f]{2}|=[0-9A-Fa-f]{2}|&(#[0-9]+|#x[0-9A-Fa-f]+|[a-z]+);`)

// directoryName matches what names an entry of a directory.
var directoryName = regexp.MustCompile(`(?i)(^|[/,+])(cn|uid|ou|o|c|dc|e|emailaddress)=`)

// unfit says why no mailbox is called like that. It asks for more than
// [IsAddress], because these come of something that is more than a name.
func unfit(local string) string {
	first, _ := utf8.DecodeRuneInString(local)
	last, _ := utf8.DecodeLastRuneInString(local)
	const never = "/!=%|{}?*<>()[]\",;:^`"
	switch at := strings.IndexAny(local, never); {
	case isQuote(first), isQuote(last):
		return "quotes around the name"
	case strings.Contains(local, "=") && directoryName.MatchString(local):
		return "a certificate's name"
	case strings.ContainsAny(local, "%=&") && escape.MatchString(local):
		return "an escaped sign"
	case at < 0:
		return ""
	case local[at] == '/', local[at] == '!':
		return "a path"
	default:
		return "no name has " + quote(local[at:at+1])
	}
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
