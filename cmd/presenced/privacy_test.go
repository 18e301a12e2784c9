package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"

	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/presence"
)

// trace is what would tell of somebody: a text, whatever its case, or raw
// bytes.
type trace struct {
	text string
	raw  []byte
}

func texts(all ...string) (traces []trace) {
	for _, text := range all {
		traces = append(traces, trace{text: strings.ToLower(text)})
	}
	return traces
}

// spellings are the ways to write MAC addresses.
func spellings(macs ...string) (traces []trace) {
	for _, mac := range macs {
		bare := strings.ReplaceAll(mac, ":", "")
		raw, err := hex.DecodeString(bare)
		if err != nil {
			panic(err)
		}
		traces = append(traces, texts(mac, strings.ReplaceAll(mac, ":", "-"), bare,
			bare[:4]+"."+bare[4:8]+"."+bare[8:], bare[:6]+"-"+bare[6:], bare[:6]+":"+bare[6:])...)
		traces = append(traces, trace{text: mac + " in six bytes", raw: raw})
	}
	return traces
}

// found returns the traces that are in the data, by their texts.
func found(data []byte, traces []trace) (names []string) {
	lower := bytes.ToLower(data)
	for _, t := range traces {
		if t.raw == nil && bytes.Contains(lower, []byte(t.text)) || t.raw != nil && bytes.Contains(data, t.raw) {
			names = append(names, t.text)
		}
	}
	slices.Sort(names)
	return names
}

// kept returns the traces that are in any byte of any file of the folder: the
// store, and whatever stands beside it.
func kept(t *testing.T, dir string, traces []trace) []string {
	t.Helper()
	var all []byte
	files := 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		files++
		data, err := os.ReadFile(path)
		all = append(all, data...)
		return err
	})
	if err != nil || files == 0 {
		t.Fatalf("%d files in %s, %v", files, dir, err)
	}
	return found(all, traces)
}

func want(t *testing.T, where string, got []string, want ...string) {
	t.Helper()
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s: found %q, want %q", where, got, want)
	}
}

// atWork is a made-up day of the real program, with the real file in a folder
// that holds nothing but data.
type atWork struct {
	*week
	data     string // the folder
	building string
	users    map[string]string // in Kadence, by address
}

// works runs f in virtual time. The store's settings are added to the
// configuration.
func works(t *testing.T, storeSettings string, f func(*atWork)) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		w := &atWork{week: &week{t: t, api: sandbox.New("week", "secret"), file: filepath.Join(dir, "presenced.toml"), log: &logText{}}, data: data}
		w.building = w.api.AddBuilding("HQ", time.UTC)
		w.users = map[string]string{forgetMeNot: w.api.AddUser(forgetMeNot), bob: w.api.AddUser(bob)}
		writeConfig(t, w.file, settings{api: "http://kadence.test", clientID: "week", secret: "secret", linger: "60m"})
		w.configure(`path = "presenced.db"`, `path = "data/presenced.db"`+"\n"+storeSettings)
		w.until(time.Date(2000, 1, 3, 8, 0, 0, 0, time.UTC))
		w.up()
		f(w)
		w.down()
	})
}

// configure replaces a part of the configuration.
func (w *atWork) configure(old, text string) {
	w.t.Helper()
	all := read(w.t, w.file)
	if !strings.Contains(all, old) {
		w.t.Fatalf("the configuration has no %q", old)
	}
	write(w.t, w.file, strings.Replace(all, old, text, 1))
}

func (w *atWork) clock(day, hour, minute int) time.Time {
	return time.Date(2000, 1, 3+day, hour, minute, 0, 0, time.UTC)
}

// day has a user with a booking be there with their phone and laptop from nine
// to four, from access point to access point.
func (w *atWork) day(day int, user, phone, laptop string) (booking string) {
	w.t.Helper()
	booking = w.api.Book(sandbox.Booking{
		User: w.users[user], Building: w.building, Begin: w.clock(day, 9, 0), End: w.clock(day, 18, 0),
	})
	w.until(w.clock(day, 9, 0))
	w.hear(presence.Start, user, laptop, fmt.Sprint("laptop", day), "ap-desk")
	w.stay(user, phone, fmt.Sprint("phone", day), w.clock(day, 16, 0))
	w.hear(presence.Stop, user, laptop, fmt.Sprint("laptop", day), "ap-desk")
	return booking
}

const (
	forgetMeNot = "forget.me.not@example.com"
	hersPhone   = "02:a1:b2:c3:d4:e5"
	hersLaptop  = "02:f6:07:18:29:3a"
	bob         = "bob@example.com"
	bobsPhone   = "02:0b:0b:1c:1d:1e"
	bobsLaptop  = "02:0b:0b:2c:2d:2e"
)

// TestForgetLeavesNoByteInTheDataFolder has a person be there for a day, be
// checked in and out, and be forgotten the next morning.
func TestForgetLeavesNoByteInTheDataFolder(t *testing.T) {
	hers := append(texts(forgetMeNot, "forget.me"), spellings(hersPhone, hersLaptop)...)
	both := texts(forgetMeNot, hersPhone, hersLaptop, bob, bobsPhone, bobsLaptop)
	works(t, "", func(w *atWork) {
		booking := w.day(0, forgetMeNot, hersPhone, hersLaptop)
		w.day(1, bob, bobsPhone, bobsLaptop)
		if b, _ := w.api.Booking(booking); b.Status != sandbox.CheckedOut {
			w.t.Fatalf("her booking is %s", b.Status)
		}
		want(w.t, "before", kept(w.t, w.data, both), forgetMeNot, hersPhone, hersLaptop, bob, bobsPhone, bobsLaptop)
		if err := w.daemon.Tracker.Forget(w.t.Context(), forgetMeNot); err != nil {
			w.t.Fatal(err)
		}
		want(w.t, "after", kept(w.t, w.data, hers))
		want(w.t, "of others", kept(w.t, w.data, both), bob, bobsPhone, bobsLaptop)
		w.until(w.clock(2, 9, 0))
		want(w.t, "a day later", kept(w.t, w.data, hers))
	})
}

// TestRetentionLeavesNoByteInTheDataFolder has a person be there on one day,
// and another one every day.
func TestRetentionLeavesNoByteInTheDataFolder(t *testing.T) {
	const keep = 3 // days
	works(t, fmt.Sprintf("keep_visits = \"%dd\"", keep), func(w *atWork) {
		booking := w.day(0, forgetMeNot, hersPhone, hersLaptop)
		hers := append(texts(forgetMeNot, booking), spellings(hersPhone, hersLaptop)...)
		for day := 1; day < keep; day++ {
			w.day(day, bob, bobsPhone, bobsLaptop)
		}
		want(w.t, "as long as visits are kept", kept(w.t, w.data, hers), forgetMeNot, hersPhone, hersLaptop, strings.ToLower(booking))
		w.until(w.clock(keep, 11, 0)) // she came at nine, and the store is tidied once an hour
		want(w.t, "later", kept(w.t, w.data, hers))
		want(w.t, "of others", kept(w.t, w.data, texts(bob)), bob)
	})
}

// TestOptingOutAndNotOptingInLeaveNoByte has a person opt out in the middle of
// a day, and then one who did not opt in; and each be heard of again.
func TestOptingOutAndNotOptingInLeaveNoByte(t *testing.T) {
	hers := append(texts(forgetMeNot, "forget.me"), spellings(hersPhone, hersLaptop)...)
	both := texts(forgetMeNot, bob)
	for _, list := range []struct{ key, holds string }{{"opt_out_file", forgetMeNot}, {"opt_in_file", bob}} {
		t.Run(list.key, func(t *testing.T) {
			works(t, "", func(w *atWork) {
				w.day(0, forgetMeNot, hersPhone, hersLaptop)
				w.day(1, bob, bobsPhone, bobsLaptop)
				w.hear(presence.Start, forgetMeNot, hersPhone, "again", "ap-1")
				want(w.t, "before", kept(w.t, w.data, both), bob, forgetMeNot)
				people := filepath.Join(filepath.Dir(w.file), "people.txt")
				write(w.t, people, list.holds+"\n")
				w.configure(`opt_out_file = "opt-out.txt"`, list.key+` = "people.txt"`)
				w.reload()
				want(w.t, "after", kept(w.t, w.data, hers))
				w.hear(presence.Interim, forgetMeNot, hersPhone, "again", "ap-1")
				w.hear(presence.Start, strings.ToUpper(forgetMeNot), hersLaptop, "once more", "ap-1")
				w.until(w.clock(2, 9, 0))
				want(w.t, "when she is heard of again", kept(w.t, w.data, hers))
				want(w.t, "of others", kept(w.t, w.data, both), bob)
				for _, row := range w.daemon.unmatched() {
					if strings.Contains(strings.ToLower(fmt.Sprint(row)), "forget.me") {
						w.t.Errorf("unmatched: %+v", row)
					}
				}
				want(w.t, "the log", found([]byte(w.log.(*logText).String()), append(hers, both...)))
			})
		})
	}
}

// TestNoTrailOfAccessPoints has a person roam all day between access points
// that are NASes of their own, as those of many makers are. In the evening no
// file, no listing and no line of the log tells where in the building she was.
func TestNoTrailOfAccessPoints(t *testing.T) {
	aps := []string{"ap-lobby", "ap-kitchen", "ap-library"}
	works(t, "", func(w *atWork) {
		w.api.Book(sandbox.Booking{User: w.users[forgetMeNot], Building: w.building, Begin: w.clock(0, 9, 0), End: w.clock(0, 18, 0)})
		for i := range 8 {
			w.until(w.clock(0, 9+i, 0))
			ap := aps[i%3]
			w.hearAt(presence.Start, forgetMeNot, hersPhone, fmt.Sprint("s", i), ap)
			if i == 4 {
				want(w.t, "while she is there", found([]byte(w.told(forgetMeNot)), texts(aps...)), ap)
			}
			time.Sleep(50 * time.Minute)
			w.hearAt(presence.Stop, forgetMeNot, hersPhone, fmt.Sprint("s", i), ap)
		}
		w.until(w.clock(0, 19, 30))
		want(w.t, "the file", kept(w.t, w.data, texts("bssid of", "name of")))
		want(w.t, "her story", found([]byte(w.told(forgetMeNot)), texts(aps...)))
		want(w.t, "the log", found([]byte(w.log.(*logText).String()), append(texts(aps...), texts(forgetMeNot, hersPhone)...)))
	})
}

// hearAt has a station be heard of by an access point that is a NAS.
func (w *atWork) hearAt(status presence.Status, user, device, session, ap string) {
	w.t.Helper()
	now := time.Now()
	err := w.daemon.Tracker.Record(w.t.Context(), []presence.Record{{
		Client: "wlc", Site: "london", Heard: now, At: now, Status: status, Session: session, UserName: user, Device: device,
		SSID: "Corp", NASID: ap, AP: "name of " + ap, BSSID: "bssid of " + ap,
	}})
	if err != nil {
		w.t.Fatal(err)
	}
}

// told returns all that the listings say of a user: sessions, visits, story.
func (w *atWork) told(user string) string {
	w.t.Helper()
	l := control.Listings{Store: w.daemon.Store, Rules: presence.DefaultRules}
	story, err := l.Show(w.t.Context(), user)
	if err != nil {
		w.t.Fatal(err)
	}
	return fmt.Sprintf("%+v", story)
}

// TestHashedDevicesAreNowhere sends the packets of several makers, with a MAC
// address in each place where they put one, to a daemon that hashes devices,
// and then to one that does not.
func TestHashedDevicesAreNowhere(t *testing.T) {
	const mac = "02:a1:b2:c3:d4:e5"
	for _, hash := range []bool{true, false} {
		t.Run(fmt.Sprint("hash_devices = ", hash), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, settings{more: "[log]\nlevel = \"debug\"\n"})
			data := filepath.Join(b.dir, "data")
			if err := os.Mkdir(data, 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, b.file(), strings.NewReplacer(`path = "presenced.db"`,
				fmt.Sprintf("path = \"data/presenced.db\"\nhash_devices = %v", hash), `http = ""`, `http = "127.0.0.1:0"`).Replace(read(t, b.file())))
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
				p := wlc.packet(rfc2866.AcctStatusType_Value_Start)
				wlc.station(p, &association{identity: sent.user, device: mac, ssid: "Corp", ap: "lobby", session: sent.session})
				rfc2865.CallingStationID_SetString(p, sent.station)
				if sent.multi != "" {
					rfc2866.AcctMultiSessionID_SetString(p, sent.multi)
				}
				if err := wlc.send(t.Context(), p, fmt.Sprint("packet ", i), false); err != nil {
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
			want(t, "the metrics", found([]byte(get(t, strings.TrimSuffix(status.HTTP, "/")+"/metrics")), append(texts("example.com"), spellings(mac)...)))
			for where, text := range map[string]string{"listings": said, "page": shown} {
				if !strings.Contains(text, "ann@example.com") || !strings.Contains(text, "dan@example.com") {
					t.Errorf("the %s tell of nobody:\n%s", where, text)
				}
			}
			if err := daemon.terminate(); err != nil {
				t.Fatal(err)
			}
			inFiles, inListings, inPages := kept(t, data, spellings(mac)), found([]byte(said), spellings(mac)), found([]byte(shown), spellings(mac))
			if !hash {
				if len(inFiles) == 0 || len(inListings) == 0 || len(inPages) == 0 {
					t.Error("the test looks in the wrong place")
				}
				return
			}
			want(t, "the files", inFiles)
			want(t, "the listings", inListings)
			want(t, "the page", inPages)
			want(t, "the log", found([]byte(daemon.log.String()), spellings(mac)))
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
