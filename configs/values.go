package configs

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/presenced/presenced/mapping"
	"github.com/presenced/presenced/presence"
)

const day = 24 * time.Hour

// days is a number of days at the beginning of a duration.
var days = regexp.MustCompile(`^(\d{1,6})d(.*)$`)

// ParseDuration parses a duration as Go writes it, with days of 24 hours in
// front: 90s, 1h30m, 30d, 1d12h.
func ParseDuration(s string) (time.Duration, error) {
	wrong := mistake{fmt.Sprintf("%q is no duration", s), "write it like 90s, 10m, 1h30m or 30d"}
	whole, rest := time.Duration(0), s
	if m := days.FindStringSubmatch(s); m != nil {
		n, _ := strconv.Atoi(m[1])
		if n > 100_000 {
			return 0, wrong
		}
		whole, rest = time.Duration(n)*day, m[2]
		if rest == "" {
			return whole, nil
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || whole > 0 && (d < 0 || strings.ContainsAny(rest, "+-")) {
		return 0, wrong
	}
	return whole + d, nil
}

// duration returns a parser of durations from least to most.
func duration(least, most time.Duration) func(string) (time.Duration, error) {
	return func(s string) (time.Duration, error) {
		d, err := ParseDuration(s)
		if err == nil && (d < least || d > most) {
			err = mistake{fmt.Sprintf("%q is not within %s and %s", s, short(least), short(most)), ""}
		}
		return d, err
	}
}

// short writes a duration without zeroes at its end.
func short(d time.Duration) string {
	if d >= day && d%day == 0 {
		return strconv.Itoa(int(d/day)) + "d"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// clock parses a time of day as the time since midnight; 24:00 is the next.
func clock(s string) (time.Duration, error) {
	h, m, ok := strings.Cut(s, ":")
	hours, errH := strconv.ParseUint(h, 10, 8)
	minutes, errM := strconv.ParseUint(m, 10, 8)
	d := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if !ok || errH != nil || errM != nil || len(h) > 2 || len(m) != 2 || minutes > 59 || d > day {
		return 0, mistake{fmt.Sprintf("%q is no time of day", s), "write it like 04:00"}
	}
	return d, nil
}

// lunch parses a part of the day, or none.
func lunch(s string) (presence.Span, error) {
	if s == "never" {
		return presence.Span{}, nil
	}
	span, err := hours(s)
	if err != nil {
		err = mistake{fmt.Sprintf("%q is no part of the day", s), "write it like 11:00-14:30; never for none"}
	}
	return span, err
}

// hours parses a part of the day, which may go over midnight.
func hours(s string) (presence.Span, error) {
	from, to, ok := strings.Cut(s, "-")
	opens, errFrom := clock(strings.TrimSpace(from))
	closes, errTo := clock(strings.TrimSpace(to))
	switch {
	case !ok || errFrom != nil || errTo != nil || opens == day:
		return presence.Span{}, mistake{fmt.Sprintf("%q are no hours", s), "write them like 06:00-22:00; 00:00-24:00 for always"}
	case opens == closes:
		return presence.Span{}, mistake{fmt.Sprintf("%q is no time at all", s), "write 00:00-24:00 for always"}
	}
	return presence.Span{From: opens, To: closes}, nil
}

// zone parses the name of a time zone; none is nil.
func zone(s string) (*time.Location, error) {
	if s == "" {
		return nil, nil
	}
	z, err := time.LoadLocation(s)
	if err != nil || s == "Local" {
		return nil, mistake{fmt.Sprintf("%q is no time zone", s), "write an IANA name like Europe/London, or leave it out to have the building's"}
	}
	return z, nil
}

// prefix parses an address or a prefix.
func prefix(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, mistake{fmt.Sprintf("%q is neither an address nor a prefix", s), "write it like 10.20.0.5, 10.20.0.0/24 or 2001:db8::/64"}
	}
	if p.Addr().Is4In6() {
		if p.Bits() < 96 {
			return p, mistake{fmt.Sprintf("%q is more than all IPv4 addresses", s), "write it as an IPv4 prefix"}
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	if p != p.Masked() {
		return p, mistake{fmt.Sprintf("%q has bits beyond its length", s), fmt.Sprintf("write %s, or %s for the one address", p.Masked(), p.Addr())}
	}
	return p, nil
}

// glob checks a pattern for presence.Match.
func glob(s string) error {
	switch {
	case strings.TrimSpace(s) == "":
		return mistake{"an empty pattern", "leave it out"}
	case strings.ContainsAny(s, "[]"):
		return mistake{fmt.Sprintf("%q has brackets, which mean only themselves", s), "a pattern knows * and ?, no more"}
	}
	return nil
}

// nas checks what a site's NASes are told by: a pattern, an address, a prefix.
func nas(s string) error {
	if err := glob(s); err != nil {
		return err
	}
	address := strings.Trim(s, "0123456789./") == "" || strings.Contains(s, "/") && strings.Trim(s, "0123456789abcdefABCDEF.:/") == ""
	if !address {
		return nil
	}
	_, err := prefix(s)
	return err
}

// listener checks an address to listen on.
func listener(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return mistake{fmt.Sprintf("%q is no address to listen on", s), "write it like :1813, 10.20.0.1:1813 or [::1]:1813"}
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil {
		return mistake{fmt.Sprintf("%q has no port from 0 to %d", s, 1<<16-1), "write it like 10.20.0.1:1813"}
	} else if n == 0 && host == "" {
		return mistake{fmt.Sprintf("%q is any port", s), "name one"}
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "" && host != "localhost" {
		return mistake{fmt.Sprintf("%q names a host", s), "write its address"}
	}
	return nil
}

// origin checks the base of an API.
func origin(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", mistake{"it is no base of URLs", "write it like https://api.example.com, without user, query or fragment"}
	}
	return s, nil
}

// domain checks an e-mail domain.
func domain(s string) error {
	if err := mapping.IsAddress("x@" + s); err != nil || strings.ContainsAny(s, "@\\*/ ") {
		return mistake{fmt.Sprintf("%q is no e-mail domain", s), "write it like example.com"}
	}
	return nil
}

// groups finds what the text of a rewrite takes from its match.
var groups = regexp.MustCompile(`\$(?:\$|(\w+)|\{(\w+)\})`)

// expands checks that the match has all groups that the text takes from it:
// for regexp.Expand, one that it does not have is empty, and the user somebody
// else.
func expands(match *regexp.Regexp, text string) error {
	for _, m := range groups.FindAllStringSubmatch(text, -1) {
		name := m[1] + m[2]
		if name == "" {
			continue
		}
		n, err := strconv.Atoi(name)
		if err == nil && n <= match.NumSubexp() || err != nil && match.SubexpIndex(name) >= 0 {
			continue
		}
		return mistake{fmt.Sprintf("user takes $%s from the match, which does not have it", name), "write ${1} where a letter, digit or _ follows"}
	}
	return nil
}
