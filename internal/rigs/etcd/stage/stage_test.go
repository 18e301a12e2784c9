package stage

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/demo"
	"github.com/presenced/presenced/internal/rigs/controller"
	"github.com/presenced/presenced/internal/rigs/testbed"
)

// What make cluster plays on begins: every daemon tells of all of them and of all members,
// and when one is killed, and then the member that leads, the next daemon answers, and says
// who is missing.
func TestTheStageOutlivesADaemonAndTheLeader(t *testing.T) {
	programs := t.TempDir()
	for dir, what := range map[string]string{"../../../..": "./cmd/presenced", "..": "./member"} {
		cmd := exec.Command("go", "build", "-o", programs+"/", what)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", what, err, out)
		}
	}
	dir, err := os.MkdirTemp("", "stage") // a socket's path is to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	var logged testbed.LogText
	s, err := Build(programs, &logged)(t.Context(), demo.Setting{Dir: dir, API: "http://127.0.0.1:1", Hour: time.Minute})
	if err != nil {
		t.Fatalf("%v\n%s", err, logged.String())
	}
	defer s.Close()
	c, err := controller.Dial(s.Servers[0], "demo-secret", func(string, string) {})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, other := range s.Servers[1:] {
		if err := c.Also(other); err != nil {
			t.Fatal(err)
		}
	}
	begin := func(session string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := c.Start(ctx, &controller.Association{Identity: "ann", Device: "02:00:5e:10:00:01", SSID: "Corp", AP: "lobby", Session: session}, false); err != nil {
			t.Fatalf("%v\n%s", err, logged.String())
		}
	}
	begin("S1")
	status := func() control.Status {
		is, err := control.Dial(strings.TrimSuffix(s.Config, "presenced.toml") + "demo.sock").Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return is
	}
	leads := 0
	for _, m := range status().Cluster.Members {
		if m.Leader {
			leads++
		}
	}
	if c := status().Cluster; len(c.Daemons) != 3 || len(c.Members) != 3 || leads != 1 || c.Format != 1 || c.Daemons[0].Version == "" || len(c.Daemons[0].Differs) > 0 {
		t.Errorf("of the others is known %+v", c)
	}
	for _, m := range s.Mishaps[:2] {
		if err := m.Do(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	begin("S2")
	testbed.Eventually(t, "it is told who is missing", func() bool {
		is := status()
		down := 0
		for _, trouble := range is.Troubles {
			if trouble.Kind == control.MemberDown {
				down++
			}
		}
		return down == 1 && len(is.Cluster.Daemons) == 2
	})
	if p, err := s.Store.Person(t.Context(), "ann@example.com"); err != nil || len(p.Facts) != 2 {
		t.Errorf("of ann there is %+v, %v", p, err)
	}
}
