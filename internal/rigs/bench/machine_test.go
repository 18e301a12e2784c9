package main

import (
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/presenced/presenced/internal/rigs/testbed"
)

func TestCallsAreReadFromStrace(t *testing.T) {
	const summary = `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 76.41    1.234567         123       756           fdatasync
 13.10    0.200000          55       400        22 sendmmsg
  0.00    0.000000           0         3         3 write
------ ----------- ----------- --------- --------- ----------------
100.00    1.434567          88      1159        25 total
`
	want := map[string]int{"fdatasync": 756, "sendmmsg": 378, "write": 0, "total": 1134}
	if got := calls(summary); !maps.Equal(got, want) {
		t.Errorf("%v, not %v", got, want)
	}
}

func TestUsageIsThisProcess(t *testing.T) {
	before, err := usageOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "f")
	deviceBefore, err := deviceWrites(filepath.Dir(file))
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	after, err := usageOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	device, err := deviceWrites(filepath.Dir(file))
	if err != nil {
		t.Fatal(err)
	}
	if after.most < 1<<20 || after.cpu < before.cpu {
		t.Errorf("%+v, then %+v", before, after)
	}
	if written := device - deviceBefore; device > 0 && written < 1<<20 {
		t.Errorf("%d octets written", written)
	}
}

func TestDropsAreOfThisSocket(t *testing.T) {
	conn, err := listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if n, err := drops(conn.LocalAddr().(*net.UDPAddr).AddrPort()); err != nil || n != 0 {
		t.Errorf("%d drops, %v", n, err)
	}
	free, err := testbed.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	if n, err := drops(free); err == nil {
		t.Errorf("%d drops of a socket that is not there", n)
	}
}

// TestMain runs the test program as a responder or a yardstick if it is asked to,
// as the benchmark runs itself.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "-dir" {
		main()
		return
	}
	dir, err := os.MkdirTemp("", "presenced-bench-test-")
	if err != nil {
		panic(err)
	}
	built = sync.OnceValues(func() (string, error) { return buildPresenced(dir, false) })
	status := m.Run()
	os.RemoveAll(dir)
	os.Exit(status)
}

var built func() (presenced string, err error)

// small returns a benchmark that is over soon.
func small(t *testing.T) *bench {
	t.Helper()
	if testing.Short() {
		t.Skip("starts servers")
	}
	program, err := built()
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &bench{dir: t.TempDir(), out: t.Output(), users: 100, during: 400 * time.Millisecond, self: self, program: program}
}

// TestServersAnswer runs what is measured, as it is measured, on a few
// requests: a benchmark of something broken is quickly taken for fast.
func TestServersAnswer(t *testing.T) {
	b := small(t)
	_, missing := findFreeRADIUS()
	for _, s := range b.servers() {
		if s.name == "FreeRADIUS" && missing != nil {
			t.Logf("%s, %s: NOT TESTED: %v", s.name, s.setting, missing)
			continue
		}
		err := b.with(s, func(p *process) error {
			o, err := newOffice(p.door, 2, 4)
			if err != nil {
				return err
			}
			defer o.close()
			c, err := o.run(load{window: 2, count: 20, during: time.Minute, patience: time.Minute, next: live(interims)})
			if err == nil && (c.acked != 40 || c.lost > 0) {
				t.Errorf("%s, %s: %+v", s.name, s.setting, c)
			}
			return err
		})
		if err != nil {
			t.Errorf("%s, %s: %v", s.name, s.setting, err)
		}
	}
}

func TestRestartUnderLoadLosesNothingWithTheSocketKept(t *testing.T) {
	b := small(t)
	r, err := b.restartOf(b.presenced(), 500, true, restart)
	if err != nil {
		t.Fatal(err)
	}
	if r.sent == 0 || r.acked != r.sent || r.lost > 0 {
		t.Errorf("%d sent, %d acknowledged, %d lost", r.sent, r.acked, r.lost)
	}
}

// TestASoakIsSampled runs a short one: whether anything grows shows only after
// an hour.
func TestASoakIsSampled(t *testing.T) {
	b := small(t)
	var out strings.Builder
	b.out, b.rate, b.during = io.MultiWriter(&out, t.Output()), 200, 3*time.Second
	if err := b.soak(); err != nil {
		t.Fatal(err)
	}
	for _, head := range soakHeads {
		if n := strings.Count(out.String(), fmt.Sprint(head)); n < 1 {
			t.Errorf("nothing is said of %q", head)
		}
	}
	if !strings.Contains(out.String(), "goroutines") || strings.Contains(out.String(), "NaN") {
		t.Error(out.String())
	}
}
