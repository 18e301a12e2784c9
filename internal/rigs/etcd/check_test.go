package etcd

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/store/etcdstore"
)

// check --online asks a member how fast its disk is and whether it is compacted, and the other
// daemons for their clocks.
func TestCheckOnlineAsksMembersAndDaemons(t *testing.T) {
	presenced := build(t, "../../..", "./cmd/presenced")
	e, err := Start(Config{Name: "a", Dir: t.TempDir(), Client: "http://127.0.0.1:0", Peer: "http://127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	at := e.Clients[0].Addr().String()
	conn, err := grpc.NewClient("dns:///"+at, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for name, off := range map[string]time.Duration{"right": 0, "fast": time.Hour} {
		said, err := json.Marshal(etcdstore.Daemon{Name: name, Version: "1.0.0", Format: etcdstore.Format, Clock: time.Now().Add(off)})
		if err == nil {
			_, err = etcdserverpb.NewKVClient(conn).Put(t.Context(), &etcdserverpb.PutRequest{Key: []byte("presenced/m" + name), Value: said})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	config := filepath.Join(t.TempDir(), "presenced.toml")
	testbed.WriteConfig(t, config, testbed.Settings{
		Linger: "5m", Store: fmt.Sprintf("engine = \"etcd\"\nname = \"own\"\nprefix = \"presenced/\"\nendpoints = [\"http://%s\"]", at),
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, _ := exec.CommandContext(ctx, presenced, "check", "--online", "-c", config).CombinedOutput()
	said := strings.Join(strings.Fields(string(out)), " ")
	for _, want := range []string{
		"99 of 100 syncs within", "may be read and written under presenced/",
		"fast: its clock is ", "ahead of this host's", "have both hosts set their clocks by NTP", "right, version 1.0.0, is there",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q", want)
		}
	}
	for _, not := range []string{"right: its clock", "is not compacted", "is not known"} {
		if strings.Contains(said, not) {
			t.Errorf("it says %q", not)
		}
	}
	if t.Failed() {
		t.Log(string(out))
	}
}
