package daemon

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/presenced/presenced/presence"
)

// refusing is a store that writes nothing while it has an error.
type refusing struct {
	presence.Store
	err error
}

func (r *refusing) Update(ctx context.Context, changes []presence.Change) error {
	if r.err != nil {
		return r.err
	}
	return r.Store.Update(ctx, changes)
}

// TestEveryDaemonLearnsWhoOptedOut: two share a store, and no file; each knows what was
// ordered at the other, as both have one key.
func TestEveryDaemonLearnsWhoOptedOut(t *testing.T) {
	store := presence.NewMemory()
	var daemons [2]*optOuts
	learn := func() {
		for _, o := range daemons {
			if _, err := o.learn(t.Context(), false); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range daemons {
		var err error
		if daemons[i], _, err = openOptOuts(store, ""); err != nil {
			t.Fatal(err)
		}
		if err := daemons[i].out(t.Context(), "ann@example.com", 0); err == nil {
			t.Error("somebody opts out at a daemon that does not know yet who did")
		}
	}
	learn()
	if err := daemons[0].out(t.Context(), "Ann@example.com", 0); err != nil {
		t.Fatal(err)
	}
	learn()
	for i, o := range daemons {
		if !o.withdrew("bob@example.com", "ann@example.com") || o.withdrew("bob@example.com", "") {
			t.Errorf("daemon %d knows %d of those who opted out", i, o.count())
		}
	}
	daemons[0].erased("Ann@example.com")
	if err := daemons[1].in(t.Context(), "ann@example.com"); err != nil {
		t.Fatal(err)
	}
	learn()
	for i, o := range daemons {
		if o.count() > 0 {
			t.Errorf("daemon %d still has %d of them", i, o.count())
		}
	}
}

// TestWhoOptedOutWhileTheStoreFailsIsOut: the order fails, and they are not recorded all the
// same, then and after the next start, which makes the store say so too.
func TestWhoOptedOutWhileTheStoreFailsIsOut(t *testing.T) {
	store := &refusing{Store: presence.NewMemory()}
	file := filepath.Join(t.TempDir(), "presenced.db.opted-out")
	open := func(lacks bool) *optOuts {
		t.Helper()
		o, beside, err := openOptOuts(store, file)
		if err != nil {
			t.Fatal(err)
		}
		if lacked, err := o.learn(t.Context(), beside); err != nil || lacked != lacks {
			t.Fatalf("the store lacked somebody: %t, %v", lacked, err)
		}
		return o
	}
	o := open(false)
	store.err = errors.New("no space left on device")
	if err := o.out(t.Context(), "ann@example.com", 0); !errors.Is(err, store.err) {
		t.Errorf("opting out: %v", err)
	}
	if !o.withdrew("ann@example.com") {
		t.Error("she is recorded")
	}
	store.err = nil
	if o = open(true); !o.withdrew("ann@example.com") {
		t.Error("after the next start she is recorded")
	}
	if o = open(false); !o.withdrew("ann@example.com") {
		t.Error("after the start that follows she is recorded")
	}
	if key, when, err := presence.OptOuts(t.Context(), store); err != nil || len(when) != 1 || when[presence.HashName(key, "ann@example.com")].IsZero() {
		t.Errorf("the store has %v, %v", when, err)
	}
}
