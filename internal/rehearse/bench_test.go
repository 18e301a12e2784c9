package rehearse

import (
	"bufio"
	"container/heap"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/radiusacct"
)

var (
	benchRecords = flag.Int("records", 100_000, "how many records BenchmarkRehearsal reads")
	benchPeople  = flag.Int("people", 5_000, "of how many people")
	benchFile    = flag.String("detail", "", "where to keep the `FILE` that it reads, to be read again")
)

// BenchmarkRehearsal reads a detail file of an office in which everybody has a laptop
// and a phone, heard every ten minutes, and moves about. It tells the memory that was
// in use at the most as what the system had given.
func BenchmarkRehearsal(b *testing.B) {
	name := *benchFile
	if name == "" {
		name = filepath.Join(b.TempDir(), "detail")
	}
	if _, err := os.Stat(name); err != nil {
		if err := writeOffice(name, *benchRecords, *benchPeople); err != nil {
			b.Fatal(err)
		}
	}
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // as the verb has it
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(260 << 20))
	b.ReportAllocs()
	for b.Loop() {
		began, spent := time.Now(), cpu()
		report, err := Run(b.Context(), Plan{Names: []string{name}, Config: configs.Assumed("example.com", []string{"Corp"}, time.UTC), Form: radiusacct.Form{Zone: time.UTC}})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(report.Records)/time.Since(began).Seconds(), "records/s")
		b.ReportMetric(float64((cpu()-spent).Microseconds())/float64(report.Records), "µs-CPU/record")
		b.ReportMetric(float64(report.Records), "records")
		b.ReportMetric(float64(peak())/(1<<20), "MiB")
		b.ReportMetric(float64(report.Visits), "visits")
	}
}

// cpu returns how much CPU time this process has taken.
func cpu() time.Duration {
	var spent syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &spent) != nil {
		return 0
	}
	return time.Duration(spent.Utime.Nano() + spent.Stime.Nano())
}

// peak returns the most memory that was resident, in octets; 0 if the system does not
// tell.
func peak() (octets int64) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for _, line := range strings.Split(string(text), "\n") {
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &octets); n == 1 {
			return octets << 10
		}
	}
	return 0
}

// station is a device of the office.
type station struct {
	next    time.Time
	began   time.Time
	person  int
	phone   bool
	session int
	left    int // sessions that it will have today; of a session that is on, too
	ends    time.Time
	ap      int
}

type stations []*station

func (s stations) Len() int           { return len(s) }
func (s stations) Less(i, j int) bool { return s[i].next.Before(s[j].next) }
func (s stations) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s *stations) Push(x any)        { *s = append(*s, x.(*station)) }
func (s *stations) Pop() any          { panic("nobody leaves") }

// writeOffice writes so many records of so many people.
func writeOffice(name string, records, people int) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	dice := rand.New(rand.NewPCG(1, 1))
	minutes := func(from, to int) time.Duration {
		return time.Duration(from*60+dice.IntN((to-from)*60)) * time.Second
	}
	day := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	all := make(stations, 0, 2*people)
	for i := range people {
		comes := day.Add(7*time.Hour + minutes(0, 180))
		for _, phone := range []bool{false, true} {
			all = append(all, &station{next: comes.Add(minutes(0, 2)), person: i, phone: phone, left: 2 + dice.IntN(3)})
		}
	}
	heap.Init(&all)
	for range records {
		s := all[0]
		at := s.next
		status, cause := "Interim-Update", ""
		switch {
		case s.began.IsZero():
			status, s.began, s.ends = "Start", at, at.Add(minutes(60, 240))
			s.session++
			s.ap = dice.IntN(300)
			s.next = at.Add(10 * time.Minute)
		case !at.Before(s.ends):
			status, cause = "Stop", "\tAcct-Terminate-Cause = User-Request\n"
		default:
			s.next = at.Add(10 * time.Minute)
			if s.next.After(s.ends) {
				s.next = s.ends
			}
		}
		kind := 0
		if s.phone {
			kind = 1
		}
		fmt.Fprintf(w, "%s\n\tAcct-Status-Type = %s\n\tAcct-Session-Id = \"%08X-%08d\"\n\tUser-Name = \"user%05d\"\n\tCalling-Station-Id = \"02-%02X-00-%02X-%02X-%02X\"\n"+
			"\tCalled-Station-Id = \"0A-00-00-00-%02X-%02X:Corp\"\n\tNAS-IP-Address = 10.1.%d.%d\n\tNAS-Identifier = \"ap-%03d\"\n\tNAS-Port-Type = Wireless-802.11\n"+
			"\tAcct-Session-Time = %d\n\tEvent-Timestamp = \"%s\"\n%s\tAcct-Unique-Session-Id = \"%016x\"\n\tTimestamp = %d\n\n",
			at.Format(time.ANSIC), status, 2*s.person+kind, s.session, s.person, kind, s.person>>16, s.person>>8&255, s.person&255,
			s.ap>>8, s.ap&255, s.ap>>8, s.ap&255, s.ap, int(at.Sub(s.began).Seconds()), at.Format("Jan _2 2006 15:04:05 UTC"), cause, s.person, at.Unix())
		if status == "Stop" {
			s.began = time.Time{}
			if s.left--; s.left > 0 {
				s.next = at.Add(minutes(1, 60))
			} else {
				s.left = 2 + dice.IntN(3)
				s.next = time.Date(at.Year(), at.Month(), at.Day()+1, 7, 0, 0, 0, time.UTC).Add(minutes(0, 180))
			}
		}
		heap.Fix(&all, 0)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}
