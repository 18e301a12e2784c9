package presence

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// Who opted out at presenced itself is kept as notes: of each a keyed hash of the address,
// with the time. The list answers for a name, and tells none.

// OptOutKind is the kind of those notes, by hash.
const OptOutKind = "opted-out"

// OptOutKey is the note with the key of the hashes, in hexadecimal.
var OptOutKey = NoteKey{"opted-out-key", "all"}

// HashName returns the keyed hash of a name, in hexadecimal.
func HashName(key []byte, name string) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(Fold(name)))
	return hex.EncodeToString(h.Sum(nil))
}

// OptOuts returns who opted out, by hash, with when, and the key of the hashes; nil if
// nobody ever did.
func OptOuts(ctx context.Context, store interface {
	NotesOf(ctx context.Context, kind string, keys []string) ([][]byte, error)
	Notes(ctx context.Context, kind, after string, limit int) ([]Note, error)
}) (key []byte, when map[string]time.Time, err error) {
	notes, err := store.NotesOf(ctx, OptOutKey.Kind, []string{OptOutKey.Key})
	if err != nil {
		return nil, nil, err
	}
	if key, err = hex.DecodeString(string(notes[0])); err != nil {
		return nil, nil, err
	}
	when = map[string]time.Time{}
	for notes, err := range AllNotes(ctx, store, OptOutKind) {
		if err != nil {
			return nil, nil, err
		}
		for _, n := range notes {
			when[n.Key], _ = time.Parse(time.RFC3339, string(n.Value)) // zero: it is not known when
		}
	}
	return key, when, nil
}

// OptOutNote is the note that who has that hash opted out then; of a zero time, that they
// did not.
func OptOutNote(hash string, when time.Time) Note {
	n := Note{Kind: OptOutKind, Key: hash}
	if !when.IsZero() {
		n.Value = []byte(when.UTC().Format(time.RFC3339))
	}
	return n
}

// OptOutKeyNote is the note of the key.
func OptOutKeyNote(key []byte) Note {
	return Note{Kind: OptOutKey.Kind, Key: OptOutKey.Key, Value: []byte(hex.EncodeToString(key))}
}
