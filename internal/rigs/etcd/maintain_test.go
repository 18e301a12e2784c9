package etcd

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/etcd/server/v3/embed"

	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/store/etcdstore"
)

// three starts a cluster of three members in this process.
func three(t *testing.T) (all []*embed.Etcd, endpoints []string) {
	t.Helper()
	var peers, cluster []string
	for i := range 3 {
		peers, endpoints = append(peers, "http://"+free(t)), append(endpoints, "http://"+free(t))
		cluster = append(cluster, fmt.Sprintf("m%d=%s", i, peers[i]))
	}
	for i := range 3 {
		e, err := Start(Config{Name: fmt.Sprint("m", i), Dir: t.TempDir(), Client: endpoints[i], Peer: peers[i], Cluster: strings.Join(cluster, ",")})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	t.Cleanup(func() {
		for _, e := range all {
			if e != nil {
				e.Close()
			}
		}
	})
	for _, e := range all {
		<-e.Server.ReadyNotify()
	}
	return all, endpoints
}

// What was erased is in no member's file once they are maintained, of which the leader is the
// last; and daemons write meanwhile.
func TestMaintainedMembersKeepNothingThatWasErased(t *testing.T) {
	members, endpoints := three(t)
	config := etcdstore.Config{Endpoints: endpoints, Prefix: "p/", Name: "d", Late: etcdstore.Late}
	s, err := etcdstore.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const secret = "somebody-who-wants-to-be-forgotten"
	for i := range 200 {
		if err := s.Update(t.Context(), []presence.Change{{User: fmt.Sprint(secret, i%20), Apply: func(p *presence.Person, _ [][]byte) presence.Outcome {
			p.Devices = []presence.Device{{ID: strings.Repeat(secret, 100)}}
			return presence.Outcome{Notes: []presence.Note{{Kind: "owner", Key: fmt.Sprint(i), Value: []byte(secret)}}}
		}}}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 20 {
		if err := s.Forget(t.Context(), fmt.Sprint(secret, i)); err != nil {
			t.Fatal(err)
		}
	}
	var notes []presence.Note
	for i := range 200 {
		notes = append(notes, presence.Note{Kind: "owner", Key: fmt.Sprint(i)})
	}
	if err := s.Update(t.Context(), []presence.Change{presence.WriteNotes(notes...)}); err != nil {
		t.Fatal(err)
	}
	held := func() (n int) {
		for _, m := range members {
			data, err := os.ReadFile(filepath.Join(m.Config().Dir, "member", "snap", "db"))
			if err != nil {
				t.Fatal(err)
			}
			n += bytes.Count(data, []byte(secret))
		}
		return n
	}
	if held() == 0 {
		t.Fatal("nothing that was erased is in the files, so that the test cannot tell")
	}
	lead := ""
	testbed.Eventually(t, "one leads", func() bool {
		for _, m := range s.Ask(t.Context()) {
			if m.Leader {
				lead = m.Endpoint
			}
		}
		return lead != ""
	})
	writing, wrote := make(chan struct{}), make(chan error)
	go func() {
		var failed error
		for {
			select {
			case <-writing:
				wrote <- failed
				return
			default:
				failed = errors.Join(failed, remember(t, s, "x"))
			}
		}
	}()
	var steps []string
	all, err := etcdstore.Maintain(t.Context(), config, func(step string) { steps = append(steps, step) })
	close(writing)
	if failed := <-wrote; err != nil || failed != nil {
		t.Fatalf("%v; a daemon meanwhile: %v", err, failed)
	}
	if len(all) != 3 || all[2].Endpoint != lead || all[0].Is > all[0].Was {
		t.Errorf("led by %s, they were maintained as %+v, %q", lead, all, steps)
	}
	if n := held(); n > 0 {
		t.Errorf("what was erased is in the files %d times, after %q", n, steps)
	}
	members[1].Close()
	members[1] = nil
	if _, err := etcdstore.Maintain(t.Context(), config, func(string) {}); err == nil || !strings.Contains(err.Error(), endpoints[1]+" does not answer") {
		t.Errorf("with a member that is down: %v", err)
	}
}
