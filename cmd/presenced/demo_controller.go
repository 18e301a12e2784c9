package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"layeh.com/radius"

	"github.com/presenced/presenced/internal/office"
	"github.com/presenced/presenced/presence"
)

// controller sends accounting and, like a real one, sends it again until it is
// answered.
type controller struct {
	conn       *net.UDPConn
	secret     []byte
	identifier byte
	told       func(who, words string) // of every request when it is sent, and of its answer
}

// Who speaks, as the demo's lines begin.
const (
	asks  = "controller →"
	hears = "controller ←"
)

// dialController returns a controller that sends to the daemon at addr.
func dialController(addr *net.UDPAddr, secret string, told func(who, words string)) (*controller, error) {
	conn, err := net.DialUDP("udp", nil, addr)
	if err != nil {
		return nil, err
	}
	return &controller{conn: conn, secret: []byte(secret), told: told}, nil
}

func (c *controller) close() error { return c.conn.Close() }

// say sends what the office's equipment has to say.
func (c *controller) say(ctx context.Context, e office.Event) error {
	c.identifier++
	request, err := office.Packet(e, c.secret, c.identifier)
	if err != nil {
		return err
	}
	answer, took, err := c.exchange(ctx, request, words(e))
	switch {
	case err != nil:
		return err
	case e.Lost:
		c.told(hears, "nothing: the answer is lost on the way, and it will send the same again")
	default:
		c.told(hears, fmt.Sprintf("%s after %s", answer, took.Round(100*time.Microsecond)))
	}
	return nil
}

// exchange sends the request until it is answered, at growing intervals.
func (c *controller) exchange(ctx context.Context, request []byte, words string) (answer radius.Code, took time.Duration, err error) {
	began := time.Now()
	buf := make([]byte, radius.MaxPacketLength)
	for wait := 500 * time.Millisecond; ctx.Err() == nil; wait = min(2*wait, 5*time.Second) {
		c.told(asks, words)
		n, err := c.ask(request, buf, wait)
		switch {
		case err != nil:
			return 0, 0, err
		case n == 0:
			continue
		case !radius.IsAuthenticResponse(buf[:n], request, c.secret):
			return 0, 0, fmt.Errorf("an answer from %s with a wrong authenticator", c.conn.RemoteAddr())
		}
		return radius.Code(buf[0]), time.Since(began), nil
	}
	return 0, 0, ctx.Err()
}

// words says what a request says.
func words(e office.Event) string {
	r, text := e.Record, ""
	switch r.Status {
	case presence.Start:
		text = fmt.Sprintf("%s as '%s' on %s at %s", r.Device, r.UserName, r.SSID, e.AP)
	case presence.Interim:
		text = fmt.Sprintf("%s is at %s", r.Device, e.AP)
	case presence.Stop:
		text = fmt.Sprintf("%s %s at %s", r.Device, r.Cause, e.AP)
	default:
		text = e.AP + " rebooted"
	}
	return fmt.Sprintf("%-14s  %s", r.Status, text)
}

// ask sends the request once and waits for an answer; 0 bytes if there is none.
func (c *controller) ask(request, buf []byte, wait time.Duration) (n int, err error) {
	deadline := time.Now().Add(wait)
	if _, err = c.conn.Write(request); err == nil {
		c.conn.SetReadDeadline(deadline)
		n, err = c.conn.Read(buf)
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED): // nobody listens just now
		time.Sleep(time.Until(deadline))
		return 0, nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("ask %s: %w", c.conn.RemoteAddr(), err)
	}
	return n, nil
}
