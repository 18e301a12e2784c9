// Command member is one member of etcd, to be killed.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/presenced/presenced/internal/rigs/etcd"
)

func main() {
	var c etcd.Config
	flag.StringVar(&c.Name, "name", "a", "of this member")
	flag.StringVar(&c.Dir, "dir", "", "where its data is")
	flag.StringVar(&c.Client, "client", "http://127.0.0.1:2379", "`URL` for clients")
	flag.StringVar(&c.Peer, "peer", "http://127.0.0.1:2380", "`URL` for the other members")
	flag.StringVar(&c.Cluster, "cluster", "", "all members, as name=URL,…")
	flag.Parse()
	e, err := etcd.Start(c)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	select {
	case <-stop:
		e.Close()
	case err := <-e.Err():
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
