package radiusacct

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
)

// isDetail reports whether a text holds an attribute, or what a program prints before
// attributes.
func isDetail(head []byte) bool {
	for line := range bytes.Lines(head) {
		text := undressed(bytes.TrimRight(line, "\r\n"))
		if name, _, _ := cutPair(text); name != nil || isTitle(text) {
			return true
		}
	}
	return false
}

// detailReader reads records of a FreeRADIUS detail file: each begins with the time
// when it was written, if it has one, and ends with an empty line. It reads what
// freeradius -X, radclient -x and radsniff -x print too, whose records begin with a
// title.
type detailReader struct {
	lines *lines
	zone  *time.Location

	record detailRecord
	titled bool // records begin with titles: between them is what a program says of its work
	open   bool // a record has begun
	ended  error
}

// Format implements [Reader].
func (r *detailReader) Format() Format { return FormatDetail }

// Next implements [Reader].
func (r *detailReader) Next() (Packet, error) {
	for r.ended == nil {
		if p, is, err := r.next(); is || err != nil {
			return p, err
		}
	}
	return Packet{}, r.ended
}

// next returns the next record, and whether it is about accounting.
func (r *detailReader) next() (p Packet, is bool, err error) {
	r.record.reset()
	for {
		raw, err := r.lines.next()
		if err != nil {
			r.ended = err
			return r.end()
		}
		if len(raw) == 0 || len(raw) < 4 && len(bytes.TrimSpace(raw)) == 0 {
			if !r.record.empty() {
				return r.end()
			}
			continue
		}
		if raw[0] == '#' {
			continue
		}
		if raw[0] != '\t' { // a line of a detail file is not dressed
			raw = undressed(raw)
		}
		name, value, rest := cutPair(raw)
		switch {
		case name != nil && (!r.titled || r.open):
			for {
				if err := r.record.add(name, value, r.zone); err != nil {
					flaw := flawAt(r.lines.at, "%s: %v", name, err)
					r.skip()
					return p, false, flaw
				}
				if name, value, rest = cutPair(rest); name == nil {
					break
				}
			}
			if r.record.packet.Place == 0 {
				r.record.packet.Place = r.lines.at
			}
		case isTitle(raw):
			r.titled = true
			if !r.record.empty() {
				r.lines.back(raw)
				return r.end()
			}
			r.open = r.record.title(raw, r.zone)
		case r.titled:
			r.open = false
			if !r.record.empty() {
				return r.end()
			}
		default:
			text := strings.TrimSpace(string(raw))
			at, err := time.ParseInLocation(time.ANSIC, text, r.zone)
			if err != nil {
				flaw := flawAt(r.lines.at, "neither an attribute nor a time, as a detail record has them")
				r.skip()
				return p, false, flaw
			}
			if !r.record.empty() {
				r.lines.back(raw)
				return r.end()
			}
			r.record.packet.Heard = at
		}
	}
}

// end returns the record that was read.
func (r *detailReader) end() (p Packet, is bool, err error) {
	r.open = false
	p, is = r.record.end()
	return p, is, nil
}

// skip goes on to the next record.
func (r *detailReader) skip() {
	for {
		line, err := r.lines.next()
		if err != nil {
			r.ended = err
			return
		}
		if len(bytes.TrimSpace(line)) == 0 {
			return
		}
		if _, err := time.ParseInLocation(time.ANSIC, strings.TrimSpace(string(line)), r.zone); err == nil {
			r.lines.back(line)
			return
		}
	}
}

// undressed returns a line without what freeradius -X, with and without times, puts
// before it: "Mon Jan  3 09:00:00 2000 : Debug: (137)  ".
func undressed(line []byte) []byte {
	if at := bytes.Index(line, []byte(": (")); at > 0 && at < 40 && bytes.Contains(line[:at], []byte(" : ")) {
		line = line[at+2:]
	}
	if len(line) > 2 && line[0] == '(' {
		if end := bytes.IndexByte(line, ')'); end > 0 && isNumber(line[1:end]) {
			return bytes.TrimLeft(line[end+1:], " \t")
		}
	}
	return line
}

func isNumber(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

// isTitle reports whether the line begins a packet in what a program prints:
//
//	Received Accounting-Request Id 7 from 10.9.8.7:40000 to 10.9.8.1:1813 length 120
//	2021-08-20 14:43:26.469264 (12) Accounting-Request Id 152 ens192:10.9.8.7:48440 -> 10.9.8.1:1813 +21.998
func isTitle(line []byte) bool {
	return bytes.Contains(line, []byte(" Id ")) && !bytes.ContainsRune(line, '=') &&
		(bytes.HasPrefix(line, []byte("Received ")) || bytes.HasPrefix(line, []byte("Sent ")) || bytes.Contains(line, []byte(" -> ")))
}

// title takes in a title, and reports whether what follows are the attributes of an
// Accounting-Request.
func (d *detailRecord) title(line []byte, zone *time.Location) bool {
	words := strings.Fields(string(line))
	is := false
	for i, word := range words {
		switch {
		case word == "Accounting-Request":
			is = true
		case word == "->" && i > 0, word == "from" && i+1 < len(words):
			from := words[i-1]
			if word == "from" {
				from = words[i+1]
			}
			for from != "" && !d.packet.Source.IsValid() { // an interface may stand before it
				if source, err := netip.ParseAddrPort(from); err == nil && !source.Addr().IsUnspecified() {
					d.packet.Source = source
				}
				_, from, _ = strings.Cut(from, ":")
			}
		}
	}
	if len(words) > 2 {
		if at, err := time.ParseInLocation("2006-01-02 15:04:05.999999", words[0]+" "+words[1], zone); err == nil {
			d.packet.Heard = at
		}
	}
	return is
}

// cutPair returns the first attribute of a line, its value, and what comes behind a
// comma; no name if the line is none.
func cutPair(line []byte) (name, value, rest []byte) {
	at := 0
	for at < len(line) && (line[at] == ' ' || line[at] == '\t') {
		at++
	}
	from := at
	for at < len(line) && (isAlphanumeric(line[at]) || at > from && (line[at] == '-' || line[at] == '.' || line[at] == ':' && !follows(line, at, '='))) {
		at++
	}
	name = line[from:at]
	for at < len(line) && (line[at] == ' ' || line[at] == '\t') {
		at++
	}
	if at < len(line) && (line[at] == ':' || line[at] == '+' || line[at] == '=') && follows(line, at, '=') {
		at++
	}
	if at >= len(line) || line[at] != '=' || len(name) == 0 {
		return nil, nil, nil
	}
	for at++; at < len(line) && (line[at] == ' ' || line[at] == '\t'); at++ {
	}
	value = line[at:]
	if len(value) > 1 && (value[0] == '"' || value[0] == '\'') {
		for i := 1; i < len(value); i++ {
			if value[i] == '\\' {
				i++
			} else if value[i] == value[0] {
				behind := bytes.TrimLeft(value[i+1:], " \t")
				if len(behind) == 0 || behind[0] == ',' {
					return name, value[:i+1], bytes.TrimPrefix(behind, []byte(","))
				}
			}
		}
	}
	for i := range value { // without quotes a value may hold commas, unless another attribute is behind
		if value[i] == ',' {
			if next, _, _ := cutPair(value[i+1:]); next != nil {
				return name, bytes.TrimRight(value[:i], " \t"), value[i+1:]
			}
		}
	}
	return name, bytes.TrimRight(bytes.TrimSuffix(bytes.TrimRight(value, " \t"), []byte(",")), " \t"), nil
}

func follows(line []byte, at int, c byte) bool { return at+1 < len(line) && line[at+1] == c }

// detailRecord is a record of which some lines have been read.
type detailRecord struct {
	packet  Packet
	octets  []byte
	other   bool // it is about something else than accounting
	unknown int  // attributes that are not known
}

func (d *detailRecord) reset() {
	*d = detailRecord{octets: append(d.octets[:0], make([]byte, headerLen)...)}
}

// empty reports whether no attribute was read.
func (d *detailRecord) empty() bool { return len(d.octets) == headerLen && d.unknown == 0 && !d.other }

// end returns the packet of the record, if it holds any attribute of accounting.
func (d *detailRecord) end() (Packet, bool) {
	if d.other || len(d.octets) == headerLen {
		return Packet{}, false
	}
	d.octets[0] = byte(radius.CodeAccountingRequest)
	binary.BigEndian.PutUint16(d.octets[2:], uint16(len(d.octets)))
	d.packet.Octets = d.octets
	return d.packet, true
}

// tooMuch is what is wrong with a record that no packet could hold.
type tooMuch string

func (t tooMuch) Error() string { return string(t) }

// add adds an attribute to the packet. One that is not known goes into Unknown.
func (d *detailRecord) add(name, value []byte, zone *time.Location) error {
	value = bytes.TrimPrefix(value, []byte("::"))
	attribute, known := dictionary[string(name)]
	if !known {
		n := string(name)
		if d.ofServer(n, string(unquote(value))) {
			return nil
		}
		if attribute, known = dictionary[strings.ReplaceAll(strings.TrimPrefix(n, "Vendor-Specific."), ".", "-")]; !known { // of FreeRADIUS 4
			d.unknown++
			d.packet.Unknown = append(d.packet.Unknown, n)
			return nil
		}
	}
	octets, ok := attribute.encode(attribute.begin(d.octets), value, zone)
	if !ok {
		d.packet.Unknown = append(d.packet.Unknown, string(name)+" = "+string(value))
		if octets == nil {
			d.unknown++
			return nil
		}
	}
	return d.put(attribute, octets)
}

// put makes the octets those of the packet, of which the last are the attribute's.
func (d *detailRecord) put(a dictionaryEntry, octets []byte) error {
	at := len(d.octets)
	length := len(octets) - at
	switch {
	case length > 255:
		return tooMuch("longer than an attribute")
	case len(octets) > maxLen:
		return tooMuch("more than a packet of 4096 octets holds")
	}
	octets[at+1] = byte(length)
	if a.vendor != 0 {
		octets[at+7] = byte(length - 6)
	}
	d.octets = octets
	return nil
}

// begin appends what stands before the attribute's value, with lengths of 0.
func (a dictionaryEntry) begin(b []byte) []byte {
	if a.vendor == 0 {
		return append(b, byte(a.kind), 0)
	}
	b = binary.BigEndian.AppendUint32(append(b, byte(rfc2865.VendorSpecific_Type), 0), a.vendor)
	return append(b, byte(a.kind), 0)
}

// ofServer takes in what a RADIUS server adds to its records, and reports whether it
// is such.
func (d *detailRecord) ofServer(name, value string) bool {
	switch name {
	case "Timestamp": // when the record was written
		if seconds, err := strconv.ParseInt(value, 10, 64); err == nil {
			d.packet.Heard = time.Unix(seconds, 0)
		}
	case "Packet-Src-IP-Address", "Packet-Src-IPv6-Address", "Client-IP-Address", "Net.Src.IP":
		if addr, err := netip.ParseAddr(value); err == nil {
			d.packet.Source = netip.AddrPortFrom(addr, d.packet.Source.Port())
		}
	case "Packet-Src-Port", "Net.Src.Port":
		if port, err := strconv.ParseUint(value, 10, 16); err == nil {
			d.packet.Source = netip.AddrPortFrom(d.packet.Source.Addr(), uint16(port))
		}
	case "Packet-Type":
		d.other = value != "Accounting-Request" && value != "4"
	default:
		return ofServer[name] || strings.HasPrefix(name, "Net.") || strings.HasPrefix(name, "Authenticator-")
	}
	return true
}

// noValue stands for a value of an integer by a name that is not known: a number that
// means nothing, as that of the name meant nothing to the dictionary.
const noValue = 0xffff_fff0

// encode appends the value as octets on the wire; ok is false if value does not
// have the attribute's form, and is not told as if it had been absent if there are
// octets all the same.
func (a dictionaryEntry) encode(b, value []byte, zone *time.Location) (octets []byte, ok bool) {
	bare := unquote(value)
	switch a.form {
	case asInteger:
		if n, ok := a.names[string(bare)]; ok {
			return binary.BigEndian.AppendUint32(b, n), true
		}
		n, err := strconv.ParseUint(string(bare), 0, 32)
		if err != nil && a.names != nil {
			return binary.BigEndian.AppendUint32(b, noValue), false
		}
		if err != nil {
			return nil, false
		}
		return binary.BigEndian.AppendUint32(b, uint32(n)), true
	case asAddress:
		addr, err := netip.ParseAddr(string(bare))
		if err != nil {
			return nil, false
		}
		return append(b, addr.AsSlice()...), true
	case asDate:
		if isNumber(bare) {
			n, err := strconv.ParseUint(string(bare), 10, 32)
			if err != nil {
				return nil, false
			}
			return binary.BigEndian.AppendUint32(b, uint32(n)), true
		}
		at, ok := parseDate(string(bare), zone)
		if !ok {
			return nil, false
		}
		return binary.BigEndian.AppendUint32(b, uint32(at)), true
	}
	if digits, ok := bytes.CutPrefix(value, []byte("0x")); ok {
		octets, err := hex.AppendDecode(b, digits)
		return octets, err == nil
	}
	if a.form == asOctets {
		if mac, ok := WholeMAC(string(value)); ok {
			octets, err := hex.AppendDecode(b, []byte(strings.ReplaceAll(mac, ":", "")))
			return octets, err == nil
		}
	}
	return append(b, bare...), true
}

// months are as FreeRADIUS prints them.
const months = "JanFebMarAprMayJunJulAugSepOctNovDec"

// parseDate reads "Nov 24 2026 12:00:04 UTC" as seconds of the Unix epoch. The
// abbreviation of a zone may mean several: it counts if the zone has it at that time.
func parseDate(s string, zone *time.Location) (seconds int64, ok bool) {
	if len(s) == len("Nov 24 2026 12:00:04 UTC") && (s[21:] == "UTC" || s[21:] == "GMT") {
		month := strings.Index(months, s[:3])
		digit := func(i int) int { return int(s[i] - '0') }
		day := digit(5)
		if s[4] != ' ' {
			day += 10 * digit(4)
		}
		year := digit(7)*1000 + digit(8)*100 + digit(9)*10 + digit(10)
		hour, minute, second := digit(12)*10+digit(13), digit(15)*10+digit(16), digit(18)*10+digit(19)
		if month >= 0 && month%3 == 0 && day >= 1 && day <= 31 && hour >= 0 && hour < 24 && minute < 60 && second <= 60 && year > 1969 && year < 2106 {
			return time.Date(year, time.Month(month/3+1), day, hour, minute, second, 0, time.UTC).Unix(), true
		}
	}
	at, err := time.ParseInLocation("Jan _2 2006 15:04:05 MST", s, zone)
	if name, offset := at.Zone(); err != nil || offset == 0 && name != "UTC" && name != "GMT" && at.Location() != zone {
		return 0, false
	}
	return at.Unix(), true
}

// unquote returns the text that FreeRADIUS printed between quotes, and undoes its
// escapes: a backslash and a letter, a sign or three octal digits.
func unquote(s []byte) []byte {
	if len(s) < 2 || s[0] != '"' && s[0] != '\'' || s[len(s)-1] != s[0] {
		return s
	}
	s = s[1 : len(s)-1]
	if bytes.IndexByte(s, '\\') < 0 {
		return s
	}
	var b []byte
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b = append(b, s[i])
			continue
		}
		i++
		if i+2 < len(s) {
			if octal, err := strconv.ParseUint(string(s[i:i+3]), 8, 8); err == nil {
				b = append(b, byte(octal))
				i += 2
				continue
			}
		}
		switch s[i] {
		case 'n':
			b = append(b, '\n')
		case 'r':
			b = append(b, '\r')
		case 't':
			b = append(b, '\t')
		default:
			b = append(b, s[i])
		}
	}
	return b
}
