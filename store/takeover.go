package store

import (
	"context"
	"fmt"

	"github.com/presenced/presenced/store/kv"
)

// takenAtOnce is how many people one transaction rewrites.
const takenAtOnce = 256

// TakeOver rewrites the people that an older version wrote, some at a time, while the
// store is in use. After each some it calls told with how many are done, of how many.
// If the process dies meanwhile, the next TakeOver goes on: a document says of which
// version it is. It does nothing if all is of this version.
func (s *Store) TakeOver(ctx context.Context, told func(done, of int)) error {
	done, after := 0, ""
	for older := s.Origin().Older; older; {
		if err := ctx.Err(); err != nil {
			return err
		}
		users, err := s.usersAfter(after)
		if err == nil && len(users) == 0 {
			err = s.write("take over", (*update).count)
			if err == nil {
				err = s.kv.TakenOver()
			}
			older = false
		} else if err == nil {
			err = s.write("take over", func(u *update) error { return u.loadAll(users) })
			after = users[len(users)-1]
		}
		if err != nil {
			return fmt.Errorf("take over store %s: %w", s.Path(), err)
		}
		if done += len(users); older {
			told(done, s.Stats().People)
		}
	}
	return nil
}

func (s *Store) usersAfter(after string) (users []string, err error) {
	err = s.read(func(v kv.View) error {
		for k := range v.From(people, next(after)) {
			if len(users) == takenAtOnce {
				break
			}
			users = append(users, string(k))
		}
		return nil
	})
	return users, err
}
