package journal

import (
	"crypto/rand"
	"encoding/binary"
)

// Mark tells the entries of one life of a journal from all others. It names
// the keeper of the journal and counts the lives of its journals. That name is
// left to chance, so that nothing that a packet brings can be taken for an entry
// when what lies behind the last one is read.
type Mark [16]byte

const markName = 8 // octets of a mark

// NewMark returns the mark of a life after those, of the same keeper; after
// none, of a new one.
func NewMark(before ...Mark) Mark {
	m := Latest(before...)
	if m == (Mark{}) {
		rand.Read(m[:markName]) // never fails
	}
	binary.BigEndian.PutUint64(m[markName:], m.lives()+1)
	return m
}

// Latest returns the mark of the latest life among those of one keeper.
func Latest(all ...Mark) (latest Mark) {
	for _, m := range all {
		if latest.lives() < m.lives() {
			latest = m
		}
	}
	return latest
}

// lives is which life of the keeper's journals it is.
func (m Mark) lives() uint64 { return binary.BigEndian.Uint64(m[markName:]) }

// began reports whether a journal that holds this can be one of the keeper
// whose latest mark it is: it has nothing yet, or begins with an entry of this
// life or of an earlier one.
func (m Mark) began(data []byte) bool {
	var first, none Mark
	copy(first[:], data)
	return first == none || [markName]byte(first[:]) == [markName]byte(m[:]) && first.lives() <= m.lives()
}
