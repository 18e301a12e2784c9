package packages

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestVersionsSortAsTheyFollow: what is built later is an upgrade, for both
// managers.
func TestVersionsSortAsTheyFollow(t *testing.T) {
	script, err := filepath.Abs("version.sh")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	in := func(name string, args ...string) string {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %q: %v\n%s", name, args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	if _, err := exec.LookPath("git"); err != nil {
		t.Skipf("SKIPPED, versions are not told: %v", err)
	}
	in("git", "init", "-q")
	var versions []string
	for _, tag := range []string{"", "v1.2.3-rc1", "", "v1.2.3", "", "", "v1.2.4", "v1.10.0"} {
		in("git", "commit", "-q", "--allow-empty", "-m", "a change")
		if tag != "" {
			in("git", "tag", tag)
		}
		versions = append(versions, in(script))
	}
	told := regexp.MustCompile(`g[0-9a-f]{7,}`).ReplaceAllString(strings.Join(versions, " "), "gX")
	if told != "0.0.0+1.gX 1.2.3~rc1 1.2.3~rc1+1.gX 1.2.3 1.2.3+1.gX 1.2.3+2.gX 1.2.4 1.10.0" {
		t.Errorf("versions are %s", told)
	}
	for i, is := range versions[1:] {
		was := versions[i]
		run(t, "dpkg", "--compare-versions", was, "lt", is)
		if order := run(t, "rpm", "--eval", "%{lua:print(rpm.vercmp('"+was+"', '"+is+"'))}"); strings.TrimSpace(order) != "-1" {
			t.Errorf("RPM does not upgrade %s to %s", was, is)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	in("git", "add", "file")
	if is := in(script); is != "1.10.0.changed" {
		t.Errorf("with a change that is not committed the version is %s", is)
	}
}
