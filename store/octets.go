package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/presenced/presenced/presence"
)

// How numbers, times, texts and lists are written and read. Texts and lists begin with
// their length; numbers, durations and times (nanoseconds since 1970, one more than
// that, or 0 for the zero time) are varints.

var errTruncated = errors.New("it ends early, or a length in it is wrong")

func appendText[T ~string](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendBool(b []byte, is bool) []byte {
	if is {
		return append(b, 1)
	}
	return append(b, 0)
}

// bit is 1<<n if is.
func bit(is bool, n uint) byte {
	if is {
		return 1 << n
	}
	return 0
}

func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, 0)
	}
	ns := nanoseconds(t)
	return binary.AppendUvarint(b, uint64(ns<<1^ns>>63)+1)
}

// appendSince writes how long after was the time t is.
func appendSince(b []byte, t, was time.Time) []byte {
	return appendSpan(b, nanoseconds(t)-nanoseconds(was))
}

const spanApart = math.MinInt64

// appendSpan writes a duration in nanoseconds: twice the number of seconds and one if it
// is whole, else twice the number of nanoseconds, or if that is too many, spanApart and
// they.
func appendSpan(b []byte, d int64) []byte {
	switch twice := d << 1; {
	case d%int64(time.Second) == 0:
		return binary.AppendVarint(b, d/int64(time.Second)<<1|1)
	case twice>>1 == d && twice != spanApart:
		return binary.AppendVarint(b, twice)
	}
	return binary.AppendVarint(binary.AppendVarint(b, spanApart), d)
}

func appendList[T any](b []byte, list []T, one func([]byte, *T) []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for i := range list {
		b = one(b, &list[i])
	}
	return b
}

// reader reads what the append functions wrote. After the first fault it
// reads zeros.
type reader struct {
	text  string // every text that is read is a part of it
	at    int
	wrong error

	version byte
	room    *room // where facts are read to; nil: anywhere
}

// room is memory that is read to again and again.
type room struct {
	facts []presence.Facts
	marks []presence.Mark
}

func (r *reader) facts() *[]presence.Facts {
	if r.room == nil {
		return nil
	}
	return &r.room.facts
}

func (r *reader) marks() *[]presence.Mark {
	if r.room == nil {
		return nil
	}
	return &r.room.marks
}

func newReader(text string) *reader {
	r := &reader{text: text}
	if r.version = r.byte(); r.wrong == nil && (r.version == 0 || r.version > codecVersion) {
		r.fail(fmt.Errorf("it is of version %d, and this presenced reads up to %d", r.version, codecVersion))
	}
	return r
}

func (r *reader) fail(err error) {
	if r.wrong == nil {
		r.wrong = err
	}
	r.text, r.at = "", 0
}

// end returns what was wrong with what was read, all of it.
func (r *reader) end() error {
	if r.wrong == nil && r.at < len(r.text) {
		r.fail(fmt.Errorf("%d bytes too many", len(r.text)-r.at))
	}
	return r.wrong
}

func (r *reader) byte() byte {
	if r.at == len(r.text) {
		r.fail(errTruncated)
		return 0
	}
	r.at++
	return r.text[r.at-1]
}

func (r *reader) bool() bool { return r.byte() != 0 }

func (r *reader) uvarint() uint64 {
	var v uint64
	for i := 0; i < binary.MaxVarintLen64 && r.at+i < len(r.text); i++ {
		c := r.text[r.at+i]
		if c >= 0x80 {
			v |= uint64(c&0x7f) << (7 * i)
			continue
		}
		if i == binary.MaxVarintLen64-1 && c > 1 {
			break // more than 64 bits
		}
		r.at += i + 1
		return v | uint64(c)<<(7*i)
	}
	r.fail(errTruncated)
	return 0
}

func (r *reader) varint() int64 {
	v := r.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

// span reads a duration in nanoseconds.
func (r *reader) span() int64 {
	v := r.varint()
	switch {
	case r.version < 4:
		return v
	case v == spanApart:
		return r.varint()
	case v&1 != 0:
		return v >> 1 * int64(time.Second)
	}
	return v >> 1
}

func (r *reader) time() time.Time {
	v := r.uvarint()
	if v == 0 {
		return time.Time{}
	}
	v--
	return time.Unix(0, int64(v>>1)^-int64(v&1)).UTC()
}

func (r *reader) since(was time.Time) time.Time {
	return time.Unix(0, nanoseconds(was)+r.span()).UTC()
}

// length reads the length of what takes up at least the given number of bytes
// each.
func (r *reader) length(least int) int {
	n := r.uvarint()
	if n > uint64((len(r.text)-r.at)/least) {
		r.fail(errTruncated)
		return 0
	}
	return int(n)
}

func readText[T ~string](r *reader) T {
	n := r.length(1)
	if n == 0 {
		return ""
	}
	r.at += n
	return T(r.text[r.at-n : r.at])
}

func readList[T any](r *reader, least int, one func(*reader, *T)) []T {
	return readListTo(nil, r, least, one)
}

// readListTo reads a list to the end of room, where something may be appended to it.
func readListTo[T any](room *[]T, r *reader, least int, one func(*reader, *T)) []T {
	n := r.length(least)
	if n == 0 {
		return nil
	}
	var list []T
	if room == nil {
		list = make([]T, n)
	} else {
		const more = 2
		at := len(*room)
		if cap(*room)-at < n+more {
			*room, at = make([]T, 0, 2*cap(*room)+n+more), 0
		}
		*room = (*room)[:at+n+more]
		list = (*room)[at : at+n : at+n+more]
		clear(list)
	}
	for i := range list {
		one(r, &list[i])
	}
	return list
}
