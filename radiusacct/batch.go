package radiusacct

import (
	"context"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/presenced/presenced/presence"
)

// batch is what is recorded at once.
type batch struct {
	requests []*request
	records  []presence.Record
	recorded chan struct{} // closed when they are, or could not be
	err      error         // why they could not
}

func (b *batch) isRecorded() bool {
	select {
	case <-b.recorded:
		return true
	default:
		return false
	}
}

// handOver is how many requests are worth a hand-over: while fewer are being
// recorded, there is little to read that the hand-over does not cost.
const handOver = 4

// turn hands over the next batch of what waits once the last one is recorded,
// and answers the last one if that succeeded. A batch in hand is finished even
// when ctx has ended.
func (l *loop) turn(ctx context.Context) {
	last := l.batch
	if last != nil && !last.isRecorded() {
		return
	}
	l.turned.Store(time.Now().UnixNano())
	next, ctx := l.next(), context.WithoutCancel(ctx)
	if l.batch = next; next != nil && len(next.requests) >= handOver {
		go l.hand(ctx, next)
	}
	if last != nil {
		l.finish(last)
	}
	if next != nil && len(next.requests) < handOver {
		next.err = l.recorder.Record(ctx, next.records)
		l.batch = nil
		l.finish(next)
	}
}

// next makes a batch of what waits; nil if nothing does.
func (l *loop) next() *batch {
	requests := l.queue.take(batchSize)
	if len(requests) == 0 {
		return nil
	}
	l.totals.batch(uint64(len(requests)))
	records := make([]presence.Record, len(requests))
	for i, r := range requests {
		records[i] = r.record
	}
	return &batch{requests: requests, records: records, recorded: make(chan struct{})}
}

// hand has the batch recorded, and wakes the loop if it waits for something to
// read.
func (l *loop) hand(ctx context.Context, b *batch) {
	b.err = l.recorder.Record(ctx, b.records)
	close(b.recorded)
	l.conn.SetReadDeadline(past)
}

// finish answers the requests of a batch that is recorded, and remembers how.
func (l *loop) finish(b *batch) {
	l.answer(b)
	l.send()
	l.measure(b)
}

func (l *loop) answer(b *batch) {
	now := time.Now()
	for _, r := range b.requests {
		delete(l.pending, r.exchange)
		if b.err != nil {
			l.suffer(unrecorded, r.client, r.tally, r.exchange.source, now, logrus.Fields{"error": b.err})
			continue
		}
		l.count(r)
		l.answers.put(r.exchange, r.answer, len(r.answer)+answerCost, now)
		for _, to := range r.replies {
			l.reply(r.answer, to, r.tally)
		}
	}
}

// measure tells of a batch that was answered.
func (l *loop) measure(b *batch) {
	if b.err != nil {
		return
	}
	if l.Batched != nil {
		l.Batched(len(b.requests))
	}
	if l.Answered == nil {
		return
	}
	now := time.Now()
	for _, r := range b.requests {
		l.Answered(now.Sub(r.heard))
	}
}
