package configs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWarnings(t *testing.T) {
	dir := t.TempDir()
	for name, secret := range map[string]string{"open": "secret", "token": "0123456789abcdef"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(secret), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct{ text, warning string }{
		{smallest + "[presence]\nlinger = \"30s\"", "presence.linger: 30s is shorter"},
		{smallest + "[presence]\nlunch_linger = \"30m\"", "presence.lunch_linger: 30m is shorter than linger"},
		{strings.Replace(smallest, "10.20.0.1", "0.0.0.0/0", 1), `client "wlc": 0.0.0.0/0 is everybody`},
		{smallest + "[[site]]\nname = \"barn\"", `site "barn": nothing leads to it`},
		{smallest + "[control]\nhttp = \":9813\"\ntoken = \"0123456789abcdef\"", "control.http: to :9813 the token and who is here travel in the clear"},
		{smallest + "[control]\ntoken_file = \"token\"", "everybody may read the secret in " + filepath.Join(dir, "token")},
		{withKadence + `api_url = "http://api.example.com"`, "kadence: to api.example.com the secret"},
		{strings.Replace(smallest, `secret = "testing123"`, `secret_file = "open"`, 1), "everybody may read the secret in " + filepath.Join(dir, "open")},
	} {
		c, err := Parse("presenced.toml", []byte(strings.Replace(test.text, `site = ""`, "", 1)), dir)
		if err != nil {
			t.Errorf("%s: %v", test.warning, err)
			continue
		}
		if len(c.Warnings) == 0 || !strings.HasPrefix(c.Warnings[len(c.Warnings)-1], "presenced.toml: "+test.warning) {
			t.Errorf("the warnings are %q, want %q", c.Warnings, test.warning)
		}
	}
}

func TestHostAskedInTheClearIsWarnedOfOnce(t *testing.T) {
	c := parseText(t, withKadence+"api_url = \"http://k.example.com\"\nauth_url = \"http://k.example.com\"")
	if len(c.Warnings) != 1 {
		t.Errorf("the warnings are %q", c.Warnings)
	}
}

func TestLoadWarnsOfSecretsThatEverybodyMayRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "presenced.toml")
	for _, test := range []struct {
		mode     os.FileMode
		text     string
		warnings int
	}{
		{0o644, smallest, 1},
		{0o640, smallest, 0},
		{0o644, strings.Replace(smallest, `secret = "testing123"`, `secret_file = "/dev/null/../secret"`, 1), 0},
	} {
		text := test.text
		if strings.Contains(text, "secret_file") {
			secret := filepath.Join(t.TempDir(), "secret")
			if err := os.WriteFile(secret, []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
			text = strings.Replace(text, "/dev/null/../secret", secret, 1)
		}
		if err := os.WriteFile(file, []byte(text), test.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, test.mode); err != nil {
			t.Fatal(err)
		}
		c, err := Load(file)
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Warnings) != test.warnings || c.Path != file {
			t.Errorf("%v: %s warns %q", test.mode, c.Path, c.Warnings)
		}
	}
}
