package mapping

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/presenced/presenced/presence"
)

// The reasons for which an identity hides who it is, which the RADIUS server
// can mend.
const (
	isAnonymous   = "anonymous outer identity"
	isPlaceholder = "a placeholder for a name"
	isID          = "an id for a name"
)

// What an identity is that is no person is told by its form, as far as there
// is one: everybody makes up an anonymous name of their own. All are of a bare
// identity, and begin with it, so that those that match nothing cost little.
var (
	// anonymous matches the word in the languages in which it was met, its
	// short form with a number or the method behind it, because Anon is a name
	// too, and the other words that supplicants' guides have.
	anonymous = regexp.MustCompile(`^(an[oó]n(y|i|ie)m.*` +
		`|anon([-_. ]?([0-9][-_.0-9]*|id|identity|user|outer|eap|peap|t?tls|fast|pwd))?` +
		`|(eduroam|openroaming|govroam|outer|hidden|roaming)([-_. ]?(id|identity|user|name))?[0-9]*)$`)

	// placeholder matches the words that programs write where they have no
	// name, template what nobody filled in, and what is within brackets.
	placeholder = regexp.MustCompile(`^(null|none|n/a|nobody|empty|user|user[-_. ]?name` +
		`|no([-_. ]name|[-_. ]?(user|user[-_. ]?name|identity))` +
		`|not[-_. ]?(available|applicable|set|found|known|authenticated)` +
		`|un(known|authenticated|authorized|authorised|identified|registered|named|specified|defined|resolved|assigned|available|set)` +
		`([-_. ]?(user|user[-_. ]?name|name|identity|id|client|device|host|supplicant))?[-_. ]?[0-9]*)$`)
	template = regexp.MustCompile(`^([%$]?[({<\[].*[)}>\]]|.*[%${]\{.*|.*\$\(.*|.*<%.*|%.*%|%[a-z]|\$[a-z_]+|__.*__)$`)

	// macLike matches a MAC address in every spelling that NASes use, and what
	// they put around it when they authenticate by it; EUI-64 too.
	macLike = regexp.MustCompile(`^(((mac|hw|hwaddr|wlan|wifi|eth|sta|station|device|dev|client|host|phone)[-_:. =]?)?` +
		`(([0-9a-f]{2}[-_:. ]?){5}[0-9a-f]{2}|([0-9a-f]{2}[-_:. ]){7}[0-9a-f]{2})` +
		`|([0-9a-f]{2}[-:]){5}[0-9a-f]{2}[^0-9a-z].*|mac[-_:. ][0-9a-f]{6,})$`)

	// guid matches one wherever it stands, ids the other numbers for objects:
	// Windows' SIDs, hexadecimal and long decimal numbers.
	guid = regexp.MustCompile(`(^|[^0-9a-f])[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}([^0-9a-f]|$)`)
	ids  = regexp.MustCompile(`^(s-1-[0-9]+(-[0-9]+)+|\{?(0x)?[0-9a-f]{16,128}\}?|0x[0-9a-f]+|[0-9]{14,})$`)

	// imsi matches the identities of EAP-AKA, EAP-SIM and EAP-AKA' without
	// their realm: a digit for the method before the number of the SIM card.
	imsi = regexp.MustCompile(`^[0-8][0-9]{14,15}$`)

	// hostName matches the names that Windows and Android make up.
	hostName = regexp.MustCompile(`^(desktop-[0-9a-z]{7}|laptop-[0-9a-z]{8}|android-[0-9a-f]{8,})$`)
)

// probes are the names with which controllers and proxies ask whether anybody
// listens, and FreeRADIUS's name for a NAS's own console.
var probes = []string{
	"meraki_8021x_test", "test_user_status_check", "test_user_please_reject_me", "radius-probe", "!root",
}

// bare returns the identity, folded, without its realm and without quotes.
func bare(id string) string {
	id = presence.Fold(id)
	if _, user, ok := strings.Cut(id, `\`); ok {
		id = user
	}
	user, _, _ := strings.Cut(id, "@")
	return strings.TrimFunc(user, isQuote)
}

// ignored says what an identity is that is no person, and what that says of
// whose the session is; empty if it can be one. Keys are what an operator can
// act upon: numbers that name a device, a person or a SIM card stay out of them.
func ignored(id string) (presence.Who, presence.Nobody) {
	user := bare(id)
	quoted := strings.ContainsFunc(id, isQuote)
	_, realm, _ := strings.Cut(presence.Fold(id), "@")
	nobody := func(who presence.Who, key, reason, remedy string) (presence.Who, presence.Nobody) {
		return who, presence.Nobody{Kind: presence.KindIdentity, Key: key, Reason: reason, Remedy: remedy}
	}
	const realName = "have the RADIUS server return User-Name in the Access-Accept, or send CUI and name it in [identity] order"
	switch {
	case user == "" && !quoted, strings.Contains(user, "anonymous"), anonymous.MatchString(user):
		return nobody(presence.Unnamed, id, isAnonymous, realName)
	case strings.HasPrefix(user, "host/"), strings.HasSuffix(user, "$"), strings.HasSuffix(user, ".local") && strings.Count(user, ".") > 1,
		hostName.MatchString(user):
		return nobody(presence.NamesMachine, id, "a machine", "none needed: whoever signs in on it is heard by their own name")
	case len(user) >= len("mac-02005e") && macLike.MatchString(user):
		return nobody(presence.Unnamed, "MAC address", "a MAC address for a name",
			"none needed for things; for people use 802.1X, or map the device in [identity] aliases_file")
	case realm == "3gppnetwork.org", strings.HasSuffix(realm, ".3gppnetwork.org"):
		return nobody(presence.Unnamed, "@"+realm, "a SIM card", "none needed, unless people come by their SIM cards alone")
	case len(user) >= 15 && imsi.MatchString(user):
		return nobody(presence.Unnamed, "SIM card", "a SIM card", "none needed, unless people come by their SIM cards alone")
	case opaque(user):
		return nobody(presence.Unnamed, "id", isID, realName+"; or map the ids in [identity] aliases_file")
	case !strings.ContainsFunc(user, isWordly), placeholder.MatchString(user),
		strings.ContainsAny(user, "%$({<[_") && template.MatchString(user):
		return nobody(presence.Unnamed, id, isPlaceholder, "find out who puts it where there is no name; "+realName)
	case slices.Contains(probes, user):
		return nobody(presence.NamesNobody, id, "a probe", "none needed: a controller or proxy asks whether presenced is alive")
	}
	return presence.NamesUser, presence.Nobody{}
}

// opaque reports whether the name is an id of something, or an address: no
// person is called so.
func opaque(user string) bool {
	switch {
	case len(user) >= 36 && guid.MatchString(user):
		return true
	case (len(user) >= 14 || strings.HasPrefix(user, "0x") || strings.HasPrefix(user, "s-1-")) && ids.MatchString(user):
		return true
	}
	if strings.Trim(user, "0123456789abcdef.:") == "" && strings.ContainsAny(user, ".:") {
		if _, err := netip.ParseAddr(user); err == nil {
			return true
		}
	}
	// What is long and goes from letters to digits and back time and again is
	// a random number in 36 or 64 signs.
	changes := 0
	for i := 1; i < len(user); i++ {
		if unicode.IsDigit(rune(user[i])) != unicode.IsDigit(rune(user[i-1])) {
			changes++
		}
	}
	return len(user) >= 16 && changes >= 6 && !strings.ContainsAny(user, ".#")
}

// isWordly reports whether r can be part of a word.
func isWordly(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }

// isQuote reports whether r is a quotation mark, of any language.
func isQuote(r rune) bool {
	return strings.ContainsRune("\"'`´„‚", r) || unicode.In(r, unicode.Pi, unicode.Pf)
}
