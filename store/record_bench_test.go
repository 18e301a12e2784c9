package store

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/presenced/presenced/presence"
)

// afterALongDay has the person have sixteen sessions behind them, and as long a story
// as is kept.
func afterALongDay(p *presence.Person, w presence.World) {
	for n := range 24 {
		at := monday.Add(time.Duration(n-24) * 10 * time.Minute)
		p.Hear(said(p.User, n, presence.Start, at), w)
		for beat := range 8 {
			p.Hear(said(p.User, n, presence.Interim, at.Add(time.Duration(beat+1)*time.Minute)), w)
		}
		p.Hear(said(p.User, n, presence.Stop, at.Add(9*time.Minute)), w)
	}
}

// said is a sighting of the person's phone in its n-th session.
func said(user string, n int, status presence.Status, at time.Time) presence.Sighting {
	return presence.Sighting{
		User: user, Whose: presence.Mine, Device: "02:11:22:33:44:55", Session: fmt.Sprintf("5F3C%012X", n), Site: "london", SSID: "Corp",
		NAS: "hq-wlc/wlc-ldn-1/10.20.0.5", BSSID: "02:aa:bb:cc:dd:0" + strconv.Itoa(n%4),
		Status: status, At: at, Heard: at,
	}
}

// pasts are what people may have behind them when a record comes.
var pasts = []struct {
	name string
	had  func(p *presence.Person, w presence.World)
}{
	{"fresh", func(*presence.Person, presence.World) {}},
	{"long", afterALongDay},
	{"devices", func(p *presence.Person, w presence.World) { // as many as one person may have
		for n := range w.MaxDevices - 1 {
			s := said(p.User, n, presence.Start, monday.Add(-time.Minute))
			s.Device = fmt.Sprintf("02:66:77:88:99:%02x", n)
			p.Hear(s, w)
		}
	}},
	{"sessions", func(p *presence.Person, w presence.World) { // made up, none of which ends
		for n := range 1000 {
			p.Hear(said(p.User, n, presence.Start, monday.Add(time.Duration(n-1000)*time.Second)), w)
		}
	}},
}

// BenchmarkRecord is what one record costs that is durable before its answer, of
// people who have just come, after a long day, with many devices, and with many sessions
// made up: 64 of them in an update. Of a session every tenth record is its Start and
// every tenth its Stop. What counts is CPU time: nothing is on a disk.
func BenchmarkRecord(b *testing.B) {
	w := presence.World{Rules: presence.DefaultRules(), NAS: func(presence.NASName) presence.NAS { return presence.NAS{} }}
	w.Sites = map[string]presence.Site{"london": {Name: "london", Closes: 24 * time.Hour}}
	for _, n := range []int{1000, 10_000} {
		for _, past := range pasts {
			b.Run(fmt.Sprintf("%s/%d", past.name, n), func(b *testing.B) {
				like := presence.Person{User: citizen(0)}
				past.had(&like, w)
				like.Hear(said(like.User, begun, presence.Start, monday), w)
				r := &recorder{s: townOf(b, n, like), w: w, steps: make([]int, n)}
				for i := range n { // what is over moves apart
					r.steps[i] = i%9 + 1
					put1(b, r.s, r.change(i, presence.Interim, monday.Add(30*time.Second)))
				}
				r.record(b)
			})
		}
	}
}

const begun = 99 // the session that everybody is in

// townOf returns a store, in memory if that can be, of n people like one.
func townOf(b *testing.B, n int, like presence.Person) *Store {
	dir, err := os.MkdirTemp("/dev/shm", "presenced-bench")
	if err != nil {
		b.Skip(err)
	}
	s, err := Open(dir + "/presenced.db")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		s.Close()
		os.RemoveAll(dir)
	})
	for i := 0; i < n; i += 250 {
		var changes []presence.Change
		for j := range 250 {
			changes = append(changes, put(citizen(i+j), func(p *presence.Person) { *p = like.Clone() }))
		}
		put1(b, s, changes...)
	}
	return s
}

// recorder has people in sessions, each of them so many records on.
type recorder struct {
	s     *Store
	w     presence.World
	steps []int
}

func (r *recorder) change(i int, status presence.Status, at time.Time) presence.Change {
	session := begun + r.steps[i]/10
	return presence.Change{User: citizen(i), Apply: func(p *presence.Person, _ [][]byte) presence.Outcome {
		return presence.Outcome{Archived: p.Hear(said(p.User, session, status, at), r.w)}
	}}
}

// next returns the change that the next record of somebody makes.
func (r *recorder) next(i int) presence.Change {
	r.steps[i]++
	status := presence.Interim
	switch r.steps[i] % 10 {
	case 0:
		status = presence.Start
	case 9:
		status = presence.Stop
	}
	return r.change(i, status, monday.Add(time.Duration(r.steps[i])*time.Minute))
}

func (r *recorder) record(b *testing.B) {
	const batch = 64
	chance := rand.New(rand.NewPCG(1, 2))
	cpu, wrote, count := used(), written(b), 0
	for b.Loop() {
		changes := make([]presence.Change, batch)
		for i := range changes {
			changes[i] = r.next(chance.IntN(len(r.steps)))
			count++
		}
		put1(b, r.s, changes...)
	}
	b.ReportMetric(float64(used()-cpu)/float64(count), "cpu-ns/record")
	b.ReportMetric(float64(written(b)-wrote)/float64(count), "octets/record")
}

// used is the CPU time that the process has used.
func used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// written is how many octets the process has written to files.
func written(b *testing.B) int {
	data, err := os.ReadFile("/proc/self/io")
	if err != nil {
		b.Skip(err)
	}
	var read, wrote int
	if _, err := fmt.Sscanf(string(bytes.ReplaceAll(data, []byte("\n"), []byte(" "))), "rchar: %d wchar: %d", &read, &wrote); err != nil {
		b.Fatal(err)
	}
	return wrote
}
