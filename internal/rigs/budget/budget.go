// Package budget holds what takes in any input to a bound of the processor's
// time and of what it allocates, by the input's size: what somebody else can
// make long must not be slow, nor large, beyond that.
package budget

import (
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Budget is what an input may cost: so much whatever it is, and more for each
// unit of its size, which is an octet if nothing else is said.
type Budget struct {
	Time   time.Duration // of the processor
	Each   time.Duration
	Octets uint64 // allocated in all, kept or not
	More   uint64 // for each unit
}

// Hold runs f, which takes in an input of size units, and fails the test if that
// costs more. What f leaves to other goroutines takes memory here, and no time.
func (b Budget) Hold(t testing.TB, size int, f func()) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := processorTime()
	f()
	took := processorTime() - began
	runtime.ReadMemStats(&after)
	if most := slack * (b.Time + time.Duration(size)*b.Each); took > most {
		t.Errorf("a size of %d takes %s of the processor's time, more than %s", size, took, most)
	}
	if got, most := after.TotalAlloc-before.TotalAlloc, slack*(b.Octets+uint64(size)*b.More); got > most {
		t.Errorf("a size of %d has it allocate %d octets, more than %d", size, got, most)
	}
}

// processorTime is what this thread has used of it, whatever else the machine
// does.
func processorTime() time.Duration {
	var used unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &used); err != nil {
		panic(err)
	}
	return time.Duration(used.Nano())
}
