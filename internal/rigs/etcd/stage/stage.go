// Package stage has the demo played by three daemons on three members of etcd, each a
// process of its own, of which a daemon and the member that leads are killed in the middle
// of the day.
package stage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/demo"
	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/store/etcdstore"
)

const (
	number    = 3
	readyTime = time.Minute // that all of it may take to begin
	// A call that a kill cuts waits for its lease.
	late = 75 * time.Second
)

// cluster is the members and the daemons.
type cluster struct {
	members, daemons []*process
	endpoints        []string
	servers          []*net.UDPAddr
	pages, files     []string
	sockets          []*control.Remote
	store            *etcdstore.Store
	killed           *process // the member that is down
}

// Build returns what builds the stage of the programs in a folder, presenced and member; what
// they log goes to logged.
func Build(programs string, logged io.Writer) func(context.Context, demo.Setting) (*demo.Stage, error) {
	return func(ctx context.Context, s demo.Setting) (*demo.Stage, error) {
		c := &cluster{}
		err := c.prepare(s, programs, logged)
		if err == nil {
			err = c.start(ctx)
		}
		if err != nil {
			return nil, errors.Join(err, c.close())
		}
		return &demo.Stage{
			About: fmt.Sprintf(`Wi-Fi and Kadence are simulated. Three daemons and three members of etcd are real, each a process of its own; what they share is
in etcd. A daemon is killed in the middle of the day, and then the member that leads.
The daemons' pages: %s`, strings.Join(c.pages, "  ")),
			Servers: c.servers, URL: c.pages[1], Config: c.files[1], Store: patient{c.store}, Unmatched: c.unmatched, Late: late,
			Run: func(ctx context.Context) error { <-ctx.Done(); return c.close() }, Close: c.close,
			Mishaps: []demo.Mishap{
				{Hour: 11, Minute: 22, What: "daemon d1, which the controller sends to, is killed", Do: func(context.Context) error { return c.daemons[0].stop(syscall.SIGKILL) }},
				{Hour: 11, Minute: 52, What: "the member of etcd that leads is killed", Do: c.killLeader},
				{Hour: 12, Minute: 28, What: "daemon d1 and the member are started again", Do: func(context.Context) error { return errors.Join(c.daemons[0].start(), c.killed.start()) }},
				{Hour: 14, Minute: 50, What: "daemon d2 is stopped, as for an upgrade", Do: func(context.Context) error { return c.daemons[1].stop(syscall.SIGTERM) }},
				{Hour: 15, Minute: 10, What: "daemon d2 is started again", Do: func(context.Context) error { return c.daemons[1].start() }},
			},
		}, nil
	}
}

func (c *cluster) prepare(s demo.Setting, programs string, logged io.Writer) error {
	var all [4 * number]string
	for i := range all {
		at, err := testbed.FreeAddress()
		if err != nil {
			return err
		}
		all[i] = at.String()
	}
	var peers []string
	for i := range number {
		c.endpoints = append(c.endpoints, "http://"+all[4*i])
		peers = append(peers, fmt.Sprintf("m%d=http://%s", i+1, all[4*i+1]))
	}
	for i := range number {
		name := fmt.Sprint("m", i+1)
		c.members = append(c.members, &process{name: "member " + name, logged: logged, args: []string{
			filepath.Join(programs, "member"), "-name", name, "-dir", filepath.Join(s.Dir, name), "-client", c.endpoints[i],
			"-peer", "http://" + all[4*i+1], "-cluster", strings.Join(peers, ","),
		}})
		name = fmt.Sprint("d", i+1)
		dir := filepath.Join(s.Dir, name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
		file, err := s.Configure(dir, all[4*i+2], all[4*i+3], fmt.Sprintf("engine = \"etcd\"\nname = %q\npath = \"own\"\nendpoints = [\"%s\"]", name, strings.Join(c.endpoints, `", "`)))
		if err != nil {
			return err
		}
		addr, err := net.ResolveUDPAddr("udp", all[4*i+2])
		if err != nil {
			return err
		}
		c.servers, c.files, c.pages = append(c.servers, addr), append(c.files, file), append(c.pages, "http://"+all[4*i+3]+"/")
		c.sockets = append(c.sockets, control.Dial(filepath.Join(dir, "demo.sock")))
		c.daemons = append(c.daemons, &process{name: "daemon " + name, logged: logged, args: []string{filepath.Join(programs, "presenced"), "serve", "-c", file}})
	}
	var err error
	c.store, err = etcdstore.OpenToRead(etcdstore.Config{Endpoints: c.endpoints, Prefix: "presenced/", Name: "narrator"})
	return err
}

// start starts everything, and returns once every daemon knows all of them and is ready.
func (c *cluster) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	for _, p := range append(c.members, c.daemons...) {
		if err := p.start(); err != nil {
			return err
		}
	}
	for {
		ready := 0
		var why error
		for _, daemon := range c.sockets {
			s, err := daemon.Status(ctx)
			switch {
			case err != nil:
				why = err
			case s.Cluster != nil && len(s.Cluster.Daemons) == number && s.Ready && !s.Recalling:
				ready++
			}
		}
		if ready == number {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("only %d of %d daemons are ready after %s", ready, number, readyTime), why)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (c *cluster) killLeader(ctx context.Context) error {
	for i, m := range c.store.Ask(ctx) {
		if m.Leader {
			c.killed = c.members[i]
			return c.killed.stop(syscall.SIGKILL)
		}
	}
	return errors.New("no member leads")
}

// unmatched is what led to nobody at any daemon.
func (c *cluster) unmatched(ctx context.Context) (all []control.Unmatched) {
	for _, daemon := range c.sockets {
		for u, err := range daemon.Unmatched(ctx) {
			if err != nil {
				break // it is down just now
			}
			all = append(all, u)
		}
	}
	return all
}

// close stops the daemons, and then ends the members, whose data nobody wants any more.
func (c *cluster) close() error {
	var stopping errgroup.Group
	for _, p := range c.daemons {
		stopping.Go(func() error { return p.stop(syscall.SIGTERM) })
	}
	err := stopping.Wait()
	for _, p := range c.members {
		err = errors.Join(err, p.stop(syscall.SIGKILL))
	}
	if c.store != nil {
		err = errors.Join(err, c.store.Close())
	}
	return err
}

// patient is a store that may not answer for a moment: then there is no news.
type patient struct{ store *etcdstore.Store }

const news = time.Second // that is waited for

func (p patient) People(ctx context.Context, after string, limit int) ([]presence.Person, error) {
	ctx, cancel := context.WithTimeout(ctx, news)
	defer cancel()
	all, err := p.store.People(ctx, after, limit)
	if err != nil {
		return nil, nil
	}
	return all, nil
}

func (p patient) Person(ctx context.Context, user string) (presence.Person, error) {
	ctx, cancel := context.WithTimeout(ctx, news)
	defer cancel()
	is, err := p.store.Person(ctx, user)
	if err != nil {
		return presence.Person{User: user}, nil
	}
	return is, nil
}
