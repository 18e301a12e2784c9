package radiusacct

import (
	"testing"
	"time"

	"github.com/presenced/presenced/presence"
)

// How long records wait is told while they do, and after it as the source that
// waited least did: one that floods waits for itself.
func TestWaitsAreTold(t *testing.T) {
	const slow = 300 * time.Millisecond
	r := &recorder{entered: make(chan []presence.Record), gate: make(chan struct{})}
	o := newOfficeOn(t, "127.0.0.1:0", r)
	n, polite := o.nas(), o.nasAt("127.0.0.2", o.addr)
	if got := o.Waits(); got != 0 {
		t.Errorf("%s before anything came", got)
	}
	n.send(start("a"))
	<-r.entered
	n.send(withID(2, start("b")))
	time.Sleep(slow)
	if got := o.Waits(); got < slow {
		t.Errorf("%s while a batch takes %s", got, slow)
	}
	r.gate <- struct{}{}
	<-r.entered
	o.until(func() bool { return o.Waits() >= slow })
	n.send(withID(3, start("c")))
	o.until(func() bool { return o.queued() == 1 })
	time.Sleep(slow)
	began := time.Now()
	polite.send(start("polite"))
	o.until(func() bool { return o.queued() == 2 })
	r.gate <- struct{}{}
	<-r.entered
	r.gate <- struct{}{}
	polite.isAnswered(start("polite"))
	took := time.Since(began)
	o.until(func() bool { return o.Waits() < took+slow/2 }) // it is told once the answer is sent
	close(r.gate)
}
