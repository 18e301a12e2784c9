// Package testbed is what tests of the running program stand on: the
// configuration of one client and one site, a log that is read while it is
// written, waiting for what will come, and a search for what is to be nowhere.
package testbed

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/presenced/presenced/configs"
)

// Tester is a test or a script.
type Tester interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// Settings are what differs between the tests' configurations.
type Settings struct {
	Listen   string
	API      string // "" for no [kadence]
	ClientID string
	Secret   string // Kadence's
	Linger   string
	Presence string // more of [presence]
	Building string // "" for HQ
	Site     string // more of its [[site]]
	Store    string // more of its [store]
	HTTP     string // "" for none
	More     string
}

// AnyHour is for [Settings.Presence]: a test that begins at now comes out the same at
// any hour. It is not lunch, and no day turns for half a day; whoever stays for a
// second was here.
func AnyHour(now time.Time) string {
	return fmt.Sprintf("lunch = \"never\"\nbrief = \"0s\"\nday_starts = %q", now.UTC().Add(12*time.Hour).Format("15:04"))
}

// BubbleBegins is when a bubble of [testing/synctest] begins, whatever the real time is.
var BubbleBegins = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// RadiusSecret is what the client shares with the daemon.
const RadiusSecret = "wlc-secret"

// WriteConfig writes a configuration with one client and one site.
func WriteConfig(t Tester, file string, s Settings) {
	t.Helper()
	if s.Listen == "" {
		s.Listen = "127.0.0.1:0"
	}
	if s.Building == "" {
		s.Building = "HQ"
	}
	text := fmt.Sprintf(`
[radius]
listen = [%q]
[[radius.client]]
name = "wlc"
address = "127.0.0.1"
secret = %q
site = "london"
[[site]]
name = "london"
building = %q
ssids = ["Corp"]
hours = "00:00-24:00"
%s
[identity]
domain = "example.com"
opt_out_file = "opt-out.txt"
[presence]
linger = %q
%s
[store]
path = "presenced.db"
%s
[control]
socket = "presenced.sock"
http = %q
`, s.Listen, RadiusSecret, s.Building, s.Site, s.Linger, s.Presence, s.Store, s.HTTP)
	if s.API != "" {
		text += fmt.Sprintf("[kadence]\napi_url = %[1]q\nauth_url = %[1]q\nclient_id = %[2]q\nclient_secret = %[3]q\ndry_run = false\n", s.API, s.ClientID, s.Secret)
	}
	Write(t, file, text+s.More)
	if out := filepath.Join(filepath.Dir(file), "opt-out.txt"); !Exists(out) {
		Write(t, out, "")
	}
}

// Write writes a file.
func Write(t Tester, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Read returns the text of a file.
func Read(t Tester, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Exists reports whether there is such a file.
func Exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// Load returns the configuration that a file holds.
func Load(t Tester, file string) *configs.Config {
	t.Helper()
	cfg, err := configs.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}
