package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/store/kv"
)

// What is stored apart from a person's document, which every record writes: facts of
// sessions that are over, and the lines of the story, each under a key of its own that
// begins with the user.

// PastKey is where facts of the user with the key stand that are over.
func PastKey(user string, key uint32) []byte {
	return binary.BigEndian.AppendUint32(Under(user, ""), key)
}

// LineKey is where a line of the user's story stands: in the order in which it is told.
func LineKey(user string, e *presence.Entry) []byte {
	return binary.BigEndian.AppendUint32(append(Under(user, MomentKey(e.At, "")), e.Kind.Rank()), e.Hash())
}

// EncodeFacts returns facts that are over as they are stored.
func EncodeFacts(f *presence.Facts) []byte { return appendFacts([]byte{codecVersion}, f) }

// DecodeFacts returns the facts that were encoded.
func DecodeFacts(data []byte) (f presence.Facts, err error) {
	r := newReader(string(data))
	readFacts(r, &f)
	return f, r.end()
}

// EncodeLine returns a line of a story as it is stored.
func EncodeLine(e *presence.Entry) []byte { return appendEntry([]byte{codecVersion}, e) }

// DecodeLine returns the line that was encoded.
func DecodeLine(data []byte) (e presence.Entry, err error) {
	r := newReader(string(data))
	readEntry(r, &e)
	return e, r.end()
}

// The flags of a stretch, beside its traits.
const (
	stretchThere = 1 << (5 + iota) // device and site are those of the stretch before
	stretchPlain                   // To is Raw and Leave, too
	stretchFound                   // Found is not zero
)

func appendOver(b []byte, all []presence.Stretch) []byte {
	b = binary.AppendUvarint(b, uint64(len(all)))
	was, last := presence.Stretch{}, time.Time{}
	for i := range all {
		s := &all[i]
		there, plain := s.Device == was.Device && s.Site == was.Site, s.Raw.Equal(s.To) && s.Leave.Equal(s.To)
		b = append(b, byte(s.Traits)|bit(there, 5)|bit(plain, 6)|bit(!s.Found.IsZero(), 7))
		b = binary.AppendUvarint(b, uint64(len(s.Of)))
		for _, is := range s.Of {
			b = binary.BigEndian.AppendUint32(b, is.Key)
			b = appendSince(b, is.Last, last)
			b = appendSince(b, is.Heard, is.Last)
			last = is.Last
		}
		if !there {
			b = appendText(appendText(b, s.Device), s.Site)
		}
		b = appendSince(b, s.From, was.From)
		b = appendSince(b, s.To, s.From)
		if !plain {
			b = appendSince(appendSince(b, s.Raw, s.To), s.Leave, s.To)
		}
		if !s.Found.IsZero() {
			b = appendSince(b, s.Found, s.To)
		}
		b = appendSince(appendSince(b, s.Began, s.From), s.Clear, s.To)
		b = binary.AppendUvarint(b, uint64(s.NAS^was.NAS))
		was = *s
	}
	return b
}

func readOver(r *reader) []presence.Stretch {
	was, last := presence.Stretch{}, time.Time{}
	return readList(r, leastStretch, func(r *reader, s *presence.Stretch) {
		flags := r.byte()
		s.Traits, s.Device, s.Site = presence.Traits(flags&(stretchThere-1)), was.Device, was.Site
		s.Of = readList(r, leastApart, func(r *reader, is *presence.Apart) {
			for range 4 {
				is.Key = is.Key<<8 | uint32(r.byte())
			}
			is.Last = r.since(last)
			is.Heard = r.since(is.Last)
			last = is.Last
		})
		if flags&stretchThere == 0 {
			s.Device, s.Site = readText[string](r), readText[string](r)
		}
		s.From = r.since(was.From)
		s.To = r.since(s.From)
		if s.Raw, s.Leave = s.To, s.To; flags&stretchPlain == 0 {
			s.Raw, s.Leave = r.since(s.To), r.since(s.To)
		}
		if flags&stretchFound != 0 {
			s.Found = r.since(s.To)
		}
		s.Began, s.Clear = r.since(s.From), r.since(s.To)
		s.NAS = was.NAS ^ uint32(r.uvarint())
		was = *s
	})
}

// of yields what is in the bucket under the user.
func of(v kv.View, b kv.Bucket, user string) iter.Seq2[[]byte, []byte] {
	prefix := Under(user, "")
	return func(yield func(k, value []byte) bool) {
		for k, value := range v.From(b, prefix) {
			if !bytes.HasPrefix(k, prefix) || !yield(k, value) {
				return
			}
		}
	}
}

// join reads parts that are stored apart, and adds them to the person.
func join(v kv.View, p *presence.Person, parts presence.Parts) error {
	if parts&presence.PastFacts != 0 {
		var all []presence.Facts
		for _, data := range of(v, past, p.User) {
			f, err := DecodeFacts(data)
			if err != nil {
				return fmt.Errorf("decode what is over of %q: %w", p.User, err)
			}
			all = append(all, f)
		}
		p.Join(all)
	}
	if parts&presence.AllLines != 0 {
		var all []presence.Entry
		for _, data := range of(v, lines, p.User) {
			e, err := DecodeLine(data)
			if err != nil {
				return fmt.Errorf("decode the story of %q: %w", p.User, err)
			}
			all = append(all, e)
		}
		p.Recall(all)
	}
	return nil
}

// saveApart writes what of the person is stored apart, and has changed.
func (u *update) saveApart(d *document) error {
	latest := d.Told.To
	if !d.told {
		latest = time.Time{}
	}
	facts, story, all := d.Part()
	for i := range facts {
		if err := u.putNew(past, PastKey(d.User, facts[i].Key()), EncodeFacts(&facts[i])); err != nil {
			return err
		}
	}
	stays := map[string]bool{}
	for i := range story {
		key, value := LineKey(d.User, &story[i]), EncodeLine(&story[i])
		if all && d.told {
			stays[string(key)] = true
		}
		put := u.putNew
		if story[i].At.After(latest) {
			put = u.Put
		}
		if err := put(lines, key, value); err != nil {
			return err
		}
	}
	if all && d.told {
		if err := u.eraseOthers(lines, d.User, stays); err != nil {
			return err
		}
	}
	return u.eraseDropped(d)
}

// eraseDropped erases the facts whose stretches the person has dropped.
func (u *update) eraseDropped(d *document) error {
	were := d.keys
	d.note()
	if slices.Equal(were, d.keys) {
		return nil
	}
	for _, key := range were {
		if !slices.Contains(d.keys, key) {
			if err := u.Put(past, PastKey(d.User, key), nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// putNew writes the value, unless it is there.
func (u *update) putNew(b kv.Bucket, key, value []byte) error {
	if bytes.Equal(u.Get(b, key), value) {
		return nil
	}
	return u.Put(b, key, value)
}

// eraseApart erases what is stored apart from the user's document.
func (u *update) eraseApart(user string) error {
	return errors.Join(u.eraseOthers(past, user, nil), u.eraseOthers(lines, user, nil))
}

// eraseOthers erases what is in the bucket under the user, but the keys that stay.
func (u *update) eraseOthers(b kv.Bucket, user string, stays map[string]bool) error {
	for k := range of(u.View, b, user) {
		if stays[string(k)] {
			continue
		}
		if err := u.Put(b, bytes.Clone(k), nil); err != nil {
			return err
		}
	}
	return nil
}
