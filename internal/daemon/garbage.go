package daemon

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// collectLess collects garbage more seldom, unless GOGC says otherwise, until
// ctx ends. Little is in use with some thousand people, tens of megabytes,
// so that the usual twice as much comes round all the time under load: this
// saves a tenth to a fifth of the CPU. With a million, it would cost gigabytes.
func collectLess(ctx context.Context) {
	if os.Getenv("GOGC") != "" {
		return
	}
	debug.SetGCPercent(400)
	_ = every(ctx, 10*time.Second, func(context.Context) {
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(live)
		debug.SetGCPercent(garbage(live[0].Value.Uint64()))
	})
}

// garbage is how much may gather, in per cent of what is in use: four times as
// much, or a quarter of a gigabyte if that is less, but as much at the least.
func garbage(live uint64) int {
	return int(min(400, max(100, 100*256<<20/max(live, 1))))
}
