package mapping

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/presenced/presenced/internal/rigs/budget"
	"github.com/presenced/presenced/presence"
)

// manySites are sites of so many kinds of patterns, of the six that there are.
func manySites(n, kinds int) (sites []presence.Site) {
	for i := range n {
		s := presence.Site{Name: fmt.Sprint("site-", i)}
		switch i % kinds {
		case 0:
			s.NAS = []string{fmt.Sprintf("ap-%d-*", i)}
		case 1:
			s.NAS = []string{fmt.Sprintf("10.%d.%d.0/24", i>>8&255, i&255), fmt.Sprintf("10.200.%d.%d", i>>8&255, i&255)}
		case 2:
			s.NAS = []string{fmt.Sprintf("02-00-%02X-%02X-*", i>>8&255, i&255)}
		case 3:
			s.Locations = []string{fmt.Sprintf("%d: Floor ??", i)}
		case 4:
			s.SSIDs = []string{fmt.Sprint("Corp", i)}
		case 5:
			s.NAS = []string{fmt.Sprintf("*-%d", i), fmt.Sprintf("2001:db8:%x::/48", i)}
		}
		sites = append(sites, s)
	}
	return sites
}

// somewhere is a record with clues that some of the sites may claim.
func somewhere(r *rand.Rand, sites int) presence.Record {
	i := r.IntN(sites)
	record := presence.Record{
		Status: presence.Start, UserName: "ann", Client: "hq", AP: fmt.Sprintf("AP-%d-7", i), NASID: fmt.Sprintf("wlc-%d", r.IntN(sites)),
		Location: fmt.Sprintf("%d: floor 12", i), BSSID: fmt.Sprintf("02:00:%02x:%02x:00:01", i>>8&255, i&255),
		NASAddr: netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 9}), SSID: fmt.Sprint("Corp", i), Site: fmt.Sprint("site-", r.IntN(sites)),
	}
	for n, clue := range []any{&record.AP, &record.NASID, &record.Location, &record.BSSID, &record.NASAddr, &record.SSID, &record.Site} {
		if r.IntN(3) == 0 || n == 4 && r.IntN(2) == 0 {
			reflect.ValueOf(clue).Elem().SetZero()
		}
	}
	return record
}

// An index changes no answer.
func TestAnIndexAnswersAsAllSitesDo(t *testing.T) {
	const sites = 60
	plain := Rules{Sites: manySites(sites, 6), Identity: Identity{Domain: "example.com"}}
	indexed := plain
	indexed.Index()
	r, found := rand.New(rand.NewPCG(1, 2)), map[string]int{}
	for range 5000 {
		record := somewhere(r, sites)
		want, got := plain.Explain(&record), indexed.Explain(&record)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v is %+v, and by the index %+v", record, want, got)
		}
		found[answered(*got, "site").Attribute[:min(9, len(answered(*got, "site").Attribute))]]++
	}
	if len(found) < 7 {
		t.Errorf("only these rules were met: %v", found)
	}
}

// A record is not held against the patterns of all sites, but for those that begin with
// a wildcard.
func TestManySitesCostARecordNothing(t *testing.T) {
	const sites, records = 10_000, 2000
	m := Rules{Sites: manySites(sites, 5), Identity: Identity{Domain: "example.com"}}
	m.Index()
	r := rand.New(rand.NewPCG(1, 2))
	budget.Budget{Time: time.Second, Each: time.Millisecond, Octets: 8 << 20, More: 64 << 10}.Hold(t, records, func() {
		for range records {
			record := somewhere(r, sites)
			m.Read(&record)
		}
	})
}

// What is remembered of an identity changes no answer, and whoever opts out is asked
// for each time.
func TestWhatIsRememberedAnswersAsBefore(t *testing.T) {
	plain := Rules{Identity: example(), Sites: []presence.Site{{Name: "london"}}}
	plain.Identity.OptOut = map[string]bool{"bea@example.com": true}
	remembers := plain
	remembers.Remember()
	for _, id := range []string{"ann", `CORP\Ann`, "bea", "anonymous", "host/pc-1", "02:11:22:33:44:55", "ann@elsewhere", "", " ann\x00", "o'hara=20", "cn=ann"} {
		r := presence.Record{Client: "hq", Site: "london", Status: presence.Start, UserName: id}
		for range 2 {
			if want, got := plain.Explain(&r), remembers.Explain(&r); !reflect.DeepEqual(got, want) {
				t.Errorf("%q is %+v, and remembered %+v", id, want, got)
			}
		}
	}
	remembers.Identity.OptOut = map[string]bool{"ann@example.com": true}
	if g := remembers.Read(&presence.Record{Client: "hq", Site: "london", Status: presence.Start, UserName: "ann"}); g.Nobody.Kind != presence.KindOptedOut {
		t.Errorf("who opted out after they were remembered is %q, %+v", g.User, g.Nobody)
	}
}
