package daemon

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/internal/rigs/controller"
	"github.com/presenced/presenced/internal/rigs/testbed"
)

// Without a majority of etcd's members the daemon starts and stays up, answers nobody, is
// not ready, and says why.
func TestWithoutEtcdNobodyIsAnsweredAndTheDaemonStaysUp(t *testing.T) {
	s := serveHere(t, testbed.Settings{Store: "engine = \"etcd\"\nendpoints = [\"http://127.0.0.1:1\"]\nname = \"a\""})
	testbed.Eventually(t, "the daemon says that it is not ready, and why", func() bool {
		code, text := s.get(t, "/readyz")
		return code == http.StatusServiceUnavailable && strings.Contains(text, "127.0.0.1:1")
	})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if err := s.wlc.Start(ctx, controller.Ann(), false); err == nil {
		t.Error("accounting was answered")
	}
	if code, text := s.get(t, "/readyz"); code != http.StatusServiceUnavailable {
		t.Errorf("/readyz: %d, %s", code, text)
	}
}
