package radiusacct

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"layeh.com/radius"
)

// Packet is an Accounting-Request from a file.
type Packet struct {
	Octets  []byte         // for [Decode]; of a [Reader], until it reads the next
	Source  netip.AddrPort // where it came from; invalid if that was not kept
	Heard   time.Time      // when it arrived; zero if that was not kept
	Unknown []string       // attributes of a text that could not be put into Octets
	Place   int            // its line, or frame, counted from 1
}

// Reader reads the Accounting-Requests of one file, one after the other.
type Reader interface {
	// Next returns the next. It returns io.EOF at the end, a [*Flaw] for what cannot
	// be read, after which Next goes on behind it, and any other error for good.
	Next() (Packet, error)

	// Format says what the file is.
	Format() Format
}

// Format is a form in which accounting is written down.
type Format string

// The formats.
const (
	FormatDetail   Format = "detail"         // FreeRADIUS's detail files, and lists of "Attribute = value"
	FormatCapture  Format = "capture"        // pcap and pcapng
	FormatHex      Format = "hex"            // octets in hexadecimal
	FormatRadacct  Format = "radacct"        // the table of FreeRADIUS's SQL module, as text with a header
	FormatNPS      Format = "NPS"            // Microsoft's Network Policy Server, XML
	FormatNPSTable Format = "NPS (database)" // …, database-compatible
	FormatISE      Format = "Cisco ISE"      // its accounting messages, as syslog has them
	FormatTable    Format = "CSV by --columns"
)

// Lacks returns what a format never tells, "" if nothing.
func (f Format) Lacks() string {
	switch f {
	case FormatRadacct:
		return "only the latest interim of a session, no attributes of vendors, and no Accounting-On or -Off: silence cannot be judged, and " +
			"a network counts only if it stands in CalledStationId"
	case FormatNPSTable:
		return "attributes of vendors: a network counts only if it stands in Called-Station-Id"
	case FormatTable:
		return "whatever its columns leave out: silence cannot be judged unless interims are rows"
	}
	return ""
}

// Sparse reports whether the format leaves interims out, so that silence means
// nothing.
func (f Format) Sparse() bool { return f == FormatRadacct || f == FormatTable }

// Flaw is something in a file that cannot be read.
type Flaw struct {
	Place  string // "line 12", "frame 7"
	What   string
	Remedy string // what to do about it; "" if nothing helps
}

func (f *Flaw) Error() string {
	text := f.Place + ": " + f.What
	if f.Remedy != "" {
		text += " (" + f.Remedy + ")"
	}
	return text
}

func flawAt(line int, what string, args ...any) *Flaw {
	return &Flaw{Place: fmt.Sprintf("line %d", line), What: fmt.Sprintf(what, args...)}
}

// Form is what a file does not say of itself.
type Form struct {
	Zone    *time.Location // of times that name none; nil: the host's
	Columns *Columns       // of a table of anybody's; nil: it is none
}

func (f Form) zone() *time.Location {
	if f.Zone == nil {
		return time.Local
	}
	return f.Zone
}

// buffered is how much of a file is read at once: many are open.
const buffered = 64 << 10

// sniffed is how much of a file is looked at to tell what it is.
const sniffed = 8 << 10

// NewReader returns a reader of what is in r, which it tells by its content: a
// capture (pcap or pcapng); records of a FreeRADIUS detail file, lists of
// "Attribute = value", or what freeradius -X, radclient -x and radsniff print;
// octets in hexadecimal, in any spelling, with an empty line between packets; a
// radacct table with a header; the logs of NPS; Cisco ISE's accounting messages; or
// a table by form.Columns. It may be packed by gzip or bzip2, once: each packing takes
// up to four megabytes, whatever is in it.
func NewReader(r io.Reader, form Form) (Reader, error) {
	return newReader(r, form, false)
}

func newReader(r io.Reader, form Form, unpacked bool) (Reader, error) {
	b := bufio.NewReaderSize(r, buffered)
	head, err := b.Peek(sniffed)
	if len(head) == 0 && err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	gzipped := bytes.HasPrefix(head, []byte("\x1f\x8b"))
	switch packed := gzipped || bytes.HasPrefix(head, []byte("BZh")); {
	case packed && unpacked:
		return nil, errors.New("this is packed more than once: unpack it first")
	case gzipped:
		plain, err := gzip.NewReader(b)
		if err != nil {
			return nil, err
		}
		return newReader(plain, form, true)
	case packed:
		return newReader(bzip2.NewReader(b), form, true)
	case bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")):
		return nil, errors.New("this is packed by zstd: unpack it with `zstd -d`, or give it as `zstdcat FILE | … -`")
	case bytes.HasPrefix(head, []byte("\xfd7zXZ")):
		return nil, errors.New("this is packed by xz: unpack it with `xz -d`, or give it as `xzcat FILE | … -`")
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return nil, errors.New("this is UTF-16: write it as UTF-8 with `iconv -f UTF-16 -t UTF-8`")
	case len(head) >= 4 && pcapOrder(head) != nil:
		return newPcap(b)
	case bytes.HasPrefix(head, []byte("\x0a\x0d\x0d\x0a")):
		return newPcapng(b), nil
	}
	if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) {
		b.Discard(3)
		head = head[3:]
	}
	lines := &lines{r: b}
	switch {
	case form.Columns != nil:
		return newTable(lines, form)
	case isNPS(head):
		return &npsReader{lines: lines, zone: form.zone()}, nil
	case isISE(head):
		return &iseReader{lines: lines, zone: form.zone()}, nil
	case isRadacct(head):
		return newRadacct(lines, form)
	case isNPSTable(head):
		return newNPSTable(lines, form), nil
	case isDetail(head):
		return &detailReader{lines: lines, zone: form.zone()}, nil
	}
	return &hexReader{lines: lines}, nil
}

// lines reads a text line by line.
type lines struct {
	r  *bufio.Reader
	at int // of the latest line, counted from 1

	long  []byte
	again []byte // to be read once more; nil: none is
}

// mostLine is how long a line may be.
const mostLine = 1 << 20

// next returns the next line without its end, until the next is read.
func (l *lines) next() ([]byte, error) {
	if l.again != nil {
		line := l.again
		l.again = nil
		return line, nil
	}
	l.at++
	line, err := l.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		l.long = append(l.long[:0], line...)
		for errors.Is(err, bufio.ErrBufferFull) && len(l.long) < mostLine {
			line, err = l.r.ReadSlice('\n')
			l.long = append(l.long, line...)
		}
		line = l.long
	}
	if len(line) == 0 && err != nil {
		return nil, err
	}
	return bytes.TrimRight(line, "\r\n"), nil
}

// back has next return the line once more.
func (l *lines) back(line []byte) { l.again = line }

// mostRead is how many packets [ReadPackets] reads at the most. People explain one
// packet or a few.
const mostRead = 1 << 20

// ReadPackets returns all Accounting-Requests in r, as [NewReader] reads them. It is
// an error if there is none, or if anything in it cannot be read.
func ReadPackets(r io.Reader) ([]Packet, error) {
	packets, err := readAll(r)
	if err == nil && len(packets) == 0 {
		err = errors.New("there is no Accounting-Request")
	}
	if err != nil {
		return nil, fmt.Errorf("read packets: %w", err)
	}
	return packets, nil
}

func readAll(r io.Reader) (packets []Packet, err error) {
	in, err := NewReader(r, Form{})
	if err != nil {
		return nil, err
	}
	for {
		p, err := in.Next()
		switch {
		case errors.Is(err, io.EOF):
			return packets, nil
		case err != nil:
			return nil, err
		case len(packets) == mostRead:
			return nil, fmt.Errorf("more than %d packets", mostRead)
		}
		p.Octets = bytes.Clone(p.Octets)
		packets = append(packets, p)
	}
}

// isAccounting reports whether b holds a whole Accounting-Request.
func isAccounting(b []byte) bool {
	if len(b) < headerLen || radius.Code(b[0]) != radius.CodeAccountingRequest {
		return false
	}
	length := int(binary.BigEndian.Uint16(b[2:]))
	return length >= headerLen && length <= len(b) && length <= maxLen
}
