// Package metrics tells Prometheus how presenced fares. It keeps no books of
// its own but three histograms: a scrape reads what the other packages count.
// It promises that no label's values grow with people, devices or access
// points, and that nothing from a packet is a label's value.
package metrics

import (
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/kadence"
	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/radiusacct"
	"github.com/presenced/presenced/store"
)

// Sources are what is told of.
type Sources struct {
	Version    string
	Radius     *radiusacct.Server
	Tracker    *presence.Tracker
	Courier    *presence.Courier
	Store      Store
	Troubles   func() []control.Trouble
	Configured func() Configured
	Cluster    func() *control.Cluster // who shares the store; nil: nobody
	Asked      func() Asked            // what came of asking for it
	OptedOut   func() int              // how many opted out at presenced itself
	Resting    func() (int, bool)      // for how many nothing is done today, as they asked; false: that cannot be read
}

// Asked is what came of asking a store that several daemons share.
type Asked struct {
	Conflicts        uint64
	Taken            map[string]uint64 // by queue
	Answered, Failed map[string]uint64 // by endpoint
}

// Store is what is told of a store.
type Store interface {
	Stats() store.Stats
	household
}

// Configured is what the configuration in force says.
type Configured struct {
	Desk    *kadence.Desk // nil without [kadence]
	DryRun  bool
	Sites   []string
	Loaded  time.Time // when it was read
	Refused bool      // what was read after it was no good
}

// Metrics is what Prometheus is told.
type Metrics struct {
	registry *prometheus.Registry
	batches  prometheus.Histogram
	answers  prometheus.Histogram
	commits  prometheus.Histogram
}

// short are the buckets for what takes from a fraction of a millisecond to a
// few seconds.
var short = []float64{.00025, .0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5}

// New returns the metrics of these sources. It is told of every batch, answer
// and commit; the rest it asks for.
func New(s Sources) *Metrics {
	m := &Metrics{
		registry: prometheus.NewPedanticRegistry(),
		batches: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "presenced_radius_batch_records", Help: "Records that were recorded together, with one sync of the disk.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 10),
		}),
		answers: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "presenced_radius_answer_seconds",
			Help:    "From reading an Accounting-Request to its answer, of those that were recorded. What it waits in the kernel before is not in it.",
			Buckets: short,
		}),
		commits: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "presenced_store_commit_seconds", Help: "How long updates took to be on disk.", Buckets: short,
		}),
	}
	m.registry.MustRegister(m.batches, m.answers, m.commits,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		radiusCollector(s.Radius), presenceCollector(s), told(s, censusCollector(&census{store: s.Store, world: s.Tracker.World, sites: func() []string { return s.Configured().Sites }}, s.Tracker)),
		kadenceCollector(s), told(s, storeCollector(s.Store)), clusterCollector(s), told(s, wishCollector(s)))
	build := newGauge("build_info", "Which presenced this is; always 1.", "version", "goversion")
	m.registry.MustRegister(collector{[]*family{build}, func(ch out) { build.send(ch, 1, s.Version, runtime.Version()) }})
	return m
}

// told is the collector of what all daemons on one store would count alike, of which only
// one tells, so that what they tell adds up.
func told(s Sources, c collector) collector {
	return collector{c.families, func(ch out) {
		if s.Cluster().Tells() {
			c.collect(ch)
		}
	}}
}

// Registry returns what a scrape gathers.
func (m *Metrics) Registry() *prometheus.Registry { return m.registry }

// Handler serves scrapes. One metric that cannot be had is no other's loss, and
// counted by promhttp_metric_handler_errors_total.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, Registry: m.registry})
}

// Batched notes that so many records were recorded together.
func (m *Metrics) Batched(records int) { m.batches.Observe(float64(records)) }

// Answered notes that a request was answered, so long after it was read.
func (m *Metrics) Answered(after time.Duration) { m.answers.Observe(after.Seconds()) }

// Committed notes how long a commit took.
func (m *Metrics) Committed(took time.Duration) { m.commits.Observe(took.Seconds()) }
