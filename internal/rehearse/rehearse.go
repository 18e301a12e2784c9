// Package rehearse goes through the accounting that an organisation has on file, and
// says what presenced would have made of it: who would have been checked in and out
// when, what each linger would have cost, and what the controllers' accounting is
// worth. It promises that what it concludes is what the daemon concludes, that its
// memory grows with people and not with records, and that nothing is stored, nobody
// is called and no secret is needed.
package rehearse

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/netip"
	"slices"
	"time"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/radiusacct"
)

// Lingers are the values of linger that are compared.
var Lingers = []time.Duration{
	15 * time.Minute, 30 * time.Minute, 45 * time.Minute, time.Hour, 75 * time.Minute, 90 * time.Minute, 2 * time.Hour,
}

// Plan says what to rehearse, and how.
type Plan struct {
	Names    []string        // of files and folders; "-" is the standard input
	Config   *configs.Config // what a daemon would have
	Form     radiusacct.Form
	Alone    time.Duration // that linger alone, without lunch and dozes; 0: as configured
	Bookings []Booking     // what was booked; nil: it is not known
	User     string        // whose days are to be told; "": nobody's
	Pictures bool          // what only a picture shows is to be gathered too

	Anonymous bool // people are told by numbers, and names that led nowhere not at all

	Visit    func(Visit)    // called with each visit, as it is over; nil: they are only counted
	Progress func(Progress) // called now and then; nil: nobody waits
}

// Progress is how far a rehearsal has come.
type Progress struct {
	Records uint64
	Read    int64 // octets, as they are on disk
	Of      int64 // 0: it is not known
	At      time.Time
	Began   time.Time // by the clock on the wall
}

// item is a record on its way from the files.
type item struct {
	mapped  bool // there is a reading
	record  presence.Record
	reading presence.Reading // what the mapping makes of it, unless it came already or is about no session
	again   bool             // it came already
	sparse  bool             // its format leaves interims out
}

const (
	batch = 256 // records that go their way together
	ahead = 4   // batches that have been read and wait
)

// Run rehearses. If ctx ends early, it returns what is known by then, and says so. An
// error means that a file could not be opened.
func Run(ctx context.Context, plan Plan) (*Report, error) {
	in, err := find(plan.Names, plan.Form)
	if err != nil {
		return nil, err
	}
	cfg := *plan.Config
	if cfg.Store.HashDevices { // as the daemon shows them: by a key that nobody has
		cfg.Mapping.HashKey = make([]byte, 32)
		rand.Read(cfg.Mapping.HashKey)
	}
	cfg.Mapping.Sites = zoned(cfg.Mapping.Sites, plan.Form.Zone)
	cfg.Rules.Sites = map[string]presence.Site{}
	for _, s := range cfg.Mapping.Sites {
		cfg.Rules.Sites[s.Name] = s
	}
	plan.Config = &cfg
	run := newRun(plan)
	items, free := make(chan []item, ahead), make(chan []item, ahead+2)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go read(ctx, in, &cfg, items, free)
	began, told := time.Now(), time.Now()
	for all := range items {
		run.hear(all)
		select {
		case free <- all[:0]:
		default:
		}
		if plan.Progress != nil && time.Since(told) > time.Second/4 {
			told = time.Now()
			plan.Progress(Progress{Records: run.report.Records, Read: in.read.Load(), Of: in.sizes, At: run.rehearsal.Now(), Began: began})
		}
	}
	run.report.Interrupted = ctx.Err() != nil
	run.report.Read, run.report.Of = in.read.Load(), in.sizes
	for _, f := range in.files {
		run.report.Files = append(run.report.Files, *f)
	}
	run.finish()
	return run.report, nil
}

// zoned returns the sites with the zone, where they name none: a daemon learns it from
// Kadence.
func zoned(sites []presence.Site, zone *time.Location) []presence.Site {
	if zone == nil {
		zone = time.Local
	}
	sites = slices.Clone(sites)
	for i := range sites {
		if sites[i].Zone == nil {
			sites[i].Zone = zone
		}
	}
	return sites
}

// read reads the files into items.
func read(ctx context.Context, in *sources, cfg *configs.Config, items chan<- []item, free <-chan []item) {
	defer close(items)
	whose, rules := newClients(cfg), cfg.Mapping.ForOne()
	rules.Index()
	rules.Remember()
	all := make([]item, 0, batch)
	for {
		f, err := in.Next()
		if err != nil {
			if !errors.Is(err, io.EOF) && f != nil {
				f.flaw(err)
			}
			break
		}
		p := &f.packet
		client := whose.of(p, f.Name)
		r, _ := radiusacct.Recall(p.Octets, client, p.Source, p.Heard)
		bare := r.Status == presence.Interim && r.Stamps.Stamp.IsZero() && !r.HasAge // each may look like the one before
		all = append(all, item{record: r, sparse: f.Format.Sparse(), again: !bare && in.repeats.again(p.Octets, p.Heard)})
		if last := &all[len(all)-1]; !last.again && r.Status != presence.AccountingOn && r.Status != presence.AccountingOff {
			last.reading, last.mapped = *rules.Read(&last.record), true
		}
		p.Octets = nil
		if len(all) == batch {
			select {
			case items <- all:
			case <-ctx.Done():
				return
			}
			select {
			case all = <-free:
			default:
				all = make([]item, 0, batch)
			}
		}
	}
	select {
	case items <- all:
	case <-ctx.Done():
	}
}

// clients tells whose the packets are.
type clients struct {
	cfg   *configs.Config
	found map[netip.Addr]*radiusacct.Client
	other *radiusacct.Client
}

func newClients(cfg *configs.Config) *clients {
	c := &clients{cfg: cfg, found: map[netip.Addr]*radiusacct.Client{}}
	if len(cfg.Radius.Clients) == 1 {
		c.other = &cfg.Radius.Clients[0]
	} else {
		c.other = &radiusacct.Client{Name: "unknown"}
	}
	return c
}

// of returns the client whose address the packet came from, or, if that was not kept,
// which its file's folder or the packet itself names.
func (c *clients) of(p *radiusacct.Packet, file string) *radiusacct.Client {
	if len(c.cfg.Radius.Clients) == 1 && c.cfg.Radius.Clients[0].Prefix.Bits() == 0 {
		return c.other
	}
	for _, addr := range []netip.Addr{p.Source.Addr(), folder(file), radiusacct.NASAddr(p.Octets)} {
		if !addr.IsValid() {
			continue
		}
		addr = addr.Unmap()
		found, known := c.found[addr]
		if !known {
			found = Client(c.cfg, addr)
			if len(c.found) < 1<<16 {
				c.found[addr] = found
			}
		}
		if found != nil {
			return found
		}
	}
	return c.other
}

// Client returns the client of the configuration that an address is of; nil if it is
// none's.
func Client(cfg *configs.Config, addr netip.Addr) (found *radiusacct.Client) {
	for i := range cfg.Radius.Clients {
		c := &cfg.Radius.Clients[i]
		if c.Prefix.IsValid() && c.Prefix.Contains(addr) && (found == nil || c.Prefix.Bits() > found.Prefix.Bits()) {
			found = c
		}
	}
	return found
}
