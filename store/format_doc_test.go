package store

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/store/kv"
)

// TestFormatIsWhatItsDocumentShows writes the entry that docs/format.md shows,
// octet for octet, and reads it again.
func TestFormatIsWhatItsDocumentShows(t *testing.T) {
	text, err := os.ReadFile("../docs/format.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```hex\n(.*?)```").FindSubmatch(text)
	if block == nil {
		t.Fatal("the document shows no entry")
	}
	shown := ""
	for line := range strings.Lines(string(block[1])) {
		octets, _, _ := strings.Cut(line, "#")
		shown += strings.Join(strings.Fields(octets), "")
	}

	ann := Document{Person: presence.Person{User: "ann@example.com", Wake: monday}}
	ann.Devices = []presence.Device{{ID: "02:00:5e:10:00:01", Site: "london", Began: monday, Last: monday}}
	ann.Queued[presence.Wakes] = monday
	// The journals become those that the document shows one of: in its fifth life.
	path := filepath.Join(t.TempDir(), "presenced.db")
	keeper, lives := "\xa0\xa1\xa2\xa3\xa4\xa5\xa6\xa7\x00\x00\x00\x00\x00\x00\x00", [2]string{"\x05", "\x04"}
	if err := must(Open(path)).Close(); err != nil {
		t.Fatal(err)
	}
	db := must(bbolt.Open(path, 0o600, nil))
	err = db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket(meta).Put([]byte("journal"), []byte("\x00"+keeper+lives[0]+keeper+lives[1]))
	})
	if err := errors.Join(err, db.Close(), os.Truncate(journalPath(path, 0), 0), os.Truncate(journalPath(path, 1), 0)); err != nil {
		t.Fatal(err)
	}

	s := reopen(t, path)
	err = s.kv.Update(func(u *kv.Update) error {
		return errors.Join(
			u.Put(people, []byte(ann.User), ann.Encode(nil)),
			u.Put(wakes, MomentKey(monday, ann.User), []byte{}),
			u.Put(notes, Under("forget", "bob@example.com"), nil),
		)
	})
	if err != nil {
		t.Fatal(err)
	}
	written := must(os.ReadFile(journalPath(path, 0)))
	if got := hex.EncodeToString(written[:len(shown)/2]); got != shown {
		t.Errorf("the document shows\n%s\nand written is\n%s", shown, got)
	}
	if rest := written[len(shown)/2:]; len(bytes.Trim(rest, "\x00")) > 0 {
		t.Errorf("behind what the document shows there are %d octets more", len(rest))
	}
	left := copied(t, s)
	same(t, must(left.Person(t.Context(), ann.User)), ann.Person)
	same(t, left.Stats().People, 1)
}
