package configs

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/presenced/presenced/mapping"
	"github.com/presenced/presenced/presence"
)

func identity(t *table) mapping.Identity {
	id := mapping.Identity{
		Order:   t.filled("order", mapping.DefaultOrder, known(mapping.Orders), `write order = ["user_name"]`),
		Domain:  presence.Fold(t.text("domain", "")),
		Realms:  t.pairs("realms", realm),
		Ignore:  t.list("ignore", []string{}, ignore),
		Rewrite: rewrites(t),

		IgnoreDevices: t.list("ignore_devices", []string{}, ignore),
		PortTypes:     portTypes(t),
	}
	if id.Domain != "" {
		if err := domain(id.Domain); err != nil {
			t.wrong("domain", err)
		}
	}
	for realm, d := range id.Realms {
		id.Realms[realm] = presence.Fold(d)
	}
	for i, pattern := range id.IgnoreDevices {
		id.IgnoreDevices[i] = strings.ReplaceAll(pattern, "-", ":") // as devices are written
	}
	if name := t.text("aliases_file", ""); name != "" {
		id.Aliases = aliases(t, "aliases_file", name)
	}
	if name := t.text("opt_out_file", ""); name != "" {
		id.OptOut = id.Led(users(t, "opt_out_file", name))
	}
	if name := t.text("opt_in_file", ""); name != "" {
		id.OptIn = id.Led(users(t, "opt_in_file", name))
	}
	return id
}

// known returns a check that a text is one of names.
func known(names []string) func(string) error {
	return func(s string) error {
		if slices.Contains(names, s) {
			return nil
		}
		return mistake{fmt.Sprintf("%q is none of its values", s), meant(s, names)}
	}
}

// realm checks a realm and its e-mail domain.
func realm(key, value string) error {
	if key == "" || strings.ContainsAny(key, "@\\ ") {
		return mistake{fmt.Sprintf("%q is no realm", key), `write what stands behind the @ or before the \, without either`}
	}
	return domain(value)
}

// ignore checks a glob that is to ignore some and not everybody.
func ignore(s string) error {
	if strings.Trim(s, "*") == "" && s != "" {
		return mistake{fmt.Sprintf("%q ignores everybody", s), "leave it out"}
	}
	return glob(s)
}

func rewrites(t *table) []mapping.Rewrite {
	var all []mapping.Rewrite
	rewrites, _ := t.array("rewrite")
	for _, t := range rewrites {
		text, user := t.required("match", "^CN=([^,]+),.*$"), t.required("user", "$1@example.com")
		match, err := regexp.Compile(text)
		if err != nil {
			t.fault("match", strings.TrimPrefix(err.Error(), "error parsing regexp: "), "write an RE2 expression, in single quotes")
			continue
		}
		if err := expands(match, user); err != nil {
			t.wrong("user", err)
		}
		all = append(all, mapping.Rewrite{Match: match, User: user})
	}
	return all
}

// wireless is NAS-Port-Type Wireless-802.11 (RFC 2865 5.41).
const wireless = 19

func portTypes(t *table) []uint32 {
	otherwise := []uint32{wireless}
	const want = "a list of numbers: [19]"
	values, ok := get[[]any](t, "port_types", []int{wireless}, want)
	if !ok {
		return otherwise
	}
	types := []uint32{}
	for i, v := range values {
		n, ok := v.(int64)
		if !ok || n < 0 || n > 1<<32-1 {
			t.wrongElement("port_types", i, mistake{"element " + strconv.Itoa(i+1) + " is no NAS-Port-Type", "write " + want})
			continue
		}
		types = append(types, uint32(n))
	}
	if len(values) == 0 {
		t.fault("port_types", "it is empty: nothing could count", "write port_types = [19], which is Wi-Fi")
	}
	return types
}
