package radiusacct

import "sync"

// recording is what a loop shares with the goroutine that has requests recorded
// beside it.
type recording struct {
	mu      sync.Mutex
	queue   queue
	inHand  int           // requests that were put and are not yet taken to be answered
	beside  bool          // the goroutine runs, or is about to
	done    []*batch      // recorded, or could not be
	changed chan struct{} // receives something after done has changed
}

// batch is what is recorded at once.
type batch struct {
	requests []*request
	err      error // why they could not be recorded
}

const (
	handOver   = 4  // how many requests are worth waking a goroutine for
	smallBatch = 16 // how many may be one batch even if they are all that is in hand
)

// put has a request wait. It returns false if its source has had its share.
func (r *recording) put(one *request) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.queue.put(one) {
		return false
	}
	r.inHand++
	return true
}

// begin takes out what waits if that is too little for the goroutine, and else
// reports whether that is to be started, because it does not run.
func (r *recording) begin() (few []*request, start bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.beside: // it finds what waits
	case r.queue.length >= handOver:
		r.beside, start = true, true
	default:
		few = r.queue.take(handOver)
		r.inHand -= len(few)
	}
	return few, start
}

// next takes out what makes the next batch. Of many in hand it is half at the
// most: meanwhile the others are answered and new ones read, and neither side
// waits for the other.
func (r *recording) next() []*request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.queue.take(min(batchSize, max(smallBatch, r.inHand/2)))
}

// end has a batch be answered, and reports whether more waits. Otherwise the
// goroutine runs no longer.
func (r *recording) end(b *batch) (more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done = append(r.done, b)
	r.beside = r.queue.length > 0
	select {
	case r.changed <- struct{}{}:
	default:
	}
	return r.beside
}

// recorded takes out the batches that are to be answered.
func (r *recording) recorded() []*batch {
	r.mu.Lock()
	defer r.mu.Unlock()
	done := r.done
	r.done = nil
	for _, b := range done {
		r.inHand -= len(b.requests)
	}
	return done
}

// resting reports whether the loop has nothing to do but read.
func (r *recording) resting() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.done) == 0 && (r.beside || r.queue.length == 0)
}

// over reports whether everything that was put has been taken to be answered.
func (r *recording) over() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.inHand == 0
}
