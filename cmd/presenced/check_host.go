package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/internal/daemon"
	"github.com/presenced/presenced/internal/terminal"
	"github.com/presenced/presenced/radiusacct"
	"github.com/presenced/presenced/store"
)

// tryFiles looks at who may read the configuration and its files.
func tryFiles(cfg *configs.Config) []trial {
	for _, name := range cfg.Files() {
		if _, err := os.Stat(name); err != nil {
			return []trial{{wrong, "files", err.Error(), "put it back"}}
		}
	}
	all := []trial{{good, "files", terminal.Count(len(cfg.Files()), "file") + " read", ""}}
	for _, warning := range cfg.Warnings {
		all = append(all, trial{doubtful, "configuration", warning, ""})
	}
	return all
}

// tryHost tries what the daemon needs of this host, or asks it whether it has
// that. A daemon that starts meanwhile may hold what could not be had: it is asked.
func tryHost(ctx context.Context, cfg *configs.Config, ask func(context.Context) (control.Status, error)) []trial {
	s, err := ask(ctx)
	all := tryHostOf(ctx, cfg, s, err)
	if errors.Is(err, control.ErrNotRunning) && slices.ContainsFunc(all, func(t trial) bool { return t.verdict == wrong }) {
		if s, err = ask(ctx); err == nil {
			return tryHostOf(ctx, cfg, s, nil)
		}
	}
	return all
}

// tryHostOf is tryHost, of a daemon that has answered s, or err.
func tryHostOf(ctx context.Context, cfg *configs.Config, s control.Status, err error) (all []trial) {
	var daemon *control.Status
	switch {
	case errors.Is(err, control.ErrNotRunning):
		all = append(all, trial{noted, "daemon", "not running", ""}, trySocketFolder(cfg.Control.Socket))
	case err != nil: // it runs, and has what it does not tell us
		return append(all, trial{wrong, "daemon", err.Error(), ""}, tryBuffer())
	case !s.Ready:
		daemon = &s
		for _, t := range s.Troubles {
			if remedy := t.Remedy; t.Grade == control.Down {
				t.Remedy = ""
				all = append(all, trial{wrong, "daemon", fmt.Sprintf("runs, pid %d: %s", s.PID, t.Text(time.Now())), remedy})
			}
		}
	default:
		daemon = &s
		all = append(all, trial{good, "daemon", fmt.Sprintf("runs, pid %d, version %s", s.PID, s.Version), ""})
	}
	if cfg.Store.Etcd != nil {
		all = append(all, tryShared(ctx, cfg)...)
	} else {
		all = append(all, tryStore(cfg.Store.Path, daemon))
	}
	return append(append(all, tryListening(ctx, cfg, daemon)...), tryBuffer())
}

// trySocketFolder looks at whether the daemon could make its socket.
func trySocketFolder(socket string) trial {
	dir := filepath.Dir(socket)
	err := unix.Access(dir, unix.W_OK)
	switch {
	case errors.Is(err, syscall.ENOENT) && dir == filepath.Dir(configs.DefaultSocket):
		return trial{noted, "control socket", "there is no " + dir + " yet: systemd makes it when the service starts", ""}
	case errors.Is(err, syscall.ENOENT):
		return trial{wrong, "control socket", "there is no folder " + dir, "make it, for the user that the daemon runs as (systemd makes RuntimeDirectory=)"}
	case err != nil:
		return trial{doubtful, "control socket", fmt.Sprintf("this user may not make %s: %v", socket, err),
			"run this as the user that the daemon runs as, or as root"}
	}
	return trial{good, "control socket", "can be made at " + socket, ""}
}

// tryShared asks every member of etcd by itself, whether the daemon may use it, and who else
// is there.
func tryShared(ctx context.Context, cfg *configs.Config) (all []trial) {
	is, err := daemon.AskShared(ctx, cfg)
	if err != nil {
		return []trial{{wrong, "store", err.Error(), ""}}
	}
	for _, m := range is.Members {
		if m.Fault != "" {
			all = append(all, trial{wrong, "store", fmt.Sprintf("etcd member %s: %s", m.Endpoint, m.Fault), "docs/cluster.md says what a member needs"})
			continue
		}
		all = append(all, trial{good, "store", fmt.Sprintf("etcd member %s: %s", m.Endpoint, m.Text), ""})
		for _, d := range m.Doubts {
			all = append(all, trial{doubtful, "store", fmt.Sprintf("etcd member %s: %s", m.Endpoint, d.Text), d.Remedy})
		}
	}
	prefix := terminal.Printable(cfg.Store.Etcd.Prefix)
	if is.Barred != nil {
		return append(all, trial{wrong, "store", is.Barred.Error(), "give the user that is the certificate's common name a role that may read and write " + prefix})
	}
	all = append(all, trial{good, "store", "may be read and written under " + prefix, ""})
	return append(all, tryOthers(&is)...)
}

// tryOthers looks at the other daemons, and at this one beside them.
func tryOthers(is *daemon.Shared) (all []trial) {
	own := is.Daemons.Daemons[len(is.Daemons.Daemons)-1]
	for _, d := range is.Daemons.Daemons {
		if text := is.ClockDoubt(d.Name); text != "" {
			all = append(all, trial{doubtful, "daemons", d.Name + ": " + text, "have both hosts set their clocks by NTP (timedatectl says whether they do)"})
		}
		if d.Format-own.Format > 1 || own.Format-d.Format > 1 {
			all = append(all, trial{doubtful, "daemons", fmt.Sprintf("%s, version %s, writes formats up to %d, and this version, %s, up to %d", d.Name, d.Version, d.Format, own.Version, own.Format),
				"upgrade from one version to the next, all daemons each time"})
		}
		switch {
		case d.Name != is.Daemons.Name && len(d.Differs) > 0:
			all = append(all, trial{doubtful, "daemons", fmt.Sprintf("%s: %s", d.Name, d.Health()), "give every daemon the same"})
		case d.Name != is.Daemons.Name:
			all = append(all, trial{good, "daemons", fmt.Sprintf("%s, version %s, is there: %s", d.Name, d.Version, d.Health()), ""})
		case len(d.Differs) > 0:
			all = append(all, trial{doubtful, "daemons", "this configuration would not be that of the others: " + d.Health(), "give every daemon the same"})
		}
	}
	return all
}

// tryStore looks at whether the daemon has, or could have, the store.
func tryStore(path string, daemon *control.Status) trial {
	if daemon != nil {
		return trial{good, "store", fmt.Sprintf("%s, %s, in the daemon's hands", daemon.Store.Path, terminal.Size(daemon.Store.Size)), ""}
	}
	dir := filepath.Dir(path)
	const remedy = "run this as the user that the daemon runs as, or as root; its folder is to be that user's, with mode 0700"
	err := unix.Access(dir, unix.W_OK)
	switch {
	case errors.Is(err, syscall.ENOENT) && dir == filepath.Dir(configs.DefaultStore):
		return trial{noted, "store", "there is no " + dir + " yet: systemd makes it when the service starts", ""}
	case errors.Is(err, syscall.ENOENT):
		return trial{wrong, "store", "there is no folder " + dir, "make it, for the user that the daemon runs as (systemd does, by StateDirectory=)"}
	case err != nil:
		return trial{wrong, "store", fmt.Sprintf("write to %s: %v", dir, err), remedy}
	}
	s, err := store.OpenReadOnly(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if t := tryOwner(dir, servesAs); t.text != "" && path == configs.DefaultStore {
			return t
		}
		return trial{good, "store", path + " will be made at the first start", ""}
	case err != nil:
		return trial{wrong, "store", err.Error(), ""} // which says what helps
	}
	t := trial{good, "store", fmt.Sprintf("%s, %s, nobody has it open", path, terminal.Size(s.Stats().Size)), ""}
	if err := s.Close(); err != nil {
		return trial{wrong, "store", err.Error(), ""}
	}
	if owner := tryOwner(path, servesAs); owner.text != "" && path == configs.DefaultStore { // another is for another user, perhaps
		return owner
	}
	return t
}

// servesAs is the user that presenced.service runs as.
const servesAs = "presenced"

// tryOwner looks, for root, who may do everything, at whether the service may
// write too; it is empty if so. A copy that root has put back is root's.
func tryOwner(path, name string) (t trial) {
	account, err := user.Lookup(name)
	if err != nil || os.Geteuid() != 0 {
		return t // there is no such service here, or this user was tried
	}
	info, err := os.Stat(path)
	if err != nil {
		return trial{wrong, "store", err.Error(), ""}
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && strconv.FormatUint(uint64(owner.Uid), 10) != account.Uid {
		return trial{doubtful, "store", fmt.Sprintf("%s is not %s's, as whom the service runs", path, name), "chown " + name + ": " + path}
	}
	return t
}

// tryListening looks at whether the daemon has, or could have, its ports.
func tryListening(ctx context.Context, cfg *configs.Config, daemon *control.Status) (all []trial) {
	if daemon != nil {
		all = append(all, trial{good, "accounting", "the daemon listens on " + strings.Join(daemon.Listening, ", "), ""})
		if daemon.HTTP != "" {
			all = append(all, trial{good, "page", "the daemon shows it on " + daemon.HTTP, ""})
		}
		return all
	}
	for _, addr := range cfg.Radius.Listen {
		conn, err := radiusacct.Listen(ctx, addr)
		all = append(all, tryPort(ctx, "UDP "+addr, "presenced.socket", conn, err))
	}
	if cfg.Radsec != nil {
		for _, addr := range cfg.Radsec.Listen {
			l, err := radiusacct.ListenTLS(ctx, addr)
			all = append(all, tryPort(ctx, "TLS "+addr, "presenced-radsec.socket", l, err))
		}
	}
	if cfg.Control.HTTP == "" {
		return all
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Control.HTTP)
	if err != nil {
		return append(all, trial{wrong, "page", err.Error(), "stop who has it (ss -ltnp says who), or change [control] http"})
	}
	l.Close()
	return append(all, trial{good, "page", cfg.Control.HTTP + " is free", ""})
}

// tryPort judges the attempt to open a port, which systemd may hold by a unit.
func tryPort(ctx context.Context, port, unit string, opened io.Closer, err error) trial {
	switch {
	case err == nil:
		opened.Close()
		return trial{good, port, "free", ""}
	case errors.Is(err, unix.EADDRINUSE) && exec.CommandContext(ctx, "systemctl", "is-active", "--quiet", unit).Run() == nil:
		return trial{good, port, unit + " holds it", ""}
	}
	return trial{wrong, port, err.Error(), ""} // which says what helps
}

// rmemMax is how large a receive buffer a process without privilege gets.
const rmemMax = "/proc/sys/net/core/rmem_max"

// tryBuffer looks at how much of a burst the kernel would hold.
func tryBuffer() trial {
	text, err := os.ReadFile(rmemMax)
	if err != nil {
		return trial{noted, "receive buffer", err.Error(), ""}
	}
	octets, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return trial{noted, "receive buffer", rmemMax + ": " + err.Error(), ""}
	}
	return bufferTrial(octets)
}

// bufferTrial judges a limit. The kernel charges some 1300 octets for a packet,
// and allows twice what was asked for.
func bufferTrial(octets int) trial {
	if octets >= radiusacct.WantedReceiveBuffer {
		return trial{good, "receive buffer", terminal.Size(int64(radiusacct.WantedReceiveBuffer)) + " may be had", ""}
	}
	const perPacket = 1300 / 2
	return trial{doubtful, "receive buffer",
		fmt.Sprintf("net.core.rmem_max allows %s, some %d packets: a burst of more is lost unless presenced.socket opens the port",
			terminal.Size(int64(octets)), octets/perPacket),
		fmt.Sprintf("enable presenced.socket (ReceiveBuffer=8M), or sysctl -w net.core.rmem_max=%d, and in /etc/sysctl.d to keep it",
			radiusacct.WantedReceiveBuffer)}
}
