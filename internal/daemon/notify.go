package daemon

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"

	sd "github.com/coreos/go-systemd/v22/daemon"

	"github.com/presenced/presenced/internal/control"
)

// notify tells systemd that the daemon is ready, and as long as the loops
// turn that it is alive, until ctx ends. Without systemd it tells nobody.
func (d *Daemon) notify(ctx context.Context) error {
	interval, err := sd.SdWatchdogEnabled(false)
	if err != nil {
		d.Log.WithError(err).Warn("there is no watchdog")
	}
	d.say(sd.SdNotifyReady + "\n" + d.summary())
	defer d.say(sd.SdNotifyStopping)
	look := statusEvery
	if interval > 0 {
		look = min(look, interval/3)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(look):
		}
		state := d.summary()
		if interval > 0 && d.turning(interval/2) {
			state += "\n" + sd.SdNotifyWatchdog
		}
		d.say(state)
	}
}

// statusEvery is how often systemd is told how things are.
const statusEvery = 30 * time.Second

// turning reports whether every loop has turned lately.
func (d *Daemon) turning(lately time.Duration) bool { return time.Since(d.turned()) < lately }

// summary is the line that `systemctl status` shows: the worst that is amiss,
// and how much more there is.
func (d *Daemon) summary() string {
	state, troubles := "recording", d.troubles()
	if len(troubles) > 0 {
		worst := strings.Map(onOneLine, troubles[0].Text(time.Now()))
		if state += "; " + worst; troubles[0].Grade == control.Down {
			state = worst
		}
	}
	if more := len(troubles) - 1; more > 0 {
		state += fmt.Sprintf("; %d more (presenced status)", more)
	}
	return fmt.Sprintf("STATUS=%s; %d NASes heard", state, d.Tracker.CountNASes())
}

// onOneLine is r, or a mark in the place of what would end the line or move a
// terminal's cursor.
func onOneLine(r rune) rune {
	if !unicode.IsGraphic(r) {
		return unicode.ReplacementChar
	}
	return r
}

func (d *Daemon) say(state string) {
	if _, err := sd.SdNotify(false, state); err != nil {
		d.Log.WithError(err).Debug("tell systemd")
	}
}
