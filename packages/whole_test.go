//go:build whole

package packages

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/presenced/presenced/internal/rigs/lab"
)

// wants skips the test where one of the programs is missing.
func wants(t *testing.T, programs ...string) {
	t.Helper()
	for _, name := range programs {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("SKIPPED, what is released is not run: %v", err)
		}
	}
}

// TestForeignProgramPlaysTheDemo: the program for arm64 has its day in an
// office, with every booking as it should be.
func TestForeignProgramPlaysTheDemo(t *testing.T) {
	wants(t, "qemu-aarch64-static")
	t.Parallel()
	files := archive(t, unzip(t, open(t, one(t, folder(t, first), "*-linux-arm64.tar.gz"))))
	program := filepath.Join(t.TempDir(), "presenced")
	if err := os.WriteFile(program, files["presenced-1.0.0-linux-arm64/presenced"].text, 0o755); err != nil {
		t.Fatal(err)
	}
	told := run(t, "qemu-aarch64-static", program, "demo")
	verdicts := strings.Count(told, "as it should be")
	t.Logf("%d bookings are as they should be", verdicts)
	if verdicts == 0 || strings.Contains(told, "NOT ") {
		t.Errorf("the demo says:\n%s", told)
	}
}

// container is the image as runc runs it, with the lab's configuration.
type container struct {
	t                    *testing.T
	l                    *lab.Lab
	state, bundle, named string
	cmd                  *exec.Cmd
	said                 bytes.Buffer
}

// unpack makes a bundle of the image, which is named as skopeo does, with other
// people's tools, and closes it as docs/containers.md says: no capability,
// nothing to write to but the volume and a folder of memory, a network of its own.
func unpack(t *testing.T, l *lab.Lab, netns, image string) *container {
	t.Helper()
	wants(t, "runc", "skopeo", "umoci")
	dir := t.TempDir()
	for path, text := range map[string]string{
		"etc/presenced.toml": config(l),
		"secrets/hq-wlc":     lab.Secret + "\n",
		"secrets/kadence":    "none\n",
	} {
		path = filepath.Join(dir, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	volume := filepath.Join(dir, "volume")
	if err := os.Mkdir(volume, 0o700); err != nil {
		t.Fatal(err)
	}
	run(t, "chown", "-R", "10001:10001", volume, dir+"/secrets")
	run(t, "chmod", "0400", dir+"/secrets/hq-wlc", dir+"/secrets/kadence")
	run(t, "skopeo", "copy", "--quiet", "--insecure-policy", "--override-arch", runtime.GOARCH, image, "oci:"+dir+"/image:one")
	run(t, "umoci", "unpack", "--image", dir+"/image:one", dir+"/bundle")
	var config map[string]any
	text, err := os.ReadFile(dir + "/bundle/config.json")
	if err != nil {
		t.Fatal(err)
	}
	decode(t, text, &config)
	process := config["process"].(map[string]any)
	process["terminal"] = false
	process["noNewPrivileges"] = true
	process["capabilities"] = map[string]any{}
	config["root"].(map[string]any)["readonly"] = true
	bind := func(from, to, mode string) any {
		return map[string]any{"type": "bind", "source": from, "destination": to, "options": []string{"rbind", mode, "nosuid", "nodev"}}
	}
	mounts := slices.DeleteFunc(config["mounts"].([]any), func(m any) bool {
		return m.(map[string]any)["destination"] == "/var/lib/presenced" // the volume that the image asks for
	})
	config["mounts"] = append(mounts, bind(volume, "/var/lib/presenced", "rw"), bind(dir+"/etc", "/etc/presenced", "ro"), bind(dir+"/secrets", "/run/secrets", "ro"),
		map[string]any{"type": "tmpfs", "source": "tmpfs", "destination": "/run/presenced", "options": []string{"nosuid", "nodev", "noexec", "mode=1777"}})
	for _, n := range config["linux"].(map[string]any)["namespaces"].([]any) {
		if n := n.(map[string]any); n["type"] == "network" {
			n["path"] = "/run/netns/" + netns
		}
	}
	text, err = json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/bundle/config.json", text, 0o600); err != nil {
		t.Fatal(err)
	}
	return &container{t: t, l: l, state: dir + "/state", bundle: dir + "/bundle", named: "presenced-" + netns}
}

func (c *container) runc(args ...string) *exec.Cmd {
	return exec.Command("runc", append([]string{"--root", c.state}, args...)...)
}

// start runs the container, with the sockets that are handed over as systemd
// does it, and waits until it is well.
func (c *container) start(sockets ...*os.File) {
	c.t.Helper()
	c.said.Reset()
	c.cmd = c.runc("run", "--bundle", c.bundle, c.named)
	if len(sockets) > 0 {
		c.cmd = exec.Command("sh", append([]string{"-c", `LISTEN_PID=$$ exec "$@"`, "sh"}, c.cmd.Args...)...)
		c.cmd.Env = append(os.Environ(), fmt.Sprintf("LISTEN_FDS=%d", len(sockets)))
		c.cmd.ExtraFiles = sockets
	}
	c.cmd.Stdout, c.cmd.Stderr = &c.said, &c.said
	if err := c.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		c.runc("delete", "--force", c.named).Run()
		c.cmd.Wait()
		if c.t.Failed() {
			c.t.Logf("----- the container said:\n%s", c.said.String())
		}
	})
	c.l.Eventually("the container is well", func() bool {
		status, _ := c.exec("status", "--quiet")
		return status == 0
	})
}

// exec runs the program once more in the container and returns its exit status
// and what it prints.
func (c *container) exec(args ...string) (int, string) {
	cmd := c.runc(append([]string{"exec", c.named, "/usr/bin/presenced"}, args...)...)
	out, _ := cmd.CombinedOutput()
	return cmd.ProcessState.ExitCode(), string(out)
}

// stop ends the container as every runtime does, and returns the status that
// the program ended with.
func (c *container) stop() int {
	c.t.Helper()
	if out, err := c.runc("kill", c.named, "TERM").CombinedOutput(); err != nil {
		c.t.Fatalf("%v: %s", err, out)
	}
	const grace = 10 * time.Second // Docker's and Podman's
	killed := time.AfterFunc(grace, func() { c.runc("kill", c.named, "KILL").Run() })
	c.cmd.Wait()
	if !killed.Stop() {
		c.t.Errorf("it did not end in %v:\n%s", grace, c.said.String())
	}
	return c.cmd.ProcessState.ExitCode()
}

// TestImageIsRun by runc, closed: it answers, knows itself that it is well, ends
// on SIGTERM in time, and finds again what it recorded.
func TestImageIsRun(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	netns, addr := l.Network()
	c := unpack(t, l, netns, "oci-archive:"+one(t, folder(t, first), "*-oci.tar")+":1.0.0")
	for i, user := range []string{"ann", "bob"} { // the second time it has run before
		c.start()
		if err := ask(addr, user, i); err != nil {
			t.Fatalf("%s: %v", user, err)
		}
		_, people := c.exec("people", "--json")
		if n := strings.Count(people, `"user"`); n != i+1 || !strings.Contains(people, "ann@example.com") {
			t.Errorf("%d people are known in run %d:\n%s", n, i+1, people)
		}
		state, err := c.runc("state", c.named).Output()
		if err != nil {
			t.Fatal(err)
		}
		var is struct{ PID int }
		decode(t, state, &is)
		status := run(t, "cat", fmt.Sprintf("/proc/%d/status", is.PID))
		for _, want := range []string{"Uid:\t10001\t10001", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1"} {
			if !strings.Contains(status, want) {
				t.Errorf("it does not run with %s:\n%s", want, status)
			}
		}
		if err := os.WriteFile(fmt.Sprintf("/proc/%d/root/usr/bin/other", is.PID), nil, 0o600); err == nil || !strings.Contains(err.Error(), syscall.EROFS.Error()) {
			t.Errorf("its files can be written: %v", err)
		}
		if status := c.stop(); status != 0 {
			t.Errorf("SIGTERM ends it with status %d:\n%s", status, c.said.String())
		}
	}
	if status, _ := c.exec("status", "--quiet"); status == 0 {
		t.Error("it is well after its end")
	}
}

// TestContainerKeepsThePortOpen that it was handed: what arrives while it is
// replaced waits in the socket, and comes from who sent it, though the
// container's network leads nowhere. The test holds the socket, as systemd does.
func TestContainerKeepsThePortOpen(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	netns, _ := l.Network()
	run(t, "ip", "-n", netns, "link", "set", "eth0", "down")
	c := unpack(t, l, netns, "docker-archive:"+one(t, folder(t, first), "*-docker-"+runtime.GOARCH+".tar"))
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(l.Addr(), 1813)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	socket, err := conn.File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()

	c.start(socket)
	if err := ask(l.Addr(), "ann", 1); err != nil {
		t.Fatal(err)
	}
	c.stop()
	waits := make(chan error, 1)
	go func() { waits <- ask(l.Addr(), "ben", 2) }()
	select {
	case err := <-waits:
		t.Fatalf("somebody answers while the container is away: %v", err)
	case <-time.After(500 * time.Millisecond):
	}
	c.start(socket)
	if err := <-waits; err != nil {
		t.Errorf("what arrived while the container was away is not answered: %v", err)
	}
	if status := c.stop(); status != 0 {
		t.Errorf("SIGTERM ends it with status %d", status)
	}
}

// keyring makes a key for the signatures of repositories.
func keyring(t *testing.T) (home string) {
	t.Helper()
	home, err := os.MkdirTemp("", "gpg") // short, for the names of its sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run()
		os.RemoveAll(home)
	})
	run(t, "gpg", "--homedir", home, "--batch", "--quiet", "--passphrase", "", "--quick-generate-key", "presenced test", "rsa3072", "sign", "never")
	return home
}

// offered is a signed repository that is served over HTTP, and how packages are
// added to it.
func offered(t *testing.T, at netip.Addr) (url string, add func(t *testing.T, dist string)) {
	t.Helper()
	home, served := keyring(t), t.TempDir()
	listener, err := net.Listen("tcp", netip.AddrPortFrom(at, 0).String())
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.FileServer(http.Dir(served))}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	return "http://" + listener.Addr().String(), func(t *testing.T, dist string) {
		t.Helper()
		cmd := exec.Command("./repository.sh", dist, served, "presenced test")
		cmd.Env = append(os.Environ(), "GNUPGHOME="+home)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
}

// init adds the managers that take packages from a repository to those that
// TestInstalledUpgradedRemoved goes through.
func init() {
	apt := func(verb ...string) []string {
		return slices.Concat([]string{"apt-get", "--yes", "-o", "Dir::Etc::sourcelist=-", "-o", "Dir::Etc::sourceparts=/etc/apt/only",
			"-o", "DPkg::Options::=--no-triggers", "-o", "DPkg::Options::=--force-confold"}, verb)
	}
	managers["apt-get"] = manager{
		offers: func(t *testing.T, l *lab.Lab, m *machine) func(string) {
			wants(t, "reprepro", "gpg", "rpmsign", "createrepo_c")
			url, add := offered(t, l.Addr())
			return func(dist string) {
				add(t, dist)
				m.must("mkdir", "-p", "/etc/apt/only")
				m.must("/usr/lib/apt/apt-helper", "download-file", url+"/apt/presenced.asc", "/etc/apt/only/key.asc")
				m.edit("/etc/apt/only/only.sources", "Types: deb\nURIs: "+url+"/apt\nSuites: stable\nComponents: main\nSigned-By: /etc/apt/only/key.asc\n")
				m.must(apt("update")...)
			}
		},
		install: apt("install", "presenced"),
		upgrade: apt("upgrade"),
		remove:  apt("remove", "presenced"),
		purge:   apt("purge", "presenced"),
		keeps:   managers["dpkg"].keeps,
		newer:   managers["dpkg"].newer,
	}
	dnf := func(verb ...string) []string {
		return slices.Concat([]string{"dnf", "--assumeyes", "--setopt=reposdir=/etc/only"}, verb)
	}
	managers["dnf"] = manager{
		offers: func(t *testing.T, l *lab.Lab, m *machine) func(string) {
			wants(t, "reprepro", "gpg", "rpmsign", "createrepo_c")
			url, add := offered(t, l.Addr())
			// RPM's database knows nothing that Debian has installed: it is told by a package of the test's own.
			had := filepath.Join(t.TempDir(), "had.yaml")
			if err := os.WriteFile(had, []byte(`{name: debian, arch: all, version: 1.0.0, maintainer: the test, description: what Debian has,
				provides: ["systemd = 252", ca-certificates, /bin/sh, "config(presenced)"]}`), 0o600); err != nil {
				t.Fatal(err)
			}
			run(t, "go", "tool", "-modfile=../tools.mod", "nfpm", "package", "--config", had, "--packager", "rpm", "--target", filepath.Dir(had)+"/had.rpm")
			m.put(filepath.Dir(had)+"/had.rpm", "/tmp/had.rpm")
			m.must(slices.Concat(rpm, []string{"--upgrade", "/tmp/had.rpm"})...)
			return func(dist string) {
				add(t, dist)
				m.must("mkdir", "-p", "/etc/only")
				m.edit("/etc/only/presenced.repo", "[presenced]\nname=presenced\nbaseurl="+url+"/rpm\ngpgcheck=1\nrepo_gpgcheck=1\ngpgkey="+url+"/rpm/presenced.asc\n")
				m.must(dnf("makecache", "--refresh")...)
			}
		},
		install: dnf("install", "presenced"),
		upgrade: dnf("upgrade", "presenced"),
		remove:  dnf("remove", "presenced"),
		keeps:   managers["rpm"].keeps,
		newer:   managers["rpm"].newer,
	}
}

// TestAnsibleRole: the recipe installs, configures and starts presenced on this
// very machine, changes nothing the second time, takes a change by a reload,
// and refuses a wrong configuration.
func TestAnsibleRole(t *testing.T) {
	wants(t, "ansible-playbook")
	t.Parallel()
	l := lab.New(t)
	m := &machine{t: t, Systemd: l.BareSystemd()}
	m.put(one(t, folder(t, first), "*_"+runtime.GOARCH+".deb"), "/tmp/presenced.deb")
	recipe := new(bytes.Buffer)
	w := tar.NewWriter(recipe)
	if err := errors.Join(w.AddFS(os.DirFS("../configs/ansible")), w.Close()); err != nil {
		t.Fatal(err)
	}
	m.write("/tmp/ansible.tar", recipe) // the sources may be in a folder that the machine does not see
	m.must("tar", "--directory", "/tmp", "--no-same-owner", "--extract", "--file", "/tmp/ansible.tar")
	play := func(config string) (string, error) {
		vars, err := json.Marshal(map[string]any{
			"presenced_package":          "/tmp/presenced.deb",
			"presenced_config":           config,
			"presenced_secrets":          map[string]string{"hq-wlc": lab.Secret, "kadence": "none", "branch-wlc": "a third"},
			"ansible_python_interpreter": "/usr/bin/python3",
		})
		if err != nil {
			t.Fatal(err)
		}
		m.write("/tmp/vars.json", bytes.NewReader(vars))
		out, err := m.Command("env", "ANSIBLE_LOCALHOST_WARNING=no", "LC_ALL=C.UTF-8", "ansible-playbook", "--connection", "local", "--inventory", "this,",
			"--extra-vars", "@/tmp/vars.json", "/tmp/site.yml").CombinedOutput()
		return string(out), err
	}
	is := config(l)
	said, err := play(is)
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	if err := ask(m.Addr(), "ann", 1); err != nil {
		t.Fatal(err)
	}
	m.units("active", "enabled")
	m.mode("/etc/presenced/presenced.toml", "640 root:presenced")
	m.mode("/etc/presenced/secrets/branch-wlc", "600 root:root")
	if said, err := play(is); err != nil || !strings.Contains(said, "changed=0 ") {
		t.Errorf("the second time: %v\n%s", err, said)
	}
	pid := m.must("systemctl", "show", "-P", "MainPID", "presenced.service")
	if said, err := play(is + "\n[presence]\nlinger = \"30m\"\n"); err != nil {
		t.Errorf("with a change: %v\n%s", err, said)
	}
	if m.must("systemctl", "show", "-P", "MainPID", "presenced.service") != pid {
		t.Error("a changed configuration restarts the service")
	}
	if said, err := play(is + "\n[presence]\nlingr = \"30m\"\n"); err == nil || !strings.Contains(said, "unknown key") {
		t.Errorf("a wrong configuration: %v\n%s", err, said)
	}
	if said := m.must("cat", "/etc/presenced/presenced.toml"); strings.Contains(said, "lingr") {
		t.Error("a wrong configuration is put in place")
	}
}

// TestReleaseIsSignedByTheKeyThatIsGiven, and what was changed since is not.
func TestReleaseIsSignedByTheKeyThatIsGiven(t *testing.T) {
	wants(t, "minisign")
	dir := t.TempDir()
	key := filepath.Join(dir, "presenced.key")
	run(t, "minisign", "-G", "-W", "-p", filepath.Join(dir, "presenced.pub"), "-s", key)
	if err := os.CopyFS(filepath.Join(dir, "dist"), os.DirFS(folder(t, first))); err != nil {
		t.Fatal(err)
	}
	sign := func(key string) (string, error) {
		cmd := exec.Command("./sign.sh", filepath.Join(dir, "dist"))
		cmd.Env = append(os.Environ(), "MINISIGN_KEY="+key)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if said, err := sign("doc.go"); err == nil || !strings.Contains(said, "among the sources") {
		t.Errorf("with a key that whoever has the sources has: %v: %s", err, said)
	}
	if said, err := sign(key); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	sums := filepath.Join(dir, "dist/SHA256SUMS")
	verify := func() (string, error) {
		out, err := exec.Command("minisign", "-V", "-p", filepath.Join(dir, "presenced.pub"), "-m", sums).CombinedOutput()
		return string(out), err
	}
	if said, err := verify(); err != nil || !strings.Contains(said, "presenced 1.0.0") {
		t.Errorf("%v: %s", err, said)
	}
	f, err := os.OpenFile(sums, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(f, "and another")
	f.Close()
	if said, err := verify(); err == nil {
		t.Errorf("what was changed is verified: %s", said)
	}
	if said, err := sign(""); err != nil || !strings.Contains(said, "UNSIGNED") {
		t.Errorf("without a key: %v: %s", err, said)
	}
	one(t, dir, "dist/UNSIGNED")
	if old, _ := filepath.Glob(sums + ".minisig"); old != nil {
		t.Error("an older signature is left")
	}
}

// TestAuditFindsWhatIsKnown of what presenced calls, in a database as Go's is;
// and neither takes an empty one for good news nor none at all.
func TestAuditFindsWhatIsKnown(t *testing.T) {
	wants(t, "curl")
	audit := func(database string) (string, error) {
		cmd := exec.Command("./audit.sh")
		cmd.Env = append(os.Environ(), "GOVULNDB="+database)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	database := t.TempDir()
	file := func(name, text string) {
		path := filepath.Join(database, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if said, err := audit("file://" + database); err != nil || !strings.Contains(said, "SKIPPED") {
		t.Errorf("without a database: %v\n%s", err, said)
	}
	const day = "2026-01-01T00:00:00Z"
	file("index/db.json", `{"modified":"`+day+`"}`)
	file("index/vulns.json", `[]`)
	file("index/modules.json", `[]`)
	if said, err := audit("file://" + database); err == nil {
		t.Errorf("with a database that knows nothing:\n%s", said)
	}
	file("index/modules.json", `[{"path":"go.etcd.io/bbolt","vulns":[{"id":"GO-2026-0001","modified":"`+day+`","fixed":"99.0.0"}]},{"path":"stdlib","vulns":[]}]`)
	file("index/vulns.json", `[{"id":"GO-2026-0001","modified":"`+day+`"}]`)
	file("ID/GO-2026-0001.json", `{"schema_version":"1.3.1","id":"GO-2026-0001","modified":"`+day+`","published":"`+day+`","summary":"made up","details":"made up",
		"affected":[{"package":{"name":"go.etcd.io/bbolt","ecosystem":"Go"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"99.0.0"}]}],
		"ecosystem_specific":{"imports":[{"path":"go.etcd.io/bbolt","symbols":["Open"]}]}}],"database_specific":{"url":"https://example.com"}}`)
	if said, err := audit("file://" + database); err == nil || !strings.Contains(said, "GO-2026-0001") {
		t.Errorf("with a vulnerability of what it calls: %v\n%s", err, said)
	}
}
