package configs

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/internal/rigs/budget"
)

// ofSites is a configuration of so many sites, each with a client of its own.
func ofSites(n int) []byte {
	var text strings.Builder
	text.WriteString("[radius]\nlisten = [\":1813\"]\n[identity]\ndomain = \"example.com\"\n[kadence]\nclient_id = \"id\"\nclient_secret = \"secret\"\n")
	for i := range n {
		fmt.Fprintf(&text, "[[radius.client]]\nname = \"c%[1]d\"\naddress = \"10.%[2]d.%[3]d.0/24\"\nsecret = \"a secret of the tests\"\nsite = \"s%[1]d\"\n", i, i>>8, i&255)
	}
	for i := range n {
		fmt.Fprintf(&text, "[[site]]\nname = \"s%[1]d\"\nbuilding = \"Building %[1]d\"\nssids = [\"Corp\"]\nnas = [\"site-%[1]d-*\"]\nhours = \"06:00-22:00\"\n", i)
	}
	return []byte(text.String())
}

// Thousands of sites cost each the same, and so do thousands of the same mistake:
// what is told of one does not name all others.
func TestOneOfManySitesCostsTheSame(t *testing.T) {
	const many = 4000
	each := budget.Budget{Time: 100 * time.Millisecond, Each: 400 * time.Microsecond, Octets: 8 << 20, More: 64 << 10}
	right := ofSites(many)
	wrong := bytes.ReplaceAll(right, []byte("\nsite = \"s"), []byte("\nsite = \"nowhere-"))
	each.Hold(t, many, func() {
		if _, err := Parse("many.toml", right, t.TempDir()); err != nil {
			t.Error(err)
		}
	})
	each.Hold(t, many, func() {
		var all Faults
		_, err := Parse("many.toml", wrong, t.TempDir())
		if !errors.As(err, &all) || len(all) != many || len(err.Error()) > many*300 {
			t.Errorf("%d faults in %d octets", len(all), len(err.Error()))
		}
	})
}

func BenchmarkSites(b *testing.B) {
	for _, n := range []int{100, 1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			data := ofSites(n)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse("many.toml", data, b.TempDir()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(n), "µs/site")
		})
	}
}
