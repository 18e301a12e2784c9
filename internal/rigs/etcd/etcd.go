// Package etcd is members of etcd to try presenced on, in this process or as processes of
// their own. It is a module of its own, so that what the server takes is nothing that
// presenced needs.
package etcd

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	"go.etcd.io/etcd/server/v3/embed"
)

// Config says what a member is.
type Config struct {
	Name    string
	Dir     string // where its data is
	Client  string // its URL for clients: http://127.0.0.1:0 finds a port
	Peer    string // its URL for the others
	Cluster string // all members, as name=URL,…; "": it is the only one

	// For clients over TLS, which are to have a certificate: files with the CA of theirs,
	// the member's certificate and its key.
	CA, Cert, Key string
}

// Start starts a member, and returns once it can be asked, or when it cannot be for a
// minute. It waits for no majority if it is one of several.
func Start(c Config) (*embed.Etcd, error) {
	is := embed.NewConfig()
	is.Name, is.Dir = c.Name, c.Dir
	is.LogLevel, is.LogOutputs = "fatal", []string{"stderr"}
	is.AutoCompactionMode, is.AutoCompactionRetention = "periodic", "5m"
	client, err := url.Parse(c.Client)
	if err != nil {
		return nil, err
	}
	peer, err := url.Parse(c.Peer)
	if err != nil {
		return nil, err
	}
	if c.Cert != "" {
		is.ClientTLSInfo = transport.TLSInfo{TrustedCAFile: c.CA, CertFile: c.Cert, KeyFile: c.Key, ClientCertAuth: true}
	}
	is.ListenClientUrls, is.AdvertiseClientUrls = []url.URL{*client}, []url.URL{*client}
	is.ListenPeerUrls, is.AdvertisePeerUrls = []url.URL{*peer}, []url.URL{*peer}
	if is.InitialCluster = c.Cluster; c.Cluster == "" {
		is.InitialCluster = is.InitialClusterFromName(c.Name)
	}
	e, err := embed.StartEtcd(is)
	if err != nil {
		return nil, fmt.Errorf("start etcd: %w", err)
	}
	if c.Cluster != "" {
		return e, nil
	}
	select {
	case <-e.Server.ReadyNotify():
		return e, nil
	case <-time.After(time.Minute):
		e.Close()
		return nil, errors.New("start etcd: it is not ready after a minute")
	}
}
