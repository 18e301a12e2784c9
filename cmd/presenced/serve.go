package main

import (
	"context"
	"errors"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"runtime/metrics"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/control"
	"github.com/presenced/presenced/radiusacct"
)

func (p *program) serve() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "The daemon",
		Long: "Takes RADIUS accounting, and checks people in and out of their bookings. It stays in the foreground and logs to the\n" +
			"standard error; systemd runs it with presenced.service. SIGHUP has it read its configuration again: a bad one changes\n" +
			"nothing and says why. SIGTERM ends it when what is in hand is recorded and answered.",
		Example: `presenced serve
presenced serve -c ./presenced.toml`,
		Args: asUsed,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := configs.Load(p.config)
			if err != nil {
				return err
			}
			go collectLess(cmd.Context())
			return p.run(cmd.Context(), cfg)
		},
	}
}

// collectLess has garbage be collected more seldom, unless GOGC says otherwise,
// until ctx ends. Little is in use with some thousand people, tens of megabytes,
// so that the usual twice as much comes round all the time under load: this
// saves a tenth to a fifth of the CPU. With a million, it would cost gigabytes.
func collectLess(ctx context.Context) {
	if os.Getenv("GOGC") != "" {
		return
	}
	debug.SetGCPercent(400)
	_ = every(ctx, 10*time.Second, func(context.Context) {
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(live)
		debug.SetGCPercent(garbage(live[0].Value.Uint64()))
	})
}

// garbage is how much may gather, in per cent of what is in use: four times as
// much, or a quarter of a gigabyte if that is less, but as much at the least.
func garbage(live uint64) int {
	return int(min(400, max(100, 100*256<<20/max(live, 1))))
}

// run opens everything, serves until ctx ends, and follows SIGHUP.
func (p *program) run(ctx context.Context, cfg *configs.Config) error {
	log := newLog(p.stderr, cfg.Log)
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	for _, warning := range cfg.Warnings {
		log.Warn(warning)
	}
	conns, err := sockets(ctx, cfg.Radius.Listen)
	if err != nil {
		return err
	}
	socket, err := control.Listen(cfg.Control.Socket)
	if err != nil {
		return errors.Join(err, closeAll(conns))
	}
	page, err := listenWeb(ctx, cfg)
	if err != nil {
		return errors.Join(err, socket.Close(), closeAll(conns))
	}
	d, err := Open(ctx, cfg, log, nil)
	if err != nil {
		return errors.Join(err, socket.Close(), closeAll(conns), closeWeb(page))
	}
	d.Hangups, d.Web = hangups, page
	log.WithFields(logrus.Fields{"version": version(), "listening": addresses(conns), "http": d.webURL()}).Info("presenced serves")
	err = d.Run(ctx, conns, socket)
	log.Info("presenced has stopped")
	return err
}

// sockets returns the sockets that systemd handed over, and if it did not,
// opens those that are configured.
func sockets(ctx context.Context, listen []string) (conns []*net.UDPConn, err error) {
	for _, f := range activation.Files(true) {
		conn, err := radiusacct.Adopt(f)
		if err != nil {
			return nil, errors.Join(err, closeAll(conns))
		}
		conns = append(conns, conn)
	}
	if len(conns) > 0 {
		return conns, nil
	}
	for _, addr := range listen {
		conn, err := radiusacct.Listen(ctx, addr)
		if err != nil {
			return nil, errors.Join(err, closeAll(conns))
		}
		conns = append(conns, conn)
	}
	return conns, nil
}

func closeAll(conns []*net.UDPConn) (err error) {
	for _, conn := range conns {
		err = errors.Join(err, conn.Close())
	}
	return err
}

func addresses(conns []*net.UDPConn) (all []string) {
	for _, conn := range conns {
		all = append(all, conn.LocalAddr().String())
	}
	return all
}
