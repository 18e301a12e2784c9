package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/control"
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
	all := []trial{{good, "files", count(len(cfg.Files()), "file") + " read", ""}}
	for _, warning := range cfg.Warnings {
		all = append(all, trial{doubtful, "configuration", warning, ""})
	}
	return all
}

// tryHost tries what the daemon needs of this host, or asks it whether it has that.
func tryHost(ctx context.Context, cfg *configs.Config) (all []trial) {
	var daemon *control.Status
	s, err := control.Dial(cfg.Control.Socket).Status(ctx)
	switch {
	case errors.Is(err, control.ErrNotRunning):
		all = append(all, trial{noted, "daemon", "not running", ""}, trySocketFolder(cfg.Control.Socket))
	case err != nil: // it runs, and has what it does not tell us
		return append(all, trial{wrong, "daemon", err.Error(), ""}, tryBuffer())
	case !s.Ready:
		daemon = &s
		all = append(all, trial{wrong, "daemon", fmt.Sprintf("runs, pid %d, but records nothing: %s", s.PID, s.Failing), "mend that; it goes on by itself"})
	default:
		daemon = &s
		all = append(all, trial{good, "daemon", fmt.Sprintf("runs, pid %d, version %s", s.PID, s.Version), ""})
	}
	all = append(all, tryStore(cfg.Store.Path, daemon))
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

// tryStore looks at whether the daemon has, or could have, the store.
func tryStore(path string, daemon *control.Status) trial {
	if daemon != nil {
		return trial{good, "store", fmt.Sprintf("%s, %s, in the daemon's hands", daemon.Store.Path, size(daemon.Store.Size)), ""}
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
	t := trial{good, "store", fmt.Sprintf("%s, %s, nobody has it open", path, size(s.Stats().Size)), ""}
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
		all = append(all, trial{good, "UDP", "the daemon listens on " + strings.Join(daemon.Listening, ", "), ""})
		if daemon.HTTP != "" {
			all = append(all, trial{good, "page", "the daemon shows it on " + daemon.HTTP, ""})
		}
		return all
	}
	held := exec.CommandContext(ctx, "systemctl", "is-active", "--quiet", "presenced.socket").Run() == nil
	for _, addr := range cfg.Radius.Listen {
		conn, err := radiusacct.Listen(ctx, addr)
		switch {
		case errors.Is(err, unix.EADDRINUSE) && held:
			all = append(all, trial{good, "UDP " + addr, "presenced.socket holds it", ""})
		case err != nil:
			all = append(all, trial{wrong, "UDP " + addr, err.Error(), ""}) // which says what helps
		default:
			all = append(all, trial{good, "UDP " + addr, "free", ""})
			conn.Close()
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
		return trial{good, "receive buffer", size(int64(radiusacct.WantedReceiveBuffer)) + " may be had", ""}
	}
	const perPacket = 1300 / 2
	return trial{doubtful, "receive buffer",
		fmt.Sprintf("net.core.rmem_max allows %s, some %d packets: a burst of more is lost unless presenced.socket opens the port",
			size(int64(octets)), octets/perPacket),
		fmt.Sprintf("enable presenced.socket (ReceiveBuffer=8M), or sysctl -w net.core.rmem_max=%d, and in /etc/sysctl.d to keep it",
			radiusacct.WantedReceiveBuffer)}
}
