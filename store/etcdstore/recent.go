package etcdstore

import "sync"

// recent holds people as they were read or written lately, so that who is written again
// need not be read. What it holds may be old: it is compared when it is written.
type recent struct {
	mu     sync.Mutex // guards what follows
	people map[string]stored
	size   int
}

const (
	recentMost = 64 << 20 // octets
	recentEach = 128      // octets that an entry takes beside what it holds
)

func weight(user string, s stored) int { return recentEach + len(user) + len(s.value) }

func (r *recent) get(user string) (s stored, is bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, is = r.people[user]
	return s, is
}

// put takes in what is stored of the user, unless something newer is known.
func (r *recent) put(user string, s stored) {
	r.mu.Lock()
	defer r.mu.Unlock()
	was, is := r.people[user]
	if is && s.rev != 0 && was.rev > s.rev {
		return
	}
	if is {
		r.size -= weight(user, was)
	}
	if r.size += weight(user, s); r.size > recentMost {
		clear(r.people)
		r.size = weight(user, s)
	}
	r.people[user] = s
}

// forget forgets what is known of the user.
func (r *recent) forget(user string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s, is := r.people[user]; is {
		r.size -= weight(user, s)
		delete(r.people, user)
	}
}
