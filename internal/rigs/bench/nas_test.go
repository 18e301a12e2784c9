package main

import (
	"bytes"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"
)

// testNAS returns a NAS with guests, and the socket that it sends to.
func testNAS(t *testing.T, guests int) (*nas, *net.UDPConn) {
	t.Helper()
	server, err := listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	users := make([]guest, guests)
	for i := range users {
		users[i].user = i
	}
	to := door{address: server.LocalAddr().(*net.UDPAddr).AddrPort()}
	n, err := newNAS("ap", netip.MustParseAddr("127.0.1.1"), to, users)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.wire.Close() })
	return n, server
}

// sent returns what n is about to send, and forgets it.
func sent(t *testing.T, n *nas) (all []*radius.Packet) {
	t.Helper()
	for _, m := range n.out {
		if !radius.IsAuthenticRequest(m.Buffers[0], []byte(secret)) {
			t.Error("a request is not authentic")
		}
		p, err := radius.Parse(m.Buffers[0], []byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	n.out = n.out[:0]
	return all
}

func TestUnansweredIsRepeatedAsByANAS(t *testing.T) {
	n, _ := testNAS(t, 1)
	var c tally
	at := time.Now().Unix()
	g, _ := n.guest()
	n.ask(g.next(at, interims), 0)
	first := sent(t, n)[0]
	seen := []byte{first.Identifier}
	for try := 1; try < tries; try++ {
		now := time.Duration(try) * retryAfter
		n.repeat(now-time.Millisecond, &c)
		if len(n.out) > 0 {
			t.Fatal("repeated too early")
		}
		n.repeat(now, &c)
		all := sent(t, n)
		if len(all) != 1 {
			t.Fatalf("try %d: %d requests", try, len(all))
		}
		p := all[0]
		if slices.Contains(seen, p.Identifier) {
			t.Errorf("try %d has an earlier one's Identifier", try)
		}
		seen = append(seen, p.Identifier)
		if got, want := rfc2866.AcctDelayTime_Get(p), rfc2866.AcctDelayTime(now/time.Second); got != want {
			t.Errorf("try %d has Acct-Delay-Time %d, not %d", try, got, want)
		}
		if rfc2869.EventTimestamp_Get(p).Unix() != at || rfc2866.AcctSessionID_GetString(p) != rfc2866.AcctSessionID_GetString(first) {
			t.Errorf("try %d is of another event", try)
		}
	}
	n.repeat(tries*retryAfter, &c)
	if c.resent != tries-1 || c.lost != 1 || n.open != 0 || len(n.out) != 0 || len(n.free) != identifiers {
		t.Errorf("%d repeats, %d lost, %d in flight, %d free", c.resent, c.lost, n.open, len(n.free))
	}
}

func TestAnswersAreCountedForWhatTheyAre(t *testing.T) {
	n, _ := testNAS(t, 2)
	for range 2 {
		g, at := n.guest()
		n.ask(g.next(at, interims), 0)
	}
	var right [2][]byte
	for i := range right {
		right[i] = answer(make([]byte, 0, 64), n.out[i].Buffers[0])
	}
	forged := append(make([]byte, 0, 64), right[0]...)
	forged[10] ^= 1
	again := append(make([]byte, 0, 64), right[0]...)

	var c tally
	l := load{during: time.Second}
	for _, step := range []struct {
		name   string
		packet []byte
		now    time.Duration
		want   tally
	}{
		{"forged", forged, 0, tally{wrong: 1}},
		{"cut short", []byte{accountingResponse, 0}, 0, tally{wrong: 2}},
		{"right", right[0], 5 * time.Millisecond, tally{wrong: 2, acked: 1, inTime: 1}},
		{"the same again", again, 0, tally{wrong: 2, acked: 1, inTime: 1, late: 1}},
		{"after the load", right[1], 2 * time.Second, tally{wrong: 2, acked: 2, inTime: 1, late: 1}},
	} {
		n.answered(step.packet, step.now, l, &c)
		got := c
		got.latency = histogram{}
		if got != step.want {
			t.Errorf("%s: %+v, not %+v", step.name, got, step.want)
		}
	}
	if n.open != 0 || c.latency.total != 2 || c.latency.most != 2*time.Second {
		t.Errorf("%d in flight, %d latencies up to %v", n.open, c.latency.total, c.latency.most)
	}
}

func TestEveryRecordOfALoadArrivesAndIsAnother(t *testing.T) {
	n, server := testNAS(t, 100)
	var mu sync.Mutex
	seen := map[string]bool{}
	statuses := map[string][]byte{}
	served := make(chan error)
	go func() {
		served <- respond(server, func(packets [][]byte) error {
			mu.Lock()
			defer mu.Unlock()
			for _, p := range packets {
				seen[string(p[headerLength:])] = true
				id := string(attribute(p, acctSessionID))
				statuses[id] = append(statuses[id], attribute(p, acctStatusType)[3])
			}
			return nil
		})
	}()
	o := &office{nases: []*nas{n}}
	const count = 1200
	c, err := o.run(load{window: 40, count: count, during: time.Minute, patience: time.Minute, next: live(4)})
	if err != nil {
		t.Fatal(err)
	}
	server.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if c.sent != count || c.acked != count || c.lost != 0 || c.wrong != 0 {
		t.Errorf("%+v", c)
	}
	if len(seen) != count {
		t.Errorf("%d different records, not %d", len(seen), count)
	}
	// Two sessions of six records for each of a hundred guests.
	if len(statuses) != 200 {
		t.Errorf("%d sessions", len(statuses))
	}
	for id, got := range statuses {
		if !bytes.Equal(got, []byte{1, 3, 3, 3, 3, 2}) {
			t.Errorf("session %s sent the statuses %v", id, got)
		}
	}
}

func TestPacedLoadKeepsItsPace(t *testing.T) {
	n, server := testNAS(t, 10)
	go respond(server, func([][]byte) error { return nil })
	o := &office{nases: []*nas{n}}
	l := o.pace(1000, interims, 50*time.Millisecond)
	c, err := o.run(l)
	if err != nil {
		t.Fatal(err)
	}
	// One at 0 ms, 1 ms, … 49 ms; a slow machine sends fewer, none sends more.
	if c.sent == 0 || c.sent > 50 || c.acked != c.sent {
		t.Errorf("%+v", c)
	}
}

func TestLateRecordsTellAnIntervalThatIsOver(t *testing.T) {
	g := guest{user: 3}
	const now = 1767225600
	want := []record{
		{status: start, at: now - 57, delay: 57},
		{status: interim, at: now, age: 57},
	}
	var session uint64
	for i, w := range want {
		r := g.late(now)
		if i == 0 {
			session = r.session
		}
		w.user, w.session, w.octets = 3, session, r.octets
		if r != w {
			t.Errorf("record %d is %+v, not %+v", i, r, w)
		}
	}
	if r := g.next(now, interims); r.status != interim || r.at != now+1 || r.delay != 0 || r.age != 58 {
		t.Errorf("the record after is %+v", r)
	}
}

// A NAS has one clock for all of its guests, and nobody sends two records of one second.
func TestANASHasOneClock(t *testing.T) {
	n, _ := testNAS(t, 5)
	latest := map[*guest]int64{}
	before := int64(0)
	for range 7 * len(n.guests) {
		g, at := n.guest()
		if at < before || at <= latest[g] {
			t.Fatalf("a record at %d comes after %d, and after its guest's at %d", at, before, latest[g])
		}
		if r := g.next(at, interims); r.at != at {
			t.Fatalf("the guest's clock says %d and the NAS's %d", r.at, at)
		}
		before, latest[g] = at, at
	}
}
