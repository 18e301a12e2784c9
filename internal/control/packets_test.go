package control

import (
	"strings"
	"testing"
	"time"
)

// TestFiveTicks of a client: what is right, what is not, and what is not known yet.
func TestFiveTicks(t *testing.T) {
	now := time.Now()
	well := Client{Name: "wlc", Address: "10.20.0.5", LastHeard: Time{now.Add(-3 * time.Second)}, Requests: 100, Responses: 98, Named: 90, Anonymous: 2}
	regular := []Session{{Interim: Duration(10 * time.Minute)}, {}}
	for name, c := range map[string]struct {
		change   func(*Client)
		sessions []Session
		up       time.Duration
		want     string // + right, - wrong, ? not known
	}{
		"well":             {func(*Client) {}, regular, time.Hour, "+++++"},
		"never heard":      {func(c *Client) { *c = Client{Address: c.Address} }, nil, time.Hour, "-????"},
		"a wrong secret":   {func(c *Client) { c.Responses, c.Named, c.Anonymous, c.BadSecrets = 0, 0, 0, 100; c.Rate.BadSecrets = 3 }, nil, time.Hour, "+-???"},
		"one of two wrong": {func(c *Client) { c.BadSecrets, c.Rate.BadSecrets = 9, 2 }, regular, time.Hour, "+-+++"},
		"anonymous":        {func(c *Client) { c.Named, c.Anonymous = 2, 90 }, regular, time.Hour, "++-++"},
		"no interims yet":  {func(*Client) {}, regular[1:], time.Minute, "+++?+"},
		"no interims":      {func(*Client) {}, regular[1:], time.Hour, "+++-+"},
		"a clock off":      {func(c *Client) { c.Skew = Duration(-3 * time.Minute) }, regular, time.Hour, "++++-"},
		"a clock not set":  {func(c *Client) { c.BadStamps = 5 }, regular, time.Hour, "++++-"},
	} {
		client := well
		c.change(&client)
		s := Status{Started: Time{now.Add(-c.up)}}
		got := ""
		for _, tick := range s.Ticks(&client, c.sessions, now) {
			switch {
			case tick.Open:
				got += "?"
			case tick.Is:
				got += "+"
			default:
				got += "-"
			}
			if tick.Text == "" || strings.Contains(tick.Text, "%!") {
				t.Errorf("%s: %s says %q", name, tick.What, tick.Text)
			}
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestWhatIsRedactedTellsNobody: neither who it is nor which device.
func TestWhatIsRedactedTellsNobody(t *testing.T) {
	for text, want := range map[string]string{"ann@example.com": "a…@example.com", "渡辺@example.com": "渡…@example.com", "ann": "", "@example.com": "", "": ""} {
		if got := Redacted(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]string{"02:11:22:33:44:55": "02:11:22:…", "session 1 of NAS 00": "", "": ""} {
		if got := RedactedDevice(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
