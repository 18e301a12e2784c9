package systemd

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/coreos/go-systemd/v22/unit"
)

const program = "/usr/bin/presenced"

func TestUnitsAreValid(t *testing.T) {
	analyze := tool(t, "systemd-analyze")
	// verify wants the program to be there; everything else is as shipped.
	dir := t.TempDir()
	stand := filepath.Join(dir, "presenced")
	if err := os.WriteFile(stand, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	args := []string{"verify", "--man=no"}
	for _, name := range []string{"presenced.service", "presenced.socket", "presenced-radsec.socket", "presenced-maintain.service", "presenced-maintain.timer"} {
		path := filepath.Join(dir, name)
		text := strings.ReplaceAll(read(t, name), "="+program+" ", "="+stand+" ")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
	}
	cmd := exec.Command(analyze, args...)
	cmd.Env = append(os.Environ(), "SYSTEMD_UNIT_PATH="+dir+":") // and the default path
	out, err := cmd.CombinedOutput()
	// A word that systemd does not know is a warning, not a failure: nothing may be said about our files.
	if err != nil || strings.Contains(string(out), dir) {
		t.Errorf("systemd-analyze %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func TestExposureIsTwoOrBetter(t *testing.T) {
	analyze := tool(t, "systemd-analyze")
	for _, name := range []string{"presenced.service", "presenced-maintain.service"} {
		out, err := exec.Command(analyze, "security", "--offline=true", "--threshold=20", name).CombinedOutput()
		if err != nil {
			t.Errorf("systemd-analyze security: %v\n%s", err, out)
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		t.Log(lines[len(lines)-1])
	}
}

func TestSysusersMakeUserAndGroup(t *testing.T) {
	sysusers := tool(t, "systemd-sysusers")
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(sysusers, "--root="+root, "-")
	cmd.Stdin = strings.NewReader(read(t, "presenced.sysusers"))
	if out, err := cmd.CombinedOutput(); err != nil {
		if os.Geteuid() != 0 {
			t.Skipf("SKIPPED, systemd-sysusers is for root: %s", out)
		}
		t.Fatalf("systemd-sysusers: %v\n%s", err, out)
	}
	for _, file := range []string{"passwd", "group"} {
		text, err := os.ReadFile(filepath.Join(root, "etc", file))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "presenced:") {
			t.Errorf("etc/%s has no presenced:\n%s", file, text)
		}
	}
}

// TestServiceRunsServe: the program, its verbs and the directories are those
// of the configuration's defaults.
func TestServiceRunsServe(t *testing.T) {
	service := parse(t, "presenced.service")
	want := map[string][]string{
		"Service.ExecStart":                {program + " serve -c /etc/presenced/presenced.toml"},
		"Service.ExecReload":               {program + " reload -c /etc/presenced/presenced.toml"},
		"Service.Type":                     {"notify"},
		"Service.User":                     {"presenced"},
		"Service.StateDirectory":           {"presenced"}, // store.path is /var/lib/presenced/presenced.db
		"Service.StateDirectoryMode":       {"0700"},
		"Service.RuntimeDirectory":         {"presenced"}, // control.socket is /run/presenced/presenced.sock
		"Service.RuntimeDirectoryMode":     {"0750"},
		"Service.RestartPreventExitStatus": {"2"},                              // what serve ends with when the configuration is wrong
		"Service.LoadCredential":           {"secrets:/etc/presenced/secrets"}, // configs.Secrets
		"Unit.StartLimitIntervalSec":       {"0"},
		"Unit.Requires":                    {"presenced.socket"},
	}
	for key, values := range want {
		if !slices.Equal(service[key], values) {
			t.Errorf("presenced.service: %s = %q, want %q", key, service[key], values)
		}
	}
	// Else a panic ends with status 2 too, and is not restarted after.
	if !slices.Contains(service["Service.Environment"], "GOTRACEBACK=crash") || !slices.Equal(service["Service.LimitCORE"], []string{"0"}) {
		t.Error("presenced.service: a crash does not end by a signal, or leaves secrets in a file")
	}
	if service["Service.ProcSubset"] != nil {
		t.Error("presenced.service: ProcSubset hides /proc/net, and with it the count of dropped packets")
	}
	for key := range service {
		if strings.HasPrefix(key, "Service.Exec") && key != "Service.ExecPaths" {
			verb, ok := strings.CutPrefix(service[key][0], program+" ")
			if ok && key != "Service.ExecReload" && !strings.HasPrefix(verb, "serve ") {
				t.Errorf("presenced.service: %s runs the verb %q", key, verb)
			}
		}
	}
}

// TestSocketTakesBothProtocolsAndABurst: what the daemon does not set itself
// when systemd hands it the socket.
func TestSocketTakesBothProtocolsAndABurst(t *testing.T) {
	socket := parse(t, "presenced.socket")
	want := map[string][]string{
		"Socket.ListenDatagram":     {"1813"},
		"Socket.BindIPv6Only":       {"both"},
		"Socket.ReceiveBuffer":      {"8M"},
		"Socket.FileDescriptorName": {"radius"},
	}
	for key, values := range want {
		if !slices.Equal(socket[key], values) {
			t.Errorf("presenced.socket: %s = %q, want %q", key, socket[key], values)
		}
	}
	// A restart must neither close the socket nor throw away what waits in it.
	for _, key := range []string{"Socket.FlushPending", "Unit.PartOf", "Unit.BindsTo"} {
		if v := socket[key]; v != nil {
			t.Errorf("presenced.socket: %s = %q", key, v)
		}
	}
}

// TestRadsecSocketIsTheServices: which takes it up by its own name, and has as
// many descriptors as there may be connections.
func TestRadsecSocketIsTheServices(t *testing.T) {
	socket, service := parse(t, "presenced-radsec.socket"), parse(t, "presenced.service")
	for key, values := range map[string][]string{
		"Socket.ListenStream":       {"2083"},
		"Socket.BindIPv6Only":       {"both"},
		"Socket.FileDescriptorName": {"radsec"},
		"Socket.Service":            {"presenced.service"},
		"Socket.Accept":             nil,
	} {
		if !slices.Equal(socket[key], values) {
			t.Errorf("presenced-radsec.socket: %s = %q, want %q", key, socket[key], values)
		}
	}
	if !slices.Equal(service["Service.LimitNOFILE"], []string{"16384"}) {
		t.Errorf("presenced.service: LimitNOFILE = %q", service["Service.LimitNOFILE"])
	}
	for _, key := range []string{"Unit.Requires", "Unit.Wants", "Service.Sockets"} { // it is there for who wants it
		if v := service[key]; slices.ContainsFunc(v, func(s string) bool { return strings.Contains(s, "radsec") }) {
			t.Errorf("presenced.service: %s = %q", key, v)
		}
	}
}

// TestEveryHardeningLineIsExplained: a group of settings starts with a comment.
func TestEveryHardeningLineIsExplained(t *testing.T) {
	explained := false
	for i, line := range strings.Split(read(t, "presenced.service"), "\n") {
		switch {
		case strings.HasPrefix(line, "#"):
			explained = true
		case line == "":
			explained = false
		case strings.HasPrefix(line, "["):
			explained = line != "[Service]" // what stands under the other two explains itself
		case !explained:
			t.Errorf("presenced.service:%d: %s: no comment above its group", i+1, line)
		}
	}
}

// parse returns the unit's values by "Section.Option", in order.
func parse(t *testing.T, name string) map[string][]string {
	t.Helper()
	options, err := unit.DeserializeOptions(strings.NewReader(read(t, name)))
	if err != nil {
		t.Fatalf("parse %s: %v", name, err)
	}
	values := make(map[string][]string)
	for _, o := range options {
		key := o.Section + "." + o.Name
		values[key] = append(values[key], o.Value)
	}
	return values
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("SKIPPED, the units are not verified: %v", err)
	}
	return path
}
