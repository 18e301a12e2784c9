package daemon

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/presenced/presenced/presence"
)

// erasedKeep is how long it is remembered that somebody was erased: longer than anybody
// keeps a backup of what is kept for a month.
const erasedKeep = 400 * 24 * time.Hour

// hashed is how long a hash is in hexadecimal.
const hashed = 2 * sha256.Size

// erased remembers who was erased, by keyed hashes of their addresses, so that a backup
// that is put back does not bring them back. It is a file beside the store and not in
// it: a backup holds neither key nor hashes.
type erased struct {
	file string

	mu   sync.Mutex // guards what follows
	key  []byte
	when map[string]time.Time // by hash, in hexadecimal
}

// openErased reads the file beside a store; there need not be one.
func openErased(store string) (*erased, error) {
	e := &erased{file: store + ".erased", when: map[string]time.Time{}}
	data, err := os.ReadFile(e.file)
	if errors.Is(err, fs.ErrNotExist) {
		e.key = make([]byte, sha256.Size)
		rand.Read(e.key) // never fails
		return e, nil
	}
	if err == nil {
		err = e.parse(data)
	}
	if err != nil {
		return nil, fmt.Errorf("read who was erased, %s: %w", e.file, err)
	}
	return e, nil
}

// parse reads a line with the key, and one for each hash with the time.
func (e *erased) parse(data []byte) (err error) {
	lines := bufio.NewScanner(bytes.NewReader(data))
	if !lines.Scan() {
		return errors.New("it is empty: restore it, or remove it")
	}
	if e.key, err = hex.DecodeString(lines.Text()); err != nil || len(e.key) != sha256.Size {
		return errors.New("its first line is no key: restore it, or remove it")
	}
	for lines.Scan() {
		line := lines.Text()
		if len(line) < hashed {
			return errors.New("a line of it is none: restore it, or remove it")
		}
		if e.when[line[:hashed]], err = time.Parse(" "+time.RFC3339, line[hashed:]); err != nil {
			return err
		}
	}
	return lines.Err()
}

// add remembers that the user is erased now. It is on disk when it returns.
func (e *erased) add(user string, now time.Time) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.when[e.hash(user)] = now
	var text bytes.Buffer
	fmt.Fprintln(&text, hex.EncodeToString(e.key))
	for hash, when := range e.when {
		if now.Sub(when) > erasedKeep {
			delete(e.when, hash)
			continue
		}
		fmt.Fprintln(&text, hash, when.UTC().Format(time.RFC3339))
	}
	return keep(e.file, text.Bytes())
}

// since reports whether the user was erased after the moment.
func (e *erased) since(user string, moment time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.when[e.hash(user)].After(moment)
}

func (e *erased) hash(user string) string {
	h := hmac.New(sha256.New, e.key)
	h.Write([]byte(presence.Fold(user)))
	return hex.EncodeToString(h.Sum(nil))
}

// erase forgets a user, and remembers that they were erased.
func (d *Daemon) erase(ctx context.Context, user string) error {
	if err := d.erased.add(user, time.Now()); err != nil {
		return err
	}
	return d.Tracker.Forget(ctx, user)
}

// erasedAgain is the note of the backup whose erased people were erased again.
var erasedAgain = presence.NoteKey{Kind: "erased-again", Key: "backup"}

// eraseAgain erases, of a backup that was put back, who was erased since it was made. It
// does so once: what is heard of them afterwards is new.
func (d *Daemon) eraseAgain(ctx context.Context) error {
	copied := d.Store.Origin().Copied
	if copied.IsZero() {
		return nil
	}
	is := []byte(copied.UTC().Format(time.RFC3339Nano))
	was, err := d.Store.Note(ctx, erasedAgain.Kind, erasedAgain.Key)
	if err != nil || bytes.Equal(was, is) {
		return err
	}
	gone := map[string]bool{}
	err = d.users(ctx, func(user string) {
		if d.erased.since(user, copied) {
			gone[user] = true
		}
	})
	if err != nil {
		return err
	}
	for user := range gone {
		if err := d.Tracker.Forget(ctx, user); err != nil {
			return err
		}
	}
	if len(gone) > 0 {
		d.Log.WithField("people", len(gone)).Warn("the store is a backup: who was forgotten since it was made is forgotten again")
	}
	return d.Store.Update(ctx, []presence.Change{presence.WriteNotes(presence.Note{Kind: erasedAgain.Kind, Key: erasedAgain.Key, Value: is})})
}
