package radiusacct

import (
	"bytes"
	"net/netip"
	"strings"
	"time"
)

// iseTag names the accounting messages of Cisco ISE.
const iseTag = "CISE_RADIUS_Accounting "

func isISE(head []byte) bool { return bytes.Contains(head, []byte(iseTag)) }

// iseReader reads the syslog messages in which Cisco ISE tells of accounting:
//
//	… CISE_RADIUS_Accounting 0000370855 2 0 2026-11-02 08:59:12.345 +01:00 0011 3000 NOTICE Radius-Accounting: …, User-Name=ann, …
//	… CISE_RADIUS_Accounting 0000370855 2 1 Step=11004, …
//
// The number of the message, of how many parts it is, and which one this is; the
// first part has the time. Parts may come in any order, and between those of others.
type iseReader struct {
	lines  *lines
	zone   *time.Location
	record detailRecord
	parts  map[string][]string // by host and number: the parts of a message that have come
	since  []string            // their keys, oldest first
	lost   int                 // messages of which a part never came
	told   bool
}

// mostParts is how many messages may lack a part at once.
const mostParts = 1024

// Format implements [Reader].
func (r *iseReader) Format() Format { return FormatISE }

// Next implements [Reader].
func (r *iseReader) Next() (Packet, error) {
	for {
		raw, err := r.lines.next()
		if err != nil {
			if r.lost += len(r.parts); r.lost > 0 && !r.told {
				r.told = true
				return Packet{}, &Flaw{Place: "its messages", What: flawAt(0, "%d of them lack a part", r.lost).What, Remedy: "have ISE log to one file, and send longer messages"}
			}
			return Packet{}, err
		}
		host, text, is := bytes.Cut(raw, []byte(iseTag))
		if !is {
			continue
		}
		words := strings.SplitN(string(text), " ", 4)
		if len(words) < 4 || !isNumber([]byte(words[1])) || !isNumber([]byte(words[2])) {
			return Packet{}, flawAt(r.lines.at, "a message of ISE without its number and parts")
		}
		message, whole := words[3], true
		if words[1] != "1" {
			message, whole = r.join(lastWord(host)+" "+words[0], words[1], words[2], words[3])
		}
		if !whole {
			continue
		}
		ok, flaw := r.take(message)
		if flaw != nil {
			return Packet{}, flaw
		}
		if p, is := r.record.end(); ok && is {
			p.Place = r.lines.at
			return p, nil
		}
	}
}

func lastWord(b []byte) string {
	words := bytes.Fields(b)
	if len(words) == 0 {
		return ""
	}
	return string(words[len(words)-1])
}

// join adds a part, and returns the message once all have come.
func (r *iseReader) join(key, total, part, text string) (string, bool) {
	n, at := int(number(total)), int(number(part))
	if n == 0 || n > 64 || at >= n {
		return "", false
	}
	if r.parts == nil {
		r.parts = map[string][]string{}
	}
	parts := r.parts[key]
	if len(parts) != n {
		parts = make([]string, n)
		if r.since = append(r.since, key); len(r.since) > mostParts {
			if r.parts[r.since[0]] != nil {
				delete(r.parts, r.since[0])
				r.lost++
			}
			r.since = r.since[1:]
		}
	}
	parts[at] = text
	r.parts[key] = parts
	for _, p := range parts {
		if p == "" {
			return "", false
		}
	}
	delete(r.parts, key)
	return strings.Join(parts, ""), true
}

func number(s string) (n uint64) {
	for _, c := range s {
		if c < '0' || c > '9' || n > 1<<40 {
			return 0
		}
		n = n*10 + uint64(c-'0')
	}
	return n
}

// iseNames are the names that ISE writes in another way.
var iseNames = map[string]string{
	"calling-station-id": "Calling-Station-Id", "called-station-id": "Called-Station-Id", "cisco-av-pair": "Cisco-AVPair", "airespace-wlan-id": "Airespace-Wlan-Id",
}

// take reads a message, and reports whether it is about a session.
func (r *iseReader) take(message string) (bool, error) {
	d := &r.record
	d.reset()
	words := strings.Fields(message)
	if len(words) < 6 {
		return false, flawAt(r.lines.at, "a message of ISE without its time")
	}
	at, err := time.Parse("2006-01-02 15:04:05.999 -07:00", strings.Join(words[:3], " "))
	if err != nil {
		return false, flawAt(r.lines.at, "a message of ISE without its time: %v", err)
	}
	d.packet.Heard = at
	for rest := message; rest != ""; {
		var pair string
		pair, rest = cutField(rest)
		name, value, ok := strings.Cut(strings.TrimSpace(pair), "=")
		if !ok || value == "" {
			continue
		}
		if other := iseNames[strings.ToLower(name)]; other != "" {
			name = other
		}
		if name == "Device IP Address" {
			if addr, err := netip.ParseAddr(value); err == nil {
				d.packet.Source = netip.AddrPortFrom(addr, 0)
			}
			continue
		}
		entry, known := dictionary[name]
		if !known {
			continue
		}
		if entry.names != nil { // "Wireless - IEEE 802.11", "User Request"
			if _, is := entry.names[value]; !is {
				value = iseValue(value)
			}
		}
		if err := d.add([]byte(name), []byte(value), r.zone); err != nil {
			return false, flawAt(r.lines.at, "%s: %v", name, err)
		}
	}
	return true, nil
}

func iseValue(value string) string {
	if strings.HasPrefix(value, "Wireless") && strings.HasSuffix(value, "802.11") {
		return "Wireless-802.11"
	}
	return strings.ReplaceAll(value, " ", "-")
}

// cutField returns the text before the first comma that is not escaped, without its
// escapes, and what comes behind.
func cutField(s string) (field, rest string) {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case ',':
			return strings.ReplaceAll(s[:i], `\,`, ","), s[i+1:]
		}
	}
	return strings.ReplaceAll(s, `\,`, ","), ""
}
