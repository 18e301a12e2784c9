package kv

import (
	"encoding/binary"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// changes is what one update writes, in order.
type changes []change

type change struct {
	key   string // as pending has it
	value []byte // nil erases
}

func (c *changes) put(b Bucket, key, value []byte) error {
	switch {
	case len(key) == 0:
		return bolterrors.ErrKeyRequired
	case len(key) > bbolt.MaxKeySize:
		return bolterrors.ErrKeyTooLarge
	}
	*c = append(*c, change{b.at(key), value})
	return nil
}

// entry appends the changes as the journal holds them: each key with its
// length before it, whether it has a value, and that likewise.
func (c changes) entry(b []byte) []byte {
	for _, c := range c {
		b = append(binary.AppendUvarint(b, uint64(len(c.key))), c.key...)
		if c.value == nil {
			b = append(b, 0)
			continue
		}
		b = binary.AppendUvarint(append(b, 1), uint64(len(c.value)))
		b = append(b, c.value...)
	}
	return b
}

var errTruncated = errors.New("it ends early, or a length in it is wrong")

// readChanges reads the changes of an entry, whose keys are in so many buckets.
func readChanges(entry []byte, buckets int) (changes, error) {
	all, err := splitChanges(entry, buckets)
	if err != nil {
		return nil, fmt.Errorf("decode an entry of the journal: %w", err)
	}
	return all, nil
}

func splitChanges(entry []byte, buckets int) (all changes, err error) {
	for len(entry) > 0 {
		key, rest, ok := cutText(entry)
		if !ok || len(rest) == 0 {
			return nil, errTruncated
		}
		if len(key) < 2 || int(key[0]) >= buckets {
			return nil, fmt.Errorf("no bucket has the key %q", key)
		}
		c, has := change{key: string(key)}, rest[0] != 0
		entry = rest[1:]
		if has {
			value, rest, ok := cutText(entry)
			if !ok {
				return nil, errTruncated
			}
			c.value, entry = append([]byte{}, value...), rest
		}
		all = append(all, c)
	}
	return all, nil
}

// cutText cuts off what begins with its length.
func cutText(b []byte) (text, rest []byte, ok bool) {
	n, octets := binary.Uvarint(b)
	if octets <= 0 || n > uint64(len(b)-octets) {
		return nil, nil, false
	}
	b = b[octets:]
	return b[:n], b[n:], true
}
