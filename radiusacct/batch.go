package radiusacct

import (
	"context"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/presenced/presenced/presence"
)

// turn answers what has been recorded, and sees to it that what waits is: a few
// requests here and now, more by a goroutine that goes on until nothing waits.
// What was read is recorded even when ctx has ended.
func (l *loop) turn(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	few, start := l.recording.begin()
	if start {
		l.running.Go(func() { l.beside(ctx) })
	}
	for _, b := range l.recording.recorded() {
		l.finish(b)
	}
	if len(few) > 0 {
		l.finish(l.record(ctx, few))
	}
	l.turned.Store(time.Now().UnixNano())
}

// beside has recorded what waits, batch by batch, while the loop reads on. It
// wakes the loop after each if that waits for something to read.
func (l *loop) beside(ctx context.Context) {
	for more := true; more; {
		more = l.recording.end(l.record(ctx, l.recording.next()))
		l.conn.SetReadDeadline(past)
	}
}

// record has the requests recorded as one batch.
func (l *loop) record(ctx context.Context, requests []*request) *batch {
	l.totals.batch(uint64(len(requests)))
	records := make([]presence.Record, len(requests))
	for i, r := range requests {
		records[i] = r.record
	}
	l.began.Store(time.Now().UnixNano())
	defer l.began.Store(0)
	return &batch{requests, l.recorder.Record(ctx, records)}
}

// finish answers the requests of a batch, if it was recorded, and remembers how.
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
