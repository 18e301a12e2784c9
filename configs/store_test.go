package configs

import (
	"strings"
	"testing"
	"time"
)

// With the engine etcd, what is missing or wrong is said with its line and what to do.
func TestEtcdIsConfiguredByWhatTheDaemonsShare(t *testing.T) {
	credentials(t)
	reference := string(filled())
	good := strings.Replace(reference, `engine       = "file"`, `engine       = "etcd"`, 1)
	if good == reference {
		t.Fatal("the reference names no engine")
	}
	c, err := Parse("presenced.toml", []byte(good), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if e := c.Store.Etcd; e == nil || e.Prefix != "presenced/" || e.Name == "" || len(e.Endpoints) != 1 || e.TLS() == nil {
		t.Errorf("%+v", e)
	}
	if c.Store.KeepVisits != 30*24*time.Hour {
		t.Errorf("keep_visits is %s", c.Store.KeepVisits)
	}
	for line, want := range map[string]string{
		`engine = "zookeeper"`:                                           "store.engine",
		"engine = \"etcd\"\nendpoints = [\"etcd-1:2379\"]":               "write it like https://etcd-1:2379",
		"engine = \"etcd\"\nendpoints = []":                              "store.endpoints",
		"engine = \"etcd\"\nprefix = \"\"":                               "store.prefix",
		"engine = \"etcd\"\ncert_file = \"a.pem\"":                       "cert_file and key_file go together",
		"engine = \"etcd\"\nca_file = \"none.pem\"":                      "store.ca_file",
		"engine = \"etcd\"\nname = \"" + strings.Repeat("x", 201) + "\"": "store.name",
		"engine = \"etcd\"\ncert_file = \"a.pem\"\nkey_file = \"a.key\"": "http://127.0.0.1:2379 is not asked over TLS",
		"engine = \"etcd\"\nendpoints = [\"https://a:1\", \"http://b:2\"]\ncert_file = \"a.pem\"\nkey_file = \"a.key\"": "http://b:2 is not asked over TLS",
	} {
		text := strings.Replace(reference, `engine       = "file"       # or "etcd"`, line, 1)
		_, err := Parse("presenced.toml", []byte(text), t.TempDir())
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "presenced.toml:1") {
			t.Errorf("%s: %v", line, err)
		}
	}
	hashed := strings.Replace(good, "hash_devices = false", "hash_devices = true ", 1)
	if _, err := Parse("presenced.toml", []byte(hashed), t.TempDir()); err == nil || !strings.Contains(err.Error(), "every daemon would hash devices by a key of its own") {
		t.Errorf("hash_devices without a key for all: %v", err)
	}
}
