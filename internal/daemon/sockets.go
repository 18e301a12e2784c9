package daemon

import (
	"context"
	"errors"
	"io"
	"net"
	"os"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/sirupsen/logrus"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/radiusacct"
)

// sockets are what accounting comes in by.
type sockets struct {
	udp []*net.UDPConn
	tls []*net.TCPListener
}

// open returns the sockets that systemd handed over, and where it handed over
// none, opens those that are configured.
func open(ctx context.Context, cfg *configs.Config, log *logrus.Logger) (s sockets, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	for _, f := range activation.Files(true) {
		switch { // by their kind alone: another transport of datagrams needs FileDescriptorName=
		case !radiusacct.IsStream(f):
			err = adopt(&s.udp, f, radiusacct.Adopt)
		case cfg.Radsec != nil:
			err = adopt(&s.tls, f, radiusacct.AdoptTLS)
		default: // UDP is to go on
			log.Error("presenced-radsec.socket is enabled, and there is no [radsec]: who connects is not answered")
			err = f.Close()
		}
		if err != nil {
			return s, err
		}
	}
	if len(s.udp) == 0 {
		err = listen(ctx, &s.udp, cfg.Radius.Listen, radiusacct.Listen)
	}
	if err == nil && len(s.tls) == 0 && cfg.Radsec != nil {
		err = listen(ctx, &s.tls, cfg.Radsec.Listen, radiusacct.ListenTLS)
	}
	return s, err
}

func adopt[S any](all *[]S, f *os.File, how func(*os.File) (S, error)) error {
	s, err := how(f)
	if err == nil {
		*all = append(*all, s)
	}
	return err
}

func listen[S any](ctx context.Context, all *[]S, addrs []string, how func(context.Context, string) (S, error)) error {
	for _, addr := range addrs {
		s, err := how(ctx, addr)
		if err != nil {
			return err
		}
		*all = append(*all, s)
	}
	return nil
}

func (s sockets) close() error { return errors.Join(closeAll(s.udp), closeAll(s.tls)) }

func closeAll[S io.Closer](all []S) (err error) {
	for _, s := range all {
		err = errors.Join(err, s.Close())
	}
	return err
}

// addresses are where accounting comes in.
func addresses(udp []*net.UDPConn, tls []*net.TCPListener) (all []string) {
	for _, conn := range udp {
		all = append(all, conn.LocalAddr().String())
	}
	for _, l := range tls {
		all = append(all, l.Addr().String()+" (TLS)")
	}
	return all
}
