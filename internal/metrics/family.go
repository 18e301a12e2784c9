package metrics

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type out = chan<- prometheus.Metric

// family is one metric with all its labels' values.
type family struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

func newCounter(name, help string, labels ...string) *family {
	return &family{prometheus.NewDesc("presenced_"+name+"_total", help, labels, nil), prometheus.CounterValue}
}

func newGauge(name, help string, labels ...string) *family {
	return &family{prometheus.NewDesc("presenced_"+name, help, labels, nil), prometheus.GaugeValue}
}

func newHistogram(name, help string, labels ...string) *family {
	return &family{prometheus.NewDesc("presenced_"+name, help, labels, nil), prometheus.UntypedValue}
}

// sendHistogram sends how many there were, of what sum, and how many of them were within
// each bound.
func (f *family) sendHistogram(ch out, count uint64, sum float64, within map[float64]uint64, labels ...string) {
	ch <- prometheus.MustNewConstHistogram(f.desc, count, sum, within, labels...)
}

// send sends one value, with the values of the labels in their order.
func (f *family) send(ch out, value float64, labels ...string) {
	for i, l := range labels {
		labels[i] = strings.ToValidUTF8(l, "\uFFFD")
	}
	ch <- prometheus.MustNewConstMetric(f.desc, f.kind, value, labels...)
}

// sendYes sends 1 for yes and 0 for no.
func (f *family) sendYes(ch out, yes bool, labels ...string) {
	if yes {
		f.send(ch, 1, labels...)
		return
	}
	f.send(ch, 0, labels...)
}

// sendTime sends a moment, and nothing if there is none.
func (f *family) sendTime(ch out, t time.Time, labels ...string) {
	if !t.IsZero() {
		f.send(ch, float64(t.UnixMilli())/1000, labels...)
	}
}

// collector is some families and what they are collected by.
type collector struct {
	families []*family
	collect  func(out)
}

// Describe implements [prometheus.Collector].
func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range c.families {
		ch <- f.desc
	}
}

// Collect implements [prometheus.Collector].
func (c collector) Collect(ch chan<- prometheus.Metric) { c.collect(ch) }
