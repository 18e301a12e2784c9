package daemon

import (
	"bytes"
	"context"
	"time"

	"github.com/presenced/presenced/presence"
)

// erasedKeep is how long it is remembered that somebody was erased: longer than anybody
// keeps a backup of what is kept for a month.
const erasedKeep = 400 * 24 * time.Hour

// openErased reads who was erased, so that a backup that is put back does not bring them
// back. There need not be a file.
func openErased(store string) (*hashes, error) {
	h, _, err := openHashes("who was erased", store+".erased", erasedKeep)
	return h, err
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
		if d.erased.of(user).After(copied) {
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
