package main

import (
	"context"
	"fmt"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"
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
func (d *Daemon) turning(lately time.Duration) bool {
	return time.Since(d.Tracker.Ticked()) < lately && time.Since(d.Radius.Alive()) < lately
}

// summary is the line that `systemctl status` shows.
func (d *Daemon) summary() string {
	state := "recording"
	if !d.Tracker.Healthy() {
		state = "not recording: the store fails"
	}
	if h := d.Courier.Health(); h.Error != "" {
		state += "; the desk does not answer"
	}
	return fmt.Sprintf("STATUS=%s; %d NASes heard", state, len(d.Tracker.NASes()))
}

func (d *Daemon) say(state string) {
	if _, err := sd.SdNotify(false, state); err != nil {
		d.Log.WithError(err).Debug("tell systemd")
	}
}
