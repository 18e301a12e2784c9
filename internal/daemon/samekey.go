package daemon

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/presenced/presenced/presence"
)

// Daemons that share a store hash devices by one key: what one of them had hashed by another,
// none of the others would know again.

// keyNote is the note of the fingerprint of the key by which devices are hashed.
var keyNote = presence.NoteKey{Kind: "device-key", Key: "daemons"}

// errOtherKey is that the devices in the store were hashed by another key.
var errOtherKey = errors.New("device_key_file: the other daemons hash devices by another key: give every daemon the same file")

// fingerprintOf tells keys apart, and nothing else of them.
func fingerprintOf(key []byte) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("presenced: by which key devices are hashed"))
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// agreeOnKey returns errOtherKey if devices were hashed by another key before, and else
// notes that they are by this one.
func agreeOnKey(ctx context.Context, s presence.Store, key []byte) error {
	mine, is := fingerprintOf(key), ""
	err := s.Update(ctx, []presence.Change{{Reads: []presence.NoteKey{keyNote}, Apply: func(_ *presence.Person, notes [][]byte) presence.Outcome {
		if theirs := string(notes[0]); theirs != "" {
			return presence.Outcome{Then: func() { is = theirs }}
		}
		return presence.Outcome{Notes: []presence.Note{{Kind: keyNote.Kind, Key: keyNote.Key, Value: []byte(mine)}}}
	}}})
	if err != nil {
		return fmt.Errorf("by which key devices are hashed is not known: %w", err)
	}
	if is != "" && is != mine {
		return errOtherKey
	}
	return nil
}

// recorder is the tracker, once it is known that this daemon hashes devices as the others
// do: before, nothing is recorded, and nobody is answered.
type recorder struct {
	*presence.Tracker
	d *Daemon
}

// Record implements [radiusacct.Recorder].
func (r recorder) Record(ctx context.Context, batch []presence.Record) error {
	if err := r.d.sameKey(ctx); err != nil {
		return err
	}
	return r.Tracker.Record(ctx, batch)
}

// sameKey finds out, until it is known, whether this daemon hashes devices as the others do.
func (d *Daemon) sameKey(ctx context.Context) error {
	if d.keyed.Load() {
		return nil
	}
	if s, is := d.shared(); is {
		if key := d.inForce.Load().mapping.HashKey; key != nil {
			if err := agreeOnKey(ctx, s, key); err != nil {
				return err
			}
		}
	}
	d.keyed.Store(true)
	return nil
}

// keyOfAll reads the key that every daemon has. While this one runs, another one is refused.
func (d *Daemon) keyOfAll(ctx context.Context, path string) ([]byte, error) {
	key, err := sharedKey(path)
	if s, is := d.shared(); err == nil && is && d.keyed.Load() {
		err = agreeOnKey(ctx, s, key)
	}
	return key, err
}

// followKey ends the daemon if it hashes devices otherwise than the others do.
func (d *Daemon) followKey(ctx context.Context) error {
	for {
		switch err := d.sameKey(ctx); {
		case err == nil:
			return nil
		case errors.Is(err, errOtherKey):
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(shareEvery): // etcd cannot be asked, which is told elsewhere
		}
	}
}
