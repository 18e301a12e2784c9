package etcdstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
)

// Format is the format in which this version writes to etcd, beside the one before it: so
// daemons of two neighbouring versions share a store. The store says in which one it is
// written. Every transaction compares that; and it is raised once no daemon is there that
// knows only the older one.
const Format = 1

// ErrRefused is why a store is not written: it is of a format that this version does not
// write, or a migration fills it.
var ErrRefused = errors.New("this presenced leaves it alone")

// nature is what a store is, as it says under a key of its own.
type nature struct {
	Format  int      `json:"format"`
	By      string   `json:"by,omitempty"`      // the version of presenced that has raised it
	Filling *filling `json:"filling,omitempty"` // nil: it is whole
}

// filling is a migration that has begun and not ended.
type filling struct {
	From  string    `json:"from"` // the file
	Since time.Time `json:"since"`
	Token string    `json:"token"` // of the process that does it
}

// natureRead is a nature, and how it is stored.
type natureRead struct {
	nature
	stored
}

// refusal says why a store of that nature is not written; nil: it is.
func (n *nature) refusal(format int) error {
	switch {
	case n.Filling != nil:
		return fmt.Errorf("%w: a migration from %s has begun at %s and not ended: `presenced migrate %s` goes on with it",
			ErrRefused, n.Filling.From, n.Filling.Since.UTC().Format(time.RFC3339), n.Filling.From)
	case n.Format > format:
		return fmt.Errorf("%w: its format is %d, and this one writes up to %d: install version %s, which another daemon has", ErrRefused, n.Format, format, n.By)
	case n.Format < format-1:
		return fmt.Errorf("%w: its format is %d, and this one writes %d and %d: install the versions in between, one after the other", ErrRefused, n.Format, format-1, format)
	}
	return nil
}

// nature returns what the store is, as far as it was read, and else reads it. A store that
// does not say becomes one of the format of this version.
func (s *Store) nature(ctx context.Context) (*natureRead, error) {
	is := s.is.Load()
	for is == nil || is.refusal(s.config.Format) != nil {
		key := s.key(natures, nil)
		value, err := json.Marshal(nature{Format: s.config.Format, By: s.config.Version})
		if err != nil {
			return nil, err
		}
		got, err := s.etcd.txn(ctx, &etcdserverpb.TxnRequest{
			Compare: []*etcdserverpb.Compare{absent(key, nil)},
			Success: []*etcdserverpb.RequestOp{put(key, value)},
			Failure: []*etcdserverpb.RequestOp{get(key, nil)},
		})
		switch {
		case err != nil:
			return nil, err
		case got.Succeeded:
			continue // it is read the next time, as others would
		}
		if is, err = readNature(found(got.Responses[0].GetResponseRange().GetKvs())); err != nil {
			return nil, err
		}
		s.is.Store(is)
		if err := is.refusal(s.config.Format); err != nil {
			return nil, err
		}
	}
	return is, nil
}

func readNature(is stored) (*natureRead, error) {
	n := &natureRead{stored: is}
	if err := json.Unmarshal(is.value, &n.nature); err != nil {
		return nil, fmt.Errorf("what the store says of itself is no JSON: %w", err)
	}
	return n, nil
}

// Nature returns the format in which the store is written; 0: that is not known yet.
func (s *Store) Nature() int {
	if is := s.is.Load(); is != nil {
		return is.Format
	}
	return 0
}

// write makes a transaction that writes, if the store still is of the nature that it was
// when that was read: no daemon of an older version writes behind the back of a newer one,
// nor does anybody into a store that is being filled.
func (s *Store) write(ctx context.Context, t *etcdserverpb.TxnRequest) (*etcdserverpb.TxnResponse, error) {
	key := s.key(natures, nil)
	for {
		is, err := s.nature(ctx)
		if err != nil {
			return nil, err
		}
		got, err := s.etcd.txn(ctx, &etcdserverpb.TxnRequest{
			Compare: append(slices.Clone(t.Compare), unchanged(key, is.rev)),
			Success: t.Success,
			Failure: append(slices.Clone(t.Failure), get(key, nil)),
		})
		if err != nil || got.Succeeded {
			return got, err
		}
		last := len(got.Responses) - 1
		now := found(got.Responses[last].GetResponseRange().GetKvs())
		if now.rev == is.rev {
			got.Responses = got.Responses[:last]
			return got, nil
		}
		s.is.CompareAndSwap(is, nil)
	}
}

// raise raises the format of the store to the newest that all daemons know.
func (s *Store) raise(ctx context.Context, all []Daemon) error {
	format := s.config.Format
	for _, d := range all {
		format = min(format, max(d.Format, 1))
	}
	is := s.is.Load()
	if is == nil || is.Format >= format {
		return nil
	}
	value, err := json.Marshal(nature{Format: format, By: s.config.Version})
	if err != nil {
		return err
	}
	_, err = s.write(ctx, &etcdserverpb.TxnRequest{Success: []*etcdserverpb.RequestOp{put(s.key(natures, nil), value)}})
	return err
}

// put writes one key, as one operation of a transaction.
func put(key, value []byte) *etcdserverpb.RequestOp {
	return &etcdserverpb.RequestOp{Request: &etcdserverpb.RequestOp_RequestPut{RequestPut: &etcdserverpb.PutRequest{Key: key, Value: value}}}
}

// absent compares that nothing stands at the key, or up to the other one.
func absent(key, end []byte) *etcdserverpb.Compare {
	return &etcdserverpb.Compare{
		Key: key, RangeEnd: end, Result: etcdserverpb.Compare_EQUAL, Target: etcdserverpb.Compare_CREATE, TargetUnion: &etcdserverpb.Compare_CreateRevision{},
	}
}
