package store

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"

	"github.com/presenced/presenced/presence"
)

// Note implements [presence.Store].
func (s *Store) Note(_ context.Context, kind, key string) (value []byte, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		value = bytes.Clone(tx.Bucket(notes).Get([]byte(kind + "\x00" + key)))
		return nil
	})
	return value, err
}

// Notes implements [presence.Store].
func (s *Store) Notes(_ context.Context, kind, after string, limit int) (all []presence.Note, err error) {
	prefix := []byte(kind + "\x00")
	err = s.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket(notes).Cursor()
		for k, v := seekAfter(c, append(bytes.Clone(prefix), after...)); bytes.HasPrefix(k, prefix) && len(all) < limit; k, v = c.Next() {
			all = append(all, presence.Note{Kind: kind, Key: string(k[len(prefix):]), Value: bytes.Clone(v)})
		}
		return nil
	})
	return all, err
}

// History implements [presence.Store].
func (s *Store) History(_ context.Context, user string, from, to time.Time, limit int) (all []presence.Visit, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		bucket, prefix := history, ""
		if user != "" {
			bucket, prefix = visits, user+"\x00"
		}
		var start []byte
		if from.Unix() > 0 {
			start = moment(from, "")
		}
		c := tx.Bucket(bucket).Cursor()
		for k, v := c.Seek(append([]byte(prefix), start...)); k != nil && len(all) < limit; k, v = c.Next() {
			key, ok := bytes.CutPrefix(k, []byte(prefix))
			if !ok {
				break
			}
			if at, _ := splitMoment(key); !at.Before(to) {
				break
			}
			if user != "" {
				v = tx.Bucket(history).Get(key)
			}
			var visit presence.Visit
			if err := json.Unmarshal(v, &visit); err != nil {
				return fmt.Errorf("decode a visit: %w", err)
			}
			all = append(all, visit)
		}
		return nil
	})
	return all, err
}

// Forget implements [presence.Store]: it erases the person, their visits, and
// what is noted under their address.
func (s *Store) Forget(ctx context.Context, user string) error {
	err := s.db.Update(func(tx *bbolt.Tx) error {
		d, err := load(tx, user)
		if err != nil {
			return err
		}
		u := update{tx: tx}
		d.Person = presence.Person{User: user}
		if err := u.saveOne(d); err != nil {
			return err
		}
		prefix := []byte(user + "\x00")
		c := tx.Bucket(visits).Cursor()
		for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Seek(prefix) {
			if err := tx.Bucket(history).Delete(k[len(prefix):]); err != nil {
				return err
			}
			if err := c.Delete(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("forget in store %s: %w", s.path, err)
	}
	return nil
}

const pruneChunk = 500 // visits that one transaction erases

// Prune implements [presence.Store].
func (s *Store) Prune(ctx context.Context, before time.Time) (pruned int, err error) {
	for ctx.Err() == nil {
		n := 0
		err := s.db.Update(func(tx *bbolt.Tx) error {
			c := tx.Bucket(history).Cursor()
			for k, v := c.First(); k != nil && n < pruneChunk; k, v = c.First() {
				if at, _ := splitMoment(k); !at.Before(before) {
					return nil
				}
				var visit presence.Visit
				if err := json.Unmarshal(v, &visit); err != nil {
					return fmt.Errorf("decode a visit: %w", err)
				}
				if err := tx.Bucket(visits).Delete(append([]byte(visit.User+"\x00"), k...)); err != nil {
					return err
				}
				if err := c.Delete(); err != nil {
					return err
				}
				n++
			}
			return nil
		})
		pruned += n
		if err != nil {
			return pruned, fmt.Errorf("prune store %s: %w", s.path, err)
		}
		if n < pruneChunk {
			return pruned, nil
		}
	}
	return pruned, ctx.Err()
}

// Backup writes a consistent copy, with mode 0600, to path while the store is
// in use. The copy appears under its name when it is whole.
func (s *Store) Backup(_ context.Context, path string) error {
	tmp := path + ".new"
	defer os.Remove(tmp)
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("back up store %s: %w", s.path, err)
	}
	defer f.Close()
	err = s.db.View(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(f)
		return err
	})
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("back up store %s: %w", s.path, err)
	}
	return nil
}
