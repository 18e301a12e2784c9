package radiusacct

import (
	"context"
	"time"

	"github.com/presenced/presenced/presence"
)

const (
	batchSize  = 512 // requests recorded at once, at the most
	smallBatch = 16  // requests recorded at once although nothing else is queued
)

// recordQueue records and answers the queued requests, on a goroutine that runs
// until the queue is empty. It ignores that the program ends: a transport ends
// only when each request that it brought is answered.
func (in *intake) recordQueue() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.startRecording()
}

// startRecording is recordQueue for a caller that holds in.mu.
func (in *intake) startRecording() {
	if in.recording || in.idle() {
		return
	}
	in.recording = true
	go func() {
		answered := make(chan struct{}, 1)
		answered <- struct{}{}
		for batch, more := in.nextBatch(); more; batch, more = in.nextBatch() {
			err := in.recordBatch(batch)
			in.noteOutcome(err)
			<-answered // batches are answered in turn, each while the next is recorded
			go func() {
				in.answer(batch, err)
				answered <- struct{}{}
			}()
		}
	}()
}

// idle reports whether no request is queued and no probe is due.
func (in *intake) idle() bool { return in.queue.length == 0 && !in.probing }

// nextBatch takes the next batch from the queue: half of a long queue. While
// that half is recorded and answered, the other half and new requests gather for
// the batch after it, so that neither clients nor recorder wait for the other.
// There are no more batches, and nobody records any longer, once the queue is
// empty.
func (in *intake) nextBatch() (batch []*request, more bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.recording, in.probing = !in.idle(), false
	defer in.room.Broadcast()
	return in.queue.takeBatch(min(batchSize, max(smallBatch, in.queue.length/2))), in.recording
}

// noteOutcome notes whether recording works, and wakes the connections that wait
// for it once it does.
func (in *intake) noteOutcome(err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	failing := !closed(in.healthy)
	switch {
	case err != nil && !failing:
		in.healthy = make(chan struct{})
	case err == nil && failing:
		close(in.healthy)
	}
}

// recordingWorks returns a channel that is closed when recording works.
func (in *intake) recordingWorks() <-chan struct{} {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.healthy
}

// probe records an empty batch while recording fails, to find out when it works
// again: connections are not read until it does, and no request may come by a
// socket.
func (in *intake) probe() {
	in.mu.Lock()
	defer in.mu.Unlock()
	if !closed(in.healthy) {
		in.probing = true
		in.startRecording()
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// recordBatch gives the requests to the recorder, which sets their event times.
func (in *intake) recordBatch(batch []*request) error {
	if len(batch) > 0 {
		in.totals.batch(uint64(len(batch)))
	}
	records := make([]presence.Record, len(batch))
	for i, r := range batch {
		records[i] = r.record
	}
	in.began.Store(time.Now().UnixNano())
	defer in.began.Store(0)
	err := in.recorder.Record(context.Background(), records)
	for i, r := range batch {
		r.record = records[i]
	}
	return err
}

// answer answers the requests of a batch and remembers the answers, or drops the
// requests if the batch was not recorded.
func (in *intake) answer(batch []*request, err error) {
	now := time.Now()
	used := map[transport]struct{}{}
	for _, r := range batch {
		in.finish(r, err, now)
		for a := range r.arrivals() {
			if err != nil {
				a.by.drop(unrecorded, a)
				continue
			}
			a.by.answer(r.answer, a)
			used[a.by] = struct{}{}
		}
	}
	for by := range used {
		by.send()
	}
	in.noteWait(batch)
	if err == nil && len(batch) > 0 {
		in.measure(batch)
	}
}

// finish takes a request out of those pending, and counts it and remembers its
// answer if it was recorded.
func (in *intake) finish(r *request, err error, now time.Time) {
	in.mu.Lock()
	defer in.mu.Unlock()
	delete(in.pending, r.exchange)
	if err != nil {
		in.suffer(unrecorded, r.client, r.tally, r.source, now, "error", err)
		return
	}
	in.count(r)
	in.answers.put(r.exchange, r.answer, len(r.answer)+answerCost, now)
}

// measure calls Batched and Answered for a batch that was answered.
func (s *Server) measure(batch []*request) {
	if s.Batched != nil {
		s.Batched(len(batch))
	}
	if s.Answered == nil {
		return
	}
	now := time.Now()
	for _, r := range batch {
		s.Answered(now.Sub(r.heard))
	}
}
