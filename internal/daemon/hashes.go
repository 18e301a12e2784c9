package daemon

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/presenced/presenced/presence"
)

// hashed is how long a hash is in hexadecimal.
const hashed = 2 * sha256.Size

// hashes is a list of people of whom only keyed hashes of their addresses are kept, each
// with a time: it answers for a name, and tells none. It is a file beside the store, of
// which no backup has a copy.
type hashes struct {
	file string        // "": there is none
	most time.Duration // for which each is kept; 0: for good

	mu sync.Mutex // held by who changes it
	is atomic.Pointer[hashList]
}

// hashList is what a list holds. It does not change.
type hashList struct {
	key  []byte
	when map[string]time.Time // by hash, in hexadecimal
}

// openHashes reads the list of what from its file, and reports whether there is one.
func openHashes(what, file string, most time.Duration) (h *hashes, is bool, err error) {
	h = &hashes{file: file, most: most}
	data, err := os.ReadFile(file)
	if file == "" || errors.Is(err, fs.ErrNotExist) {
		key := make([]byte, sha256.Size)
		rand.Read(key) // never fails
		h.is.Store(&hashList{key: key})
		return h, false, nil
	}
	var all *hashList
	if err == nil {
		all, err = parseHashes(data)
	}
	if err != nil {
		return nil, false, fmt.Errorf("read %s, %s: %w", what, file, err)
	}
	h.is.Store(all)
	return h, true, nil
}

// parseHashes reads a line with the key, and one for each hash with the time.
func parseHashes(data []byte) (l *hashList, err error) {
	l = &hashList{when: map[string]time.Time{}}
	lines := bufio.NewScanner(bytes.NewReader(data))
	if !lines.Scan() {
		return nil, errors.New("it is empty: restore it, or remove it")
	}
	if l.key, err = hex.DecodeString(lines.Text()); err != nil || len(l.key) != sha256.Size {
		return nil, errors.New("its first line is no key: restore it, or remove it")
	}
	for lines.Scan() {
		line := lines.Text()
		if len(line) < hashed {
			return nil, errors.New("a line of it is none: restore it, or remove it")
		}
		if l.when[line[:hashed]], err = time.Parse(" "+time.RFC3339, line[hashed:]); err != nil {
			return nil, err
		}
	}
	return l, lines.Err()
}

// add puts somebody on the list. It is on disk when it returns, or not changed.
func (h *hashes) add(user string, now time.Time) error {
	return h.change(now, func(l *hashList) { l.when[presence.HashName(l.key, user)] = now })
}

// remove takes whoever goes by one of the names off the list. It is on disk when it returns,
// or not changed.
func (h *hashes) remove(names []string, now time.Time) error {
	return h.change(now, func(l *hashList) {
		for _, name := range names {
			delete(l.when, presence.HashName(l.key, name))
		}
	})
}

// change makes a change of the list.
func (h *hashes) change(now time.Time, f func(*hashList)) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	next := hashList{h.is.Load().key, map[string]time.Time{}}
	maps.Copy(next.when, h.is.Load().when)
	f(&next)
	var text bytes.Buffer
	fmt.Fprintln(&text, hex.EncodeToString(next.key))
	for hash, at := range next.when {
		if h.most > 0 && now.Sub(at) > h.most {
			delete(next.when, hash)
			continue
		}
		fmt.Fprintln(&text, hash, at.UTC().Format(time.RFC3339))
	}
	if h.file != "" {
		if err := keep(h.file, text.Bytes()); err != nil {
			return err
		}
	}
	h.is.Store(&next)
	return nil
}

// of returns the latest time of anybody who goes by one of the names; zero if none is on
// the list.
func (h *hashes) of(names ...string) (latest time.Time) {
	l := h.is.Load()
	if len(l.when) == 0 {
		return latest
	}
	for _, name := range names {
		if at := l.when[presence.HashName(l.key, name)]; at.After(latest) {
			latest = at
		}
	}
	return latest
}
