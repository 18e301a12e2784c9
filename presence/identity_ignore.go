package presence

import (
	"regexp"
	"slices"
	"strings"
)

// macLike matches a MAC address in every spelling that NASes use, and what
// they put around it when they authenticate by it.
var macLike = regexp.MustCompile(`^(mac:)?([0-9a-f]{2}[-:. ]?){5}[0-9a-f]{2}$`)

// probes are the names with which controllers and proxies ask whether anybody
// listens, and FreeRADIUS's name for a NAS's own console.
var probes = []string{
	"meraki_8021x_test", "test_user_status_check", "test_user_please_reject_me", "radius-probe", "!root",
}

// bare returns the identity, folded, without its realm.
func bare(id string) string {
	id = Fold(id)
	if _, user, ok := strings.Cut(id, `\`); ok {
		id = user
	}
	user, _, _ := strings.Cut(id, "@")
	return user
}

// anonymous reports whether the identity hides who it is: a missing name, as
// in @realm (RFC 7542 2.4), or the usual word for it.
func anonymous(id string) bool {
	user := bare(id)
	return user == "" || user == "anonymous"
}

// ignored says what an identity is that is no person; empty if it can be one.
// Keys are what an operator can act upon: numbers that name a device or a SIM
// card stay out of them.
func ignored(id string) Nobody {
	user := bare(id)
	_, realm, _ := strings.Cut(Fold(id), "@")
	switch {
	case anonymous(id):
		return Nobody{Kind: kindIdentity, Key: id, Reason: isAnonymous}
	case strings.HasPrefix(user, "host/"), strings.HasSuffix(user, "$"):
		return Nobody{
			Kind: kindIdentity, Key: id, Reason: "a machine",
			Remedy: "none needed: whoever signs in on it is heard by their own name",
		}
	case macLike.MatchString(user):
		return Nobody{
			Kind: kindIdentity, Key: "MAC address", Reason: "a MAC address for a name",
			Remedy: "none needed for things; for people use 802.1X, or map the device in [identity] aliases_file",
		}
	case realm == "3gppnetwork.org", strings.HasSuffix(realm, ".3gppnetwork.org"):
		return Nobody{
			Kind: kindIdentity, Key: "@" + realm, Reason: "a SIM card",
			Remedy: "none needed, unless people come by their SIM cards alone",
		}
	case slices.Contains(probes, user):
		return Nobody{
			Kind: kindIdentity, Key: id, Reason: "a probe",
			Remedy: "none needed: a controller or proxy asks whether presenced is alive",
		}
	}
	return Nobody{}
}
