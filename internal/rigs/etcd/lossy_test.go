package etcd

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/store/etcdstore"
)

// lossy stands in front of a member. Of each few transactions, it loses the answer to one.
type lossy struct {
	etcdserverpb.UnimplementedKVServer
	kv    etcdserverpb.KVClient
	count atomic.Int64
	lost  atomic.Int64
}

func (l *lossy) Range(ctx context.Context, r *etcdserverpb.RangeRequest) (*etcdserverpb.RangeResponse, error) {
	return l.kv.Range(ctx, r)
}

func (l *lossy) Txn(ctx context.Context, r *etcdserverpb.TxnRequest) (*etcdserverpb.TxnResponse, error) {
	got, err := l.kv.Txn(ctx, r)
	if l.count.Add(1)%3 == 0 && err == nil {
		l.lost.Add(1)
		return nil, status.Error(codes.Unavailable, "the answer is lost")
	}
	return got, err
}

// before starts one in front of the member, and returns where it is asked.
func before(t *testing.T, endpoint string) (*lossy, string) {
	t.Helper()
	conn, err := grpc.NewClient(strings.TrimPrefix(endpoint, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	l, server := &lossy{kv: etcdserverpb.NewKVClient(conn)}, grpc.NewServer()
	etcdserverpb.RegisterKVServer(server, l)
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(socket) }()
	t.Cleanup(func() { server.Stop(); conn.Close() })
	return l, "http://" + socket.Addr().String()
}

// A transaction whose answer is lost is asked for again, and known to have been made: what
// it counts, counts once.
func TestWhatIsMadeAndNotAnsweredIsMadeOnce(t *testing.T) {
	e := one(t)
	l, endpoint := before(t, "http://"+e.Clients[0].Addr().String())
	s, err := etcdstore.Open(etcdstore.Config{Endpoints: []string{endpoint}, Prefix: "lossy/", Name: "d"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const times = 60
	told := 0
	for i := range times {
		err := s.Update(t.Context(), []presence.Change{{User: "ann", Apply: func(p *presence.Person, _ [][]byte) presence.Outcome {
			p.Devices = append(p.Devices, presence.Device{ID: fmt.Sprint(i), Last: time.Unix(1, 0)})
			return presence.Outcome{Then: func() { told++ }}
		}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	p, err := s.Person(t.Context(), "ann")
	if err != nil || len(p.Devices) != times || told != times {
		t.Errorf("of %d changes %d were made, and %d told of, %v", times, len(p.Devices), told, err)
	}
	if l.lost.Load() < times/3 {
		t.Errorf("only %d answers were lost", l.lost.Load())
	}
}

// silent takes connections, and says nothing on them.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// mute takes whatever it is asked for, and never answers.
func mute(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		<-stream.Context().Done()
		return stream.Context().Err()
	}))
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
	return l.Addr().String()
}

// Members that take what they are asked for and never answer cost a moment each, and no
// more, as long as one answers.
func TestAMemberThatNeverAnswersHoldsNobodyUp(t *testing.T) {
	e := one(t)
	s, err := etcdstore.Open(etcdstore.Config{
		Endpoints: []string{"http://" + mute(t), "http://" + silent(t), "http://" + e.Clients[0].Addr().String()}, Prefix: "p/", Name: "d", Late: etcdstore.Late,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range 20 {
		if err := remember(t, s, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if p, err := s.Person(t.Context(), "ann"); err != nil || len(p.Devices) != 20 {
		t.Errorf("%v, %v", p, err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		down := 0
		for _, m := range s.Members() {
			if m.Fault != "" {
				down++
			}
		}
		if all, err := s.Daemons(); err == nil && len(all) == 1 && down == 2 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("of the members is known %+v", s.Members())
		}
	}
	if n := s.Counts(); n.Failed[s.Members()[0].Endpoint] == 0 {
		t.Errorf("nobody was left for another one: %+v", n)
	}
}

// Without a member that answers, everything ends in time, and says who did not answer.
func TestWithoutAMemberEverythingEndsInTime(t *testing.T) {
	endpoints := []string{"http://" + silent(t), "http://" + mute(t), "http://127.0.0.1:1"}
	s, err := etcdstore.Open(etcdstore.Config{Endpoints: endpoints, Prefix: "p/", Name: "d", Late: etcdstore.Late})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	for name, ask := range map[string]func() error{
		"update": func() error {
			return s.Update(t.Context(), []presence.Change{{User: "ann", Apply: func(*presence.Person, [][]byte) presence.Outcome { return presence.Outcome{} }}})
		},
		"person":  func() error { _, err := s.Person(t.Context(), "ann"); return err },
		"people":  func() error { _, err := s.People(t.Context(), "", 9); return err },
		"due":     func() error { _, _, err := s.Due(t.Context(), presence.Errands, time.Now(), 9); return err },
		"history": func() error { _, err := s.History(t.Context(), "", time.Time{}, time.Now(), 9); return err },
		"forget":  func() error { return s.Forget(t.Context(), "ann") },
		"note":    func() error { _, err := s.Note(t.Context(), "owner", "ann"); return err },
		"notes":   func() error { _, err := s.Notes(t.Context(), "owner", "", 9); return err },
		"prune":   func() error { _, err := s.Prune(t.Context(), time.Now()); return err },
		"present": func() error { _, err := s.Present(t.Context()); return err },
		"may":     func() error { return s.May(t.Context()) },
		"export":  func() error { _, err := s.Snapshot(t.Context()); return err },
		"fill":    func() error { _, err := s.Fill(t.Context(), "file"); return err },
		"maintain": func() error {
			_, err := etcdstore.Maintain(t.Context(), etcdstore.Config{Endpoints: endpoints, Prefix: "p/", Name: "m"}, func(string) {})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			started := time.Now()
			err := ask()
			if took := time.Since(started); err == nil || took > etcdstore.Patience+time.Second {
				t.Errorf("%v after %v", err, took)
			} else if !strings.Contains(err.Error(), "http://127.0.0.1:") {
				t.Errorf("it does not say who did not answer: %v", err)
			}
		})
	}
}

// Whom one daemon wrote, the others leave to it for a while; then they come for them, as if
// it were no longer there.
func TestOthersEntriesAreTakenWhenTheyAreLate(t *testing.T) {
	e := one(t)
	two := open(t, e, 2, etcdstore.Late)
	defer two.Close()
	at := time.Unix(1e9, 0)
	wake := func(s *etcdstore.Store, user string) {
		t.Helper()
		if err := s.Update(t.Context(), []presence.Change{{User: user, Apply: func(p *presence.Person, _ [][]byte) presence.Outcome {
			p.Devices, p.Wake, p.NextErrand = append(p.Devices, presence.Device{ID: "x", Last: at}), at, at
			return presence.Outcome{}
		}}}); err != nil {
			t.Fatal(err)
		}
	}
	wake(two[0], "ann")
	wake(two[1], "bob")
	for _, q := range []presence.Queue{presence.Wakes, presence.Errands} {
		for _, c := range []struct {
			of   int
			by   time.Time
			want string
			next time.Time
		}{
			{0, at, "[ann]", at.Add(etcdstore.Late)},
			{1, at, "[bob]", at.Add(etcdstore.Late)},
			{1, at.Add(etcdstore.Late - 1), "[bob]", at.Add(etcdstore.Late)},
			{1, at.Add(etcdstore.Late), "[ann bob]", time.Time{}},
		} {
			users, next, err := two[c.of].Due(t.Context(), q, c.by, 9)
			if err != nil || fmt.Sprint(users) != c.want || !next.Equal(c.next) {
				t.Errorf("queue %d by %v, for daemon %d: %q, next %v, %v", q, c.by.Sub(at), c.of, users, next, err)
			}
		}
	}
	wake(two[1], "ann") // who hears a person takes them over
	if users, _, err := two[1].Due(t.Context(), presence.Wakes, at, 9); err != nil || fmt.Sprint(users) != "[ann bob]" {
		t.Errorf("%q, %v", users, err)
	}
}

// Who shares the store is known, and so is who has left.
func TestWhoSharesTheStoreIsKnown(t *testing.T) {
	e := one(t)
	two := open(t, e, 2, etcdstore.Late)
	wait := func(want int) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			all, err := two[0].Daemons()
			if err == nil && len(all) == want {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("known are %+v, %v", all, err)
			}
		}
	}
	wait(2)
	if members := two[0].Members(); len(members) != 1 || !members[0].Leader || members[0].Fault != "" {
		t.Errorf("%+v", members)
	}
	if err := two[1].Close(); err != nil {
		t.Fatal(err)
	}
	wait(1)
	if err := two[0].Close(); err != nil {
		t.Fatal(err)
	}
}
