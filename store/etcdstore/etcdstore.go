// Package etcdstore keeps people, notes and history in etcd, where several daemons
// share them. What it acknowledges is on the disks of a majority of etcd's members; each
// change of a person is made by comparing what is stored with what was read, whoever
// else writes. Without a majority nothing is answered, and every call ends within
// [Patience].
package etcdstore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/presenced/presenced/presence"
)

// Late is how long a daemon leaves an entry in a queue to the other daemon that wrote it:
// that is there first, unless it is no longer there.
const Late = 1500 * time.Millisecond

const mostName = 200 // octets of a daemon's name

// Config says which etcd, and who is asking.
type Config struct {
	Endpoints []string    // of the members, as https://host:2379, or http:// without TLS
	Prefix    string      // every key begins with it
	Name      string      // of this daemon, which no other one has
	Version   string      // of presenced
	TLS       *tls.Config // for endpoints with https; nil: as the system has it

	// Format is the newest format that this daemon writes; 0: [Format], but in tests.
	Format int

	// Late is how much later than its moment this daemon is told of an entry in a queue
	// that another daemon wrote: [Late], but in tests.
	Late time.Duration
}

// Store is a [presence.Store] in etcd. Its methods may be called from any goroutine.
type Store struct {
	// Committed is told how long each update took to be durable, if it is set before the
	// first one.
	Committed func(took time.Duration)

	config Config
	etcd   *cluster
	asked  [2]atomic.Int64
	naming naming
	latest atomic.Int64 // nanoseconds that the latest update took to be durable
	recent recent
	is     atomic.Pointer[natureRead] // nil: it is to be read

	conflicts atomic.Uint64
	taken     [2]atomic.Uint64 // by queue

	stop  func()
	ended sync.WaitGroup
	alive alive
}

var _ presence.Store = (*Store)(nil)

// Open connects with the members, and announces this daemon to the others. It waits for
// nobody: until a majority can be asked, every call fails.
func Open(config Config) (*Store, error) {
	s, err := OpenToRead(config)
	if err == nil {
		s.announce()
	}
	return s, err
}

// OpenToRead connects with the members for who only reads: the daemons do not learn of it.
func OpenToRead(config Config) (*Store, error) {
	switch {
	case config.Name == "" || len(config.Name) > mostName:
		return nil, fmt.Errorf("open store: the name of this daemon, %q, is to have between 1 and %d octets", config.Name, mostName)
	case config.Prefix == "":
		return nil, errors.New("open store: no prefix is given")
	}
	if config.Format == 0 {
		config.Format = Format
	}
	c, err := connect(config.Endpoints, config.TLS)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	return &Store{config: config, etcd: c, stop: func() {}, recent: recent{people: map[string]stored{}}}, nil
}

// Close says goodbye to the other daemons, and closes the connections.
func (s *Store) Close() error {
	s.stop()
	s.ended.Wait()
	return s.etcd.close()
}

// Ask asks every member how it is, once.
func (s *Store) Ask(ctx context.Context) []Member {
	s.look(ctx)
	return s.Members()
}

// Name is what this daemon is called.
func (s *Store) Name() string { return s.config.Name }

// Path says where the store is.
func (s *Store) Path() string {
	return "etcd:" + s.config.Prefix + " on " + strings.Join(s.config.Endpoints, ", ")
}

// failed says what could not be done; the verb begins the text.
func (s *Store) failed(verb string, err error) error {
	return fmt.Errorf("%s store etcd:%s: %w", verb, s.config.Prefix, err)
}

// The first octet behind the prefix says what stands under a key.
const (
	people       = 'p' // user → who wrote it, document
	wakes        = 'w' // moment, user → daemon that wrote it
	errands      = 'e' // moment, user → daemon that wrote it
	notes        = 'n' // kind NUL key → value
	history      = 'h' // arrival, user NUL visit id → visit
	visits       = 'v' // user NUL arrival, visit id → nothing: the history of one user
	past         = 'f' // user NUL key of facts → facts of sessions that are over, of which the person keeps the stretches
	lines        = 'l' // user NUL moment, kind and text → line of a story
	presents     = 'm' // daemon → what it says of itself, under its lease
	natures      = 's' // nothing → what the store is
	maintenances = 't' // nothing → when etcd was last compacted by presenced
)

var queues = [...]byte{presence.Wakes: wakes, presence.Errands: errands}

// key is where something stands.
func (s *Store) key(of byte, rest []byte) []byte {
	all := make([]byte, 0, len(s.config.Prefix)+1+len(rest))
	return append(append(append(all, s.config.Prefix...), of), rest...)
}

// rest is what is behind the prefix and the first octet of a key.
func (s *Store) rest(key []byte) []byte { return key[len(s.config.Prefix)+1:] }

// next is the first key after the given one.
func next(key []byte) []byte { return append(append(make([]byte, 0, len(key)+1), key...), 0) }

// beyond is the first key after all that begin with the given one, which does not consist
// of 0xff alone: it begins with a prefix.
func beyond(key []byte) []byte {
	end := append([]byte{}, key...)
	for end[len(end)-1] == 0xff {
		end = end[:len(end)-1]
	}
	end[len(end)-1]++
	return end
}
