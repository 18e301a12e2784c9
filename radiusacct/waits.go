package radiusacct

import (
	"time"
)

// waitTimeTold is how long the latest wait time is told after its batch was
// answered.
const waitTimeTold = time.Minute

// waitTime is how long the requests of a batch waited for their answers: those
// of the source that waited least, because every source has its turn, and one
// that floods waits for itself.
type waitTime struct {
	took time.Duration
	at   time.Time // when the batch was answered
}

// noteWait works out and stores the wait time of a batch that was answered.
func (in *intake) noteWait(batch []*request) {
	last := map[source]time.Duration{} // how long the oldest request of each source waited
	now := time.Now()
	for _, r := range batch {
		from := r.from()
		last[from] = max(last[from], now.Sub(r.heard))
	}
	if len(last) == 0 {
		return
	}
	w := waitTime{took: 1 << 62, at: now}
	for _, took := range last {
		w.took = min(w.took, took)
	}
	in.latest.Store(&w)
}

// Waits returns how long requests wait for their answer at the moment: how long
// those of the latest batch did, or those of the batch that is being recorded
// do. It is zero if no batch was answered lately.
func (s *Server) Waits() (took time.Duration) {
	now := time.Now()
	if w := s.intake.latest.Load(); w != nil && now.Sub(w.at) < waitTimeTold {
		took = w.took
	}
	if began := s.intake.began.Load(); began > 0 {
		took = max(took, now.Sub(time.Unix(0, began)))
	}
	return took
}
