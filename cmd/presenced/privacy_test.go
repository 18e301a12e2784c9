package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"

	"github.com/presenced/presenced/internal/rigs/controller"
	"github.com/presenced/presenced/internal/rigs/testbed"
)

// TestCase110HashedDevicesAreNowhere sends the packets of several makers, with a MAC
// address in each place where they put one, to a daemon that hashes devices,
// and then to one that does not.
func TestCase110HashedDevicesAreNowhere(t *testing.T) {
	const mac = "02:a1:b2:c3:d4:e5"
	for _, hash := range []bool{true, false} {
		t.Run(fmt.Sprint("hash_devices = ", hash), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, testbed.Settings{More: "[log]\nlevel = \"debug\"\n"})
			data := filepath.Join(b.dir, "data")
			if err := os.Mkdir(data, 0o700); err != nil {
				t.Fatal(err)
			}
			testbed.Write(t, b.file(), strings.NewReplacer(`path = "presenced.db"`,
				fmt.Sprintf("path = \"data/presenced.db\"\nhash_devices = %v", hash), `http = ""`, `http = "127.0.0.1:0"`).Replace(testbed.Read(t, b.file())))
			daemon, wlc := b.serve(), b.controller()
			for i, sent := range []struct{ user, station, session, multi string }{
				{"ann", "02-A1-B2-C3-D4-E5", "646f26a4/" + mac + "/911", ""}, // Cisco AireOS
				{"bob", "02A1B2C3D4E5", "bob02A1B2C3D4E5-57361300", "02A1B2C3D4E5-0000009703"},
				{"cleo", "02a1.b2c3.d4e5", "57E5A277-0000000A", "6caab36da89802a1b2c3d4e557c7292e0057"}, // Ruckus
				{"dan", "192.0.2.7", "646f26a5/" + mac + "/912", ""},
				{"02a1b2c3d4e5", mac, "1", ""}, // by its address
				{"02-A1-B2-C3-D4-E5", mac, "2", ""},
				{"host/pc", mac, "3", ""},
			} {
				p := wlc.Packet(rfc2866.AcctStatusType_Value_Start)
				wlc.Station(p, &controller.Association{Identity: sent.user, Device: mac, SSID: "Corp", AP: "lobby", Session: sent.session})
				rfc2865.CallingStationID_SetString(p, sent.station)
				if sent.multi != "" {
					rfc2866.AcctMultiSessionID_SetString(p, sent.multi)
				}
				if err := wlc.Send(t.Context(), p, fmt.Sprint("packet ", i), false); err != nil {
					t.Fatal(err)
				}
			}
			said := ""
			for _, verb := range [][]string{
				{"status"}, {"people"}, {"sessions", "--all"}, {"visits"}, {"unmatched"},
				{"show", "ann@example.com"}, {"show", "bob@example.com"}, {"show", "dan@example.com"},
			} {
				for _, format := range [][]string{nil, {"--json"}} {
					out, err := exec.Command("presenced", slices.Concat(verb, format, []string{"-c", b.file()})...).CombinedOutput()
					if err != nil {
						t.Fatalf("presenced %s: %v\n%s", verb, err, out)
					}
					said += string(out)
				}
			}
			status, err := b.daemon().Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			shown := ""
			for _, page := range []string{"", "person?user=ann@example.com", "person?user=dan@example.com", "network", "calls", "unmatched"} {
				shown += get(t, strings.TrimSuffix(status.HTTP, "/")+"/"+page)
			}
			wantTraces(t, "the metrics", testbed.Found([]byte(get(t, strings.TrimSuffix(status.HTTP, "/")+"/metrics")), append(testbed.Texts("example.com"), testbed.Spellings(mac)...)))
			for where, text := range map[string]string{"listings": said, "page": shown} {
				if !strings.Contains(text, "ann@example.com") || !strings.Contains(text, "dan@example.com") {
					t.Errorf("the %s tell of nobody:\n%s", where, text)
				}
			}
			if err := daemon.terminate(); err != nil {
				t.Fatal(err)
			}
			inFiles, inListings, inPages := testbed.Kept(t, data, testbed.Spellings(mac)), testbed.Found([]byte(said), testbed.Spellings(mac)), testbed.Found([]byte(shown), testbed.Spellings(mac))
			if !hash {
				if len(inFiles) == 0 || len(inListings) == 0 || len(inPages) == 0 {
					t.Error("the test looks in the wrong place")
				}
				return
			}
			wantTraces(t, "the files", inFiles)
			wantTraces(t, "the listings", inListings)
			wantTraces(t, "the page", inPages)
			wantTraces(t, "the log", testbed.Found([]byte(daemon.log.String()), testbed.Spellings(mac)))
		})
	}
}

// get returns what a page shows.
func get(t *testing.T, address string) string {
	t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", address, resp.Status, err)
	}
	return string(text)
}

func wantTraces(t *testing.T, where string, got []string, want ...string) {
	t.Helper()
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s: found %q, want %q", where, got, want)
	}
}
