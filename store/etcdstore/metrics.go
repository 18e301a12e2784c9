package etcdstore

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Metrics is what a member tells of itself to whoever reads its metrics, and not to whom
// asks for its status.
type Metrics struct {
	Synced    time.Duration // within which 99 of 100 writings of its log were on the disk, since it started; 0: that is not known
	Started   time.Time     // zero: that is not known
	Compacted time.Time     // when it was compacted last; zero: not since it started
	Past      int64         // changes since the revision to which it was compacted
	Fault     string        // why its metrics cannot be read; "": they can
}

// AskMetrics reads the metrics of every member, in the order in which they are configured.
func (s *Store) AskMetrics(ctx context.Context) []Metrics {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: s.config.TLS.Clone(), DisableKeepAlives: true}}
	all := make([]Metrics, len(s.config.Endpoints))
	var asked sync.WaitGroup
	for i, endpoint := range s.config.Endpoints {
		asked.Go(func() {
			is, err := readMetrics(ctx, client, endpoint)
			if err != nil {
				is = Metrics{Fault: err.Error()}
			}
			all[i] = is
		})
	}
	asked.Wait()
	return all
}

// mostMetrics is how many octets are read of a member's metrics, which have some 200,000.
const mostMetrics = 8 << 20

func readMetrics(ctx context.Context, client *http.Client, endpoint string) (m Metrics, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(endpoint, "/")+"/metrics", nil)
	if err != nil {
		return m, err
	}
	got, err := client.Do(r)
	if err != nil {
		return m, err
	}
	defer got.Body.Close()
	if got.StatusCode != http.StatusOK {
		return m, fmt.Errorf("%s answers %s", r.URL, got.Status)
	}
	return parseMetrics(io.LimitReader(got.Body, mostMetrics))
}

// The metrics that count, as every member since 3.6 has them.
const (
	syncedWithin   = `etcd_disk_wal_fsync_duration_seconds_bucket{le="`
	lastCompaction = "etcd_debugging_mvcc_db_compaction_last"
	compactedTo    = "etcd_debugging_mvcc_compact_revision"
	writtenTo      = "etcd_debugging_mvcc_current_revision"
	startedAt      = "process_start_time_seconds"
)

// parseMetrics takes from a text of metrics what counts.
func parseMetrics(text io.Reader) (m Metrics, err error) {
	values, within := map[string]float64{}, []bucket{}
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		line := lines.Text()
		name, value, _ := strings.Cut(line, " ")
		number, err := strconv.ParseFloat(value, 64)
		if err != nil {
			continue // it is a comment
		}
		if bound, is := strings.CutPrefix(name, syncedWithin); is {
			if seconds, err := strconv.ParseFloat(strings.TrimSuffix(bound, `"}`), 64); err == nil {
				within = append(within, bucket{seconds, number})
			}
			continue
		}
		values[name] = number
	}
	if err := lines.Err(); err != nil {
		return m, err
	}
	if _, is := values[writtenTo]; !is {
		return m, errors.New("its metrics are not those of etcd")
	}
	m.Synced = mostWithin(within)
	m.Started, m.Compacted = unix(values[startedAt]), unix(values[lastCompaction])
	m.Past = int64(values[writtenTo] - max(values[compactedTo], 0))
	return m, nil
}

// bucket is how often something took no more than so many seconds.
type bucket struct{ seconds, times float64 }

// mostWithin returns within which bound 99 of 100 times lie; 0 if it never happened. What
// took longer than all bounds is within the last one.
func mostWithin(all []bucket) time.Duration {
	slices.SortFunc(all, func(a, b bucket) int { return cmp.Compare(a.seconds, b.seconds) })
	if len(all) < 2 || all[len(all)-1].times == 0 {
		return 0
	}
	bounds, total := all[:len(all)-1], all[len(all)-1].times // the last one has no bound
	at := slices.IndexFunc(bounds, func(b bucket) bool { return b.times >= 0.99*total })
	if at < 0 {
		at = len(bounds) - 1
	}
	return time.Duration(bounds[at].seconds * float64(time.Second))
}

// unix returns the moment so many seconds after 1970; zero of none.
func unix(seconds float64) (at time.Time) {
	if seconds > 0 {
		at = time.Unix(int64(seconds), 0)
	}
	return at
}
