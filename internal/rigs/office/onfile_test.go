package office

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"html"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/rehearse"
	"github.com/presenced/presenced/presence"
	"github.com/presenced/presenced/radiusacct"
)

// dayOnFile is a day of an office, the packets that its equipment sends, and what the
// daemon concludes of them.
type dayOnFile struct {
	*Office
	packets [][]byte // of each event
	rules   presence.Rules
	want    []string
}

// onFile makes up a day of which every record says when it was.
func onFile(t *testing.T) *dayOnFile {
	plan := Field(10, "hostapd")
	plan.Days, plan.Calm = 1, true
	d := &dayOnFile{Office: New(3, plan)}
	d.rules = d.Rules()
	for _, e := range d.Events {
		packet, err := Packet(e, []byte("secret"), byte(len(d.packets)))
		if err != nil {
			t.Fatal(err)
		}
		d.packets = append(d.packets, packet)
	}
	daemon, err := tracker(t, newMemory)(d.Office, d.rules)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range daemon {
		d.want = append(d.want, visitLine(v.User, v.Site, v.Arrived, v.Departed, v.State == presence.Over))
	}
	slices.Sort(d.want)
	if len(d.want) < 6 {
		t.Fatalf("only %d visits", len(d.want))
	}
	return d
}

// visitLine writes a visit as it is compared. Files have whole seconds.
func visitLine(user, site string, arrived, departed time.Time, over bool) string {
	left := "-"
	if over {
		left = departed.Round(time.Minute).Format("15:04")
	}
	return fmt.Sprintf("%s at %s %s to %s", user, site, arrived.Round(time.Minute).Format("15:04"), left)
}

// rehearse returns the visits that the file comes to.
func (d *dayOnFile) rehearse(t *testing.T, file string, form radiusacct.Form) (visits []string, report *rehearse.Report) {
	t.Helper()
	client := d.Events[0].Record.Client
	cfg := &configs.Config{Mapping: *d.Mapping(), Rules: d.rules}
	cfg.Radius.Clients = []radiusacct.Client{{Name: client, Site: d.Events[0].Record.Site}}
	cfg.Radius.MaxSkew = radiusacct.DefaultSkew
	report, err := rehearse.Run(t.Context(), rehearse.Plan{Names: []string{file}, Config: cfg, Form: form, Visit: func(v rehearse.Visit) {
		visits = append(visits, visitLine(v.User, v.Site, v.Arrived.UTC(), v.Departed.UTC(), v.State == "over"))
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Files {
		if f.Flaws > 0 {
			t.Errorf("cannot be read: %s", f.First)
		}
	}
	slices.Sort(visits)
	return visits, report
}

// asLive holds what a file came to against what the daemon concluded. Of visits that
// were on in the end the daemon's night tells more: a rehearsal ends with the records.
func (d *dayOnFile) asLive(t *testing.T, visits []string) {
	t.Helper()
	if diff := differ(d.want, visits); diff != "" {
		t.Errorf("live (-) and from the file (+):\n%s", diff)
	}
}

// nearlyLive is asLive for a file without the interims between a session's begin and
// its latest. By those alone a session is known to go on although the device showed up
// at another access point for a moment, a NAS to be on the air, or a device to be there
// for longer than max_session: such a visit falls apart, or ends sooner. Nobody comes
// at another time for the first time, and most visits are the same.
func (d *dayOnFile) nearlyLive(t *testing.T, visits []string) {
	t.Helper()
	first := func(all []string) (of map[string]string) {
		of = map[string]string{}
		for _, line := range all { // they are in order
			came, _, _ := strings.Cut(line, " to ")
			user, _, _ := strings.Cut(line, " ")
			if of[user] == "" {
				of[user] = came
			}
		}
		return of
	}
	if live, is := first(d.want), first(visits); !maps.Equal(live, is) {
		t.Errorf("who came when: live %v, from the file %v", live, is)
	}
	same := 0
	for _, line := range d.want {
		if slices.Contains(visits, line) {
			same++
		}
	}
	t.Logf("%d of %d visits are the same; live (-) and from the file (+):\n%s", same, len(d.want), differ(d.want, visits))
	if 2*same < len(d.want) {
		t.Errorf("only %d of %d visits are the same", same, len(d.want))
	}
}

func write(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestADayOnFileIsTheDayThatWas: what FreeRADIUS wrote down of a day, in detail files
// and in its table radacct, NPS's log of it and a capture come to what the daemon
// concludes of it as it happens, but for what the form cannot tell.
func TestADayOnFileIsTheDayThatWas(t *testing.T) {
	d := onFile(t)
	t.Run("capture", func(t *testing.T) {
		visits, _ := d.rehearse(t, write(t, "day.pcapng", d.capture()), radiusacct.Form{})
		d.asLive(t, visits)
	})
	t.Run("NPS", func(t *testing.T) {
		zone := time.FixedZone("server", -4*3600)
		visits, report := d.rehearse(t, write(t, "IN2603.log", []byte(d.nps(zone))), radiusacct.Form{Zone: zone})
		if report.Files[0].Format != radiusacct.FormatNPS {
			t.Errorf("taken for %s", report.Files[0].Format)
		}
		d.asLive(t, visits)
	})
	t.Run("FreeRADIUS", func(t *testing.T) {
		detail, table := d.freeRADIUS(t)
		t.Run("detail", func(t *testing.T) {
			visits, report := d.rehearse(t, write(t, "detail-20260302", d.dated(t, detail)), radiusacct.Form{Zone: time.UTC})
			if int(report.Records) != len(d.packets) {
				t.Errorf("%d records of %d", report.Records, len(d.packets))
			}
			d.asLive(t, visits)
		})
		t.Run("radacct", func(t *testing.T) {
			visits, report := d.rehearse(t, write(t, "radacct.csv", table), radiusacct.Form{Zone: time.UTC})
			if report.Files[0].Format != radiusacct.FormatRadacct || !report.Sparse || report.Files[0].Format.Lacks() == "" {
				t.Errorf("taken for %s", report.Files[0].Format)
			}
			d.nearlyLive(t, visits)
		})
	})
}

// capture is the day as Wireshark keeps it.
func (d *dayOnFile) capture() []byte {
	order := binary.LittleEndian
	block := func(b []byte, kind uint32, body []byte) []byte {
		for len(body)%4 != 0 {
			body = append(body, 0)
		}
		b = order.AppendUint32(order.AppendUint32(b, kind), uint32(len(body)+12))
		return order.AppendUint32(append(b, body...), uint32(len(body)+12))
	}
	b := block(nil, 0x0a0d0d0a, []byte{0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255})
	b = block(b, 1, []byte{101, 0, 0, 0, 0, 0, 4, 0})
	for i, packet := range d.packets {
		udp := []byte{0xc0, 0, 7, 21, byte((8 + len(packet)) >> 8), byte(8 + len(packet)), 0, 0}
		ip := []byte{0x45, 0, byte((28 + len(packet)) >> 8), byte(28 + len(packet)), 0, 1, 0, 0, 64, 17, 0, 0, 10, 9, 8, 7, 10, 9, 8, 1}
		frame := slices.Concat(ip, udp, packet)
		stamp := uint64(d.Events[i].Arrive.UnixMicro())
		body := order.AppendUint32(order.AppendUint32(order.AppendUint32(nil, 0), uint32(stamp>>32)), uint32(stamp))
		body = order.AppendUint32(order.AppendUint32(body, uint32(len(frame))), uint32(len(frame)))
		b = block(b, 6, append(body, frame...))
	}
	return b
}

// nps is the day as NPS writes it down, in the time of its server.
func (d *dayOnFile) nps(zone *time.Location) string {
	var b strings.Builder
	for i := range d.packets {
		e := d.Events[i]
		r := e.Record
		add := func(name, kind, value string) {
			if value != "" {
				fmt.Fprintf(&b, `<%s data_type="%s">%s</%s>`, name, kind, html.EscapeString(value), name)
			}
		}
		b.WriteString("<Event>")
		add("Timestamp", "4", e.Arrive.In(zone).Format("01/02/2006 15:04:05.000"))
		add("Acct-Status-Type", "0", fmt.Sprint(statuses[r.Status]))
		add("User-Name", "1", r.UserName)
		add("Calling-Station-Id", "1", byName[e.Make].mac(r.Device))
		if r.BSSID != "" {
			add("Called-Station-Id", "1", byName[e.Make].mac(r.BSSID)+":"+r.SSID)
		}
		if r.NASAddr.IsValid() {
			add("NAS-IP-Address", "3", r.NASAddr.String())
		}
		add("NAS-Identifier", "1", r.NASID)
		add("Acct-Session-Id", "1", r.Session)
		add("Acct-Multi-Session-Id", "1", r.Multi)
		if r.HasPortType {
			add("NAS-Port-Type", "0", fmt.Sprint(r.PortType))
		}
		if r.HasAge {
			add("Acct-Session-Time", "0", fmt.Sprint(int(r.Age.Seconds())))
		}
		if r.Cause != 0 {
			add("Acct-Terminate-Cause", "0", fmt.Sprint(int(r.Cause)))
		}
		add("Event-Timestamp", "4", e.Stamp.UTC().Format("01/02/2006 15:04:05"))
		add("Client-IP-Address", "3", "10.9.8.7")
		add("Packet-Type", "0", "4")
		b.WriteString("</Event>\r\n<Event>")
		add("Timestamp", "4", e.Arrive.In(zone).Format("01/02/2006 15:04:05.000"))
		add("Packet-Type", "0", "5")
		b.WriteString("</Event>\r\n")
	}
	return b.String()
}

// dated returns the detail file with the times of the day in place of those at which
// the test made FreeRADIUS write it: it holds the day's records in their order.
func (d *dayOnFile) dated(t *testing.T, detail []byte) []byte {
	var b bytes.Buffer
	n := 0
	for line := range bytes.Lines(detail) {
		switch text := string(line); {
		case strings.HasPrefix(text, "\tTimestamp = "):
			fmt.Fprintf(&b, "\tTimestamp = %d\n", d.Events[n].Arrive.Unix())
			n++
		case !strings.HasPrefix(text, "\t") && strings.TrimSpace(text) != "":
			fmt.Fprintf(&b, "%s\n", d.Events[n].Arrive.UTC().Format(time.ANSIC))
		default:
			b.Write(line)
		}
	}
	if n != len(d.Events) {
		t.Fatalf("%d records in the detail file, of %d", n, len(d.Events))
	}
	return b.Bytes()
}

// freeRADIUS has a real one write the day into a detail file and into its table
// radacct, and returns both.
func (d *dayOnFile) freeRADIUS(t *testing.T) (detail, table []byte) {
	program, err := exec.LookPath("freeradius")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/freeradius"); err != nil {
			t.Skip("SKIPPED, there is no freeradius: .ci/peers installs it")
		}
	}
	const schema = "/etc/freeradius/3.0/mods-config/sql/main/sqlite/schema.sql"
	if _, err := os.Stat(schema); err != nil {
		t.Skip("SKIPPED, the configuration of freeradius is not where Debian has it")
	}
	sqlite, err := exec.LookPath("sqlite3")
	if err != nil {
		t.Skip("SKIPPED, there is no sqlite3: .ci/peers installs it")
	}
	dir := t.TempDir()
	port := freePort(t)
	conf := strings.NewReplacer("<dir>", dir, "<port>", fmt.Sprint(port)).Replace(freeRADIUSConf)
	for name, text := range map[string]string{"radiusd.conf": conf, "dictionary": "$INCLUDE /usr/share/freeradius/dictionary\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var said bytes.Buffer
	server := exec.Command(program, "-fs", "-l", "stdout", "-d", dir) // a request at a time: what is written keeps its order
	server.Stdout, server.Stderr, server.Env = &said, &said, append(os.Environ(), "TZ=UTC")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		server.Process.Kill()
		server.Wait()
	}()
	conn, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answer := make([]byte, 4096)
	for i, packet := range d.packets {
		for tries := 0; ; tries++ {
			conn.Write(packet)
			conn.SetReadDeadline(time.Now().Add(time.Second))
			if n, err := conn.Read(answer); err == nil && n >= 20 && answer[1] == packet[1] {
				break
			}
			if tries == 60 {
				t.Fatalf("no answer to record %d of %d:\n%s", i+1, len(d.packets), said.Bytes())
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	if detail, err = os.ReadFile(filepath.Join(dir, "detail")); err != nil {
		t.Fatal(err)
	}
	query := exec.Command(sqlite, "-header", "-csv", filepath.Join(dir, "radius.db"), "select * from radacct order by acctstarttime")
	if table, err = query.Output(); err != nil {
		t.Fatal(err)
	}
	return detail, table
}

func freePort(t *testing.T) int {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).Port
}

// freeRADIUSConf is Debian's radiusd.conf as far as accounting goes.
const freeRADIUSConf = `
prefix = /usr
name = freeradius
libdir = /usr/lib/freeradius
logdir = <dir>
radacctdir = <dir>
modconfdir = /etc/freeradius/3.0/mods-config
run_dir = <dir>
max_request_time = 30
cleanup_delay = 0
max_requests = 16384
hostname_lookups = no
proxy_requests = no
security {
	max_attributes = 200
	status_server = no
}
clients office {
	client loopback {
		ipaddr = 127.0.0.0/8
		secret = secret
	}
}
modules {
	detail {
		filename = ${radacctdir}/detail
		header = "%t"
		permissions = 0600
		locking = no
		escape_filenames = no
	}
	always ok {
		rcode = ok
	}
	expr {
	}
	sql {
		driver = rlm_sql_sqlite
		dialect = sqlite
		sqlite {
			filename = <dir>/radius.db
			busy_timeout = 2000
			bootstrap = ${modconfdir}/sql/main/sqlite/schema.sql
		}
		acct_table1 = radacct
		acct_table2 = radacct
		postauth_table = radpostauth
		authcheck_table = radcheck
		groupcheck_table = radgroupcheck
		authreply_table = radreply
		groupreply_table = radgroupreply
		usergroup_table = radusergroup
		client_table = nas
		group_attribute = SQL-Group
		read_clients = no
		delete_stale_sessions = yes
		pool {
			start = 1
			min = 1
			max = 1
			spare = 0
			uses = 0
			retry_delay = 30
			lifetime = 0
			idle_timeout = 60
		}
		$INCLUDE ${modconfdir}/sql/main/sqlite/queries.conf
	}
}
policy {
	$INCLUDE /etc/freeradius/3.0/policy.d/accounting
}
server default {
	listen {
		type = acct
		ipaddr = 127.0.0.1
		port = <port>
		clients = office
	}
	preacct {
		ok
		acct_unique
	}
	accounting {
		detail
		sql
	}
}
`
