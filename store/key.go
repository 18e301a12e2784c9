package store

import (
	"encoding/binary"
	"math"
	"strings"
	"time"
)

// MomentKey is a key that sorts by time first, then by name.
func MomentKey(t time.Time, name string) []byte {
	key := make([]byte, 8, 8+len(name))
	binary.BigEndian.PutUint64(key, uint64(nanoseconds(t))^1<<63) // so that 1969 sorts before 1970
	return append(key, name...)
}

// SplitMoment returns the time of such a key, and the name.
func SplitMoment(key []byte) (time.Time, []byte) {
	return time.Unix(0, int64(binary.BigEndian.Uint64(key)^1<<63)).UTC(), key[8:]
}

// nanoseconds counts from 1970. The years up to 1677 and from 2263 on, of
// which it cannot tell, are the first and the last nanosecond there is.
func nanoseconds(t time.Time) int64 {
	switch s := t.Unix(); {
	case s <= math.MinInt64/int64(time.Second):
		return math.MinInt64 + 1
	case s >= math.MaxInt64/int64(time.Second):
		return math.MaxInt64
	}
	return t.UnixNano()
}

// Under is the key of what stands under a name, which holds no NUL.
func Under[T string | []byte](name string, key T) []byte {
	all := make([]byte, 0, len(name)+1+len(key))
	return append(append(append(all, name...), 0), key...)
}

// HistoryKey and VisitKey are where a visit of the user stands in history and
// in visits; the one follows from the other.
func HistoryKey(user string, arrived time.Time, id string) []byte {
	return MomentKey(arrived, string(Under(user, id)))
}

// VisitKey is where a visit stands in the index of the user's visits.
func VisitKey(user string, arrived time.Time, id string) []byte {
	return Under(user, MomentKey(arrived, id))
}

// SplitHistoryKey returns what HistoryKey was made of.
func SplitHistoryKey(key []byte) (user string, arrived time.Time, id string) {
	arrived, name := SplitMoment(key)
	user, id, _ = strings.Cut(string(name), "\x00")
	return user, arrived, id
}

// next is the first key after the given one.
func next[T string | []byte](key T) []byte { return append([]byte(key), 0) }
