package daemon

import (
	"errors"
	"testing"

	"github.com/presenced/presenced/presence"
)

// Whoever comes first says by which key devices are hashed; who has another one is refused,
// and nobody learns a key by that.
func TestADaemonWithAnotherKeyIsRefused(t *testing.T) {
	s := presence.NewMemory()
	ours, other := make([]byte, deviceKeySize), make([]byte, deviceKeySize)
	other[0] = 1
	for _, c := range []struct {
		daemon string
		key    []byte
		want   error
	}{{"a", ours, nil}, {"b", ours, nil}, {"c", other, errOtherKey}, {"a", ours, nil}} {
		if err := agreeOnKey(t.Context(), s.Another(c.daemon), c.key); !errors.Is(err, c.want) {
			t.Errorf("daemon %s: %v, want %v", c.daemon, err, c.want)
		}
	}
	no := errors.New("no majority")
	s.Fails(no)
	if err := agreeOnKey(t.Context(), s, other); errors.Is(err, errOtherKey) || !errors.Is(err, no) {
		t.Errorf("while nobody can be asked: %v", err)
	}
}
