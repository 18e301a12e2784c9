package control

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/presenced/presenced/presence"
)

// Names reads what an operator types, by the rules in force. What is nil takes
// everything as it is written.
type Names struct {
	User   func(name string) string             // to whom a name of the network leads; "" for nobody
	Device func(text string) (mac, kept string) // a device in any spelling; kept if devices are kept as hashes
	Barred func(user string) string             // why somebody may not be tracked; "" if they may
}

func (n Names) device(text string) (mac, kept string) {
	if n.Device == nil || text == "" {
		return text, ""
	}
	return n.Device(text)
}

// alike is how many addresses are offered for one that is not remembered.
const alike = 5

// Find returns the users who are meant by what an operator has: an address, a name of
// the network such as CORP\ann, a device, a visit's id, or how an address begins. The
// first of these that leads to anybody counts, and of an address or a name that is one
// person; else it is [ErrUnknown], with whom there is that is written alike.
func (l Listings) Find(ctx context.Context, who string) ([]string, error) {
	for _, user := range []string{presence.Fold(who), l.leads(who)} {
		if known, err := l.knows(ctx, user); err != nil || known {
			return []string{user}, err
		}
	}
	users, err := l.holders(ctx, who)
	if err != nil || len(users) > 0 {
		return users, err
	}
	named := presence.Fold(who)
	if user := l.leads(who); user != "" {
		named = user
	}
	if users, err = l.beginning(ctx, presence.Fold(who)); err != nil || len(users) > 0 {
		return users, err
	}
	local, _, _ := strings.Cut(named, "@")
	near, err := l.beginning(ctx, first(local, 3))
	if err != nil {
		return nil, err
	}
	if len(near) == 0 {
		return nil, l.unknown(ctx, named)
	}
	return nil, fmt.Errorf("%w; there is %s", l.unknown(ctx, named), strings.Join(near[:min(alike, len(near))], ", "))
}

// leads returns to whom a name of the network leads; "" for nobody.
func (l Listings) leads(name string) string {
	if l.Names.User == nil {
		return ""
	}
	return l.Names.User(name)
}

// knows reports whether anything is remembered of the user.
func (l Listings) knows(ctx context.Context, user string) (bool, error) {
	if user == "" {
		return false, nil
	}
	p, err := l.Store.Person(ctx, user)
	if err != nil || len(p.Facts)+len(p.Visits)+len(p.Story) > 0 {
		return err == nil, err
	}
	for _, err := range l.history(ctx, user, time.Time{}, time.Time{}) {
		return err == nil, err
	}
	asked, err := presence.Asked(ctx, l.Store, user, time.Now())
	return !asked.IsZero(), err
}

// holders returns who has, or had, the device, or whose visit it is.
func (l Listings) holders(ctx context.Context, what string) (users []string, err error) {
	mac, kept := l.Names.device(what)
	for p, err := range l.people(ctx, "") {
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(p.Facts, func(f presence.Facts) bool { return strings.EqualFold(f.Device, mac) || kept != "" && f.Device == kept }) ||
			slices.ContainsFunc(p.Visits, func(v presence.Visit) bool { return v.ID == what }) {
			users = append(users, p.User)
		}
	}
	if len(users) > 0 {
		return users, nil
	}
	for v, err := range l.history(ctx, "", time.Time{}, time.Time{}) {
		switch {
		case err != nil:
			return nil, err
		case v.ID == what:
			return []string{v.User}, nil
		}
	}
	return nil, nil
}

// beginning returns the people whose addresses begin like that, some more than are offered
// at the most.
func (l Listings) beginning(ctx context.Context, text string) (users []string, err error) {
	if text == "" {
		return nil, nil
	}
	people, err := l.Store.People(ctx, text, alike+1)
	for _, p := range people {
		if strings.HasPrefix(p.User, text) {
			users = append(users, p.User)
		}
	}
	return users, err
}

// first is how text begins, in letters.
func first(text string, n int) string {
	letters := []rune(text)
	return string(letters[:min(n, len(letters))])
}
