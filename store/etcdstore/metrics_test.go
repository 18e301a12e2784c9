package etcdstore

import (
	"strings"
	"testing"
	"time"
)

// What a member tells of itself is read from its metrics, as etcd writes them.
func TestMetricsAreReadAsEtcdWritesThem(t *testing.T) {
	const text = `# HELP etcd_disk_wal_fsync_duration_seconds The latency distributions of fsync called by WAL.
# TYPE etcd_disk_wal_fsync_duration_seconds histogram
etcd_disk_wal_fsync_duration_seconds_bucket{le="0.001"} 5
etcd_disk_wal_fsync_duration_seconds_bucket{le="0.004"} 98
etcd_disk_wal_fsync_duration_seconds_bucket{le="0.008"} 99
etcd_disk_wal_fsync_duration_seconds_bucket{le="8.192"} 99
etcd_disk_wal_fsync_duration_seconds_bucket{le="+Inf"} 100
etcd_disk_wal_fsync_duration_seconds_sum 0.4
etcd_disk_wal_fsync_duration_seconds_count 100
etcd_debugging_mvcc_compact_revision 900
etcd_debugging_mvcc_current_revision 1200
etcd_debugging_mvcc_db_compaction_last 1.7676e+09
process_start_time_seconds 1.76759e+09
`
	is, err := parseMetrics(strings.NewReader(text))
	want := Metrics{Synced: 8 * time.Millisecond, Started: time.Unix(1_767_590_000, 0), Compacted: time.Unix(1_767_600_000, 0), Past: 300}
	if err != nil || is != want {
		t.Errorf("%+v, %v instead of %+v", is, err, want)
	}
	slow := strings.ReplaceAll(text, `8.192"} 99`, `8.192"} 98`)
	slow = strings.ReplaceAll(slow, `0.008"} 99`, `0.008"} 98`)
	if is, err = parseMetrics(strings.NewReader(slow)); err != nil || is.Synced != 8192*time.Millisecond {
		t.Errorf("one that is slower than all bounds: %+v, %v", is, err)
	}
	idle := strings.ReplaceAll(strings.ReplaceAll(text, "_last 1.7676e+09", "_last 0"), "compact_revision 900", "compact_revision -1")
	if is, err = parseMetrics(strings.NewReader(idle)); err != nil || !is.Compacted.IsZero() || is.Past != 1200 {
		t.Errorf("one that was never compacted: %+v, %v", is, err)
	}
	for _, other := range []string{"", "<html>no</html>\n", "go_goroutines 7\n"} {
		if is, err := parseMetrics(strings.NewReader(other)); err == nil {
			t.Errorf("of %q is read %+v", other, is)
		}
	}
}
