package daemon

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/sirupsen/logrus"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/control"
)

// Serve opens everything, serves until ctx ends, follows SIGHUP and
// logs to out.
func Serve(ctx context.Context, cfg *configs.Config, out io.Writer) error {
	go collectLess(ctx)
	log := NewLog(out, cfg.Log)
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	for _, warning := range cfg.Warnings {
		log.Warn(warning)
	}
	sockets, err := open(ctx, cfg, log)
	if err != nil {
		return err
	}
	socket, err := control.Listen(cfg.Control.Socket)
	if err != nil {
		return errors.Join(err, sockets.close())
	}
	page, err := listenWeb(ctx, cfg)
	if err != nil {
		return errors.Join(err, socket.Close(), sockets.close())
	}
	d, err := Open(ctx, cfg, log, nil)
	if err != nil {
		return errors.Join(err, socket.Close(), sockets.close(), closeWeb(page))
	}
	d.Hangups, d.Web, d.Radsec = hangups, page, sockets.tls
	log.WithFields(logrus.Fields{"version": Version(), "listening": addresses(sockets.udp, sockets.tls), "http": d.URL()}).Info("presenced serves")
	err = d.Run(ctx, sockets.udp, socket)
	log.Info("presenced has stopped")
	return err
}
