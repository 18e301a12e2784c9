package etcd

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/authpb"
	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/server/v3/embed"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/daemon"
	"github.com/presenced/presenced/internal/rigs/authority"
	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/store/etcdstore"
)

// guarded is a member that knows its clients by their certificates, and lets presenced read
// and write one prefix.
type guarded struct {
	*embed.Etcd
	endpoint string
	dir      string // with ca.pem, and for each user their .pem and .key
	ca       *authority.Authority
}

func guard(t *testing.T, prefix string) guarded {
	t.Helper()
	ca, err := authority.New("etcd")
	if err != nil {
		t.Fatal(err)
	}
	g := guarded{dir: t.TempDir(), ca: ca}
	if err := ca.Write(filepath.Join(g.dir, "ca.pem")); err != nil {
		t.Fatal(err)
	}
	server, err := ca.Issue("member", authority.ForServer(netip.MustParseAddr("127.0.0.1")))
	if err == nil {
		err = authority.Write(server, g.dir, "member")
	}
	if err != nil {
		t.Fatal(err)
	}
	file := func(name string) string { return filepath.Join(g.dir, name) }
	g.Etcd, err = Start(Config{
		Name: "a", Dir: t.TempDir(), Client: "https://127.0.0.1:0", Peer: "http://127.0.0.1:0", CA: file("ca.pem"), Cert: file("member.pem"), Key: file("member.key"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	g.endpoint = "https://" + g.Clients[0].Addr().String()
	root := g.user(t, "root")
	g.user(t, "presenced")
	conn, err := grpc.NewClient("dns:///"+g.Clients[0].Addr().String(), grpc.WithTransportCredentials(credentials.NewTLS(g.tls(root))))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	auth, ctx := etcdserverpb.NewAuthClient(conn), t.Context()
	for _, do := range []func() error{
		func() error { _, err := auth.RoleAdd(ctx, &etcdserverpb.AuthRoleAddRequest{Name: "root"}); return err },
		func() error {
			_, err := auth.RoleAdd(ctx, &etcdserverpb.AuthRoleAddRequest{Name: "presenced"})
			return err
		},
		func() error {
			end := prefix[:len(prefix)-1] + string(prefix[len(prefix)-1]+1)
			_, err := auth.RoleGrantPermission(ctx, &etcdserverpb.AuthRoleGrantPermissionRequest{
				Name: "presenced", Perm: &authpb.Permission{PermType: authpb.READWRITE, Key: []byte(prefix), RangeEnd: []byte(end)},
			})
			return err
		},
		func() error { return addUser(ctx, auth, "root", "root") },
		func() error { return addUser(ctx, auth, "presenced", "presenced") },
		func() error { return addUser(ctx, auth, "stranger", "") },
		func() error { _, err := auth.AuthEnable(ctx, &etcdserverpb.AuthEnableRequest{}); return err },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

func addUser(ctx context.Context, auth etcdserverpb.AuthClient, name, role string) error {
	_, err := auth.UserAdd(ctx, &etcdserverpb.AuthUserAddRequest{Name: name, Options: &authpb.UserAddOptions{NoPassword: true}})
	if err == nil && role != "" {
		_, err = auth.UserGrantRole(ctx, &etcdserverpb.AuthUserGrantRoleRequest{User: name, Role: role})
	}
	return err
}

// user makes a certificate of that common name.
func (g *guarded) user(t *testing.T, name string) tls.Certificate {
	t.Helper()
	c, err := g.ca.Issue(name, func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: name} })
	if err == nil {
		err = authority.Write(c, g.dir, name)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (g *guarded) tls(by ...tls.Certificate) *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(g.ca.Certificate)
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, Certificates: by}
}

// By its certificate a daemon does all that it has to under its prefix, and may do neither
// more nor elsewhere; to compact and defragment takes that of root.
func TestACertificateIsTheUserAndMayDoWhatItHasTo(t *testing.T) {
	const prefix = "presenced/"
	g := guard(t, prefix)
	config := etcdstore.Config{Endpoints: []string{g.endpoint}, Prefix: prefix, Name: "d", TLS: g.tls(g.user(t, "presenced")), Late: etcdstore.Late}
	path := kept(t, "v1/closed", 20)
	moved := &configs.Store{Etcd: &configs.Etcd{Endpoints: config.Endpoints, Prefix: prefix, Name: "d"}}
	pair := config.TLS.Certificates[0]
	moved.Etcd.Certificate, moved.Etcd.CA = &pair, []byte(testbed.Read(t, filepath.Join(g.dir, "ca.pem")))
	if _, err := daemon.Migrate(t.Context(), moved, path, noMatter); err != nil {
		t.Fatal(err)
	}
	s, err := etcdstore.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	for name, do := range map[string]func() error{
		"write":  func() error { return remember(t, s, "x") },
		"read":   func() error { _, err := s.People(t.Context(), "", 100); return err },
		"due":    func() error { _, _, err := s.Due(t.Context(), presence.Wakes, time.Now(), 9); return err },
		"forget": func() error { return s.Forget(t.Context(), "ann") },
		"prune":  func() error { _, err := s.Prune(t.Context(), time.Now()); return err },
		"may":    func() error { return s.May(t.Context()) },
	} {
		if err := do(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	testbed.Eventually(t, "the daemon says that it is there, and knows the member", func() bool {
		all, err := s.Daemons()
		m := s.Members()
		return err == nil && len(all) == 1 && len(m) == 1 && m[0].Fault == "" && m[0].Leader
	})
	if _, err := etcdstore.Maintain(t.Context(), config, func(string) {}); err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("maintained by the daemon's certificate: %v", err)
	}
	if all, err := etcdstore.Maintain(t.Context(), config.By(g.user(t, "root")), func(string) {}); err != nil || len(all) != 1 {
		t.Errorf("maintained by root's: %v, %v", all, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := daemon.Export(t.Context(), moved, filepath.Join(t.TempDir(), "back.db"), noMatter); err != nil {
		t.Error(err)
	}
}

// What is wrong with certificates, roles and members is told by who asks each of them, within
// the time that anything may take.
func TestWhatIsWrongWithCertificatesAndRolesIsTold(t *testing.T) {
	g := guard(t, "presenced/")
	presenced, stranger := g.user(t, "presenced"), g.user(t, "stranger")
	other, err := authority.New("another")
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := other.Issue("presenced", func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: "presenced"} })
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := other.Write(filepath.Join(dir, "ca.pem")); err != nil {
		t.Fatal(err)
	}
	ca := func(dir string) []byte { return []byte(testbed.Read(t, filepath.Join(dir, "ca.pem"))) }
	for name, c := range map[string]struct {
		etcd         configs.Etcd
		member, bars string // what is said of the member, and why nothing may be used; "": nothing
	}{
		"all is well":              {configs.Etcd{Prefix: "presenced/", CA: ca(g.dir), Certificate: &presenced}, "", ""},
		"another prefix":           {configs.Etcd{Prefix: "elsewhere/", CA: ca(g.dir), Certificate: &presenced}, "", "permission denied"},
		"a user without a role":    {configs.Etcd{Prefix: "presenced/", CA: ca(g.dir), Certificate: &stranger}, "", "permission denied"},
		"no certificate":           {configs.Etcd{Prefix: "presenced/", CA: ca(g.dir)}, "certificate required", g.endpoint},
		"a certificate of another": {configs.Etcd{Prefix: "presenced/", CA: ca(g.dir), Certificate: &foreign}, "certificate", g.endpoint},
		"a member of another's CA": {configs.Etcd{Prefix: "presenced/", CA: ca(dir), Certificate: &presenced}, "unknown authority", g.endpoint},
	} {
		t.Run(name, func(t *testing.T) {
			c.etcd.Endpoints, c.etcd.Name = []string{g.endpoint}, "d"
			var began time.Time
			var is daemon.Shared
			for range 5 {
				began = time.Now()
				var err error
				if is, err = daemon.AskShared(t.Context(), &configs.Config{Store: configs.Store{Etcd: &c.etcd}}); err != nil || len(is.Members) != 1 {
					t.Fatalf("%+v, %v", is, err)
				}
				// By TLS 1.3 a member refuses a certificate after the handshake: who writes to the closed
				// connection sooner than they read why is told of a broken pipe.
				if fault := is.Members[0].Fault; !strings.Contains(fault, "broken pipe") && !strings.Contains(fault, "connection reset") {
					break
				}
			}
			if fault := is.Members[0].Fault; (fault == "") != (c.member == "") || !strings.Contains(fault, c.member) {
				t.Errorf("of the member is said %q", fault)
			}
			if m := is.Members[0]; m.Fault == "" && (len(m.Doubts) > 0 || !strings.Contains(m.Text, "syncs within")) {
				t.Errorf("of the member is said %q, and doubted %q", m.Text, m.Doubts)
			}
			if barred := fmt.Sprint(is.Barred); (is.Barred == nil) != (c.bars == "") || !strings.Contains(barred, c.bars) {
				t.Errorf("of the prefix is said %s", barred)
			}
			if took := time.Since(began); took > 2*etcdstore.Patience {
				t.Errorf("it took %s", took)
			}
		})
	}
}
