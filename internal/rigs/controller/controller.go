// Package controller is a Wi-Fi controller for tests and the demo: it sends
// real accounting requests over UDP, each again and again until it is answered.
package controller

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"layeh.com/radius"

	"github.com/presenced/presenced/internal/rigs/office"
	"github.com/presenced/presenced/presence"
)

// Controller sends accounting and, like a real one, sends it again until it is
// answered.
type Controller struct {
	Conn       *net.UDPConn
	Others     []*net.UDPConn // servers that it goes on with, in turn, when one does not answer
	Secret     []byte
	identifier byte
	Told       func(who, words string) // of every request when it is sent, and of its answer
}

// Who speaks, as the demo's lines begin.
const (
	Asks  = "controller →"
	hears = "controller ←"
)

// Dial returns a controller that sends to the daemon at addr.
func Dial(addr *net.UDPAddr, secret string, told func(who, words string)) (*Controller, error) {
	conn, err := net.DialUDP("udp", nil, addr)
	if err != nil {
		return nil, err
	}
	return &Controller{Conn: conn, Secret: []byte(secret), Told: told}, nil
}

// Also has the controller know another server, which it asks when the one before does not
// answer.
func (c *Controller) Also(addr *net.UDPAddr) error {
	conn, err := net.DialUDP("udp", nil, addr)
	if err == nil {
		c.Others = append(c.Others, conn)
	}
	return err
}

// Close closes its sockets.
func (c *Controller) Close() error {
	err := c.Conn.Close()
	for _, conn := range c.Others {
		err = errors.Join(err, conn.Close())
	}
	return err
}

// failOver goes on with the next server, if there is one.
func (c *Controller) failOver() {
	if len(c.Others) > 0 {
		c.Conn, c.Others = c.Others[0], append(c.Others[1:], c.Conn)
		c.Told(hears, fmt.Sprintf("nothing: it goes on with its next server, %s", c.Conn.RemoteAddr()))
	}
}

// Say sends what the office's equipment has to say.
func (c *Controller) Say(ctx context.Context, e office.Event) error {
	c.identifier++
	request, err := office.Packet(e, c.Secret, c.identifier)
	if err != nil {
		return err
	}
	answer, took, err := c.exchange(ctx, request, words(e))
	switch {
	case err != nil:
		return err
	case e.Lost:
		c.Told(hears, "nothing: the answer is lost on the way, and it will send the same again")
	default:
		c.Told(hears, fmt.Sprintf("%s after %s", answer, took.Round(100*time.Microsecond)))
	}
	return nil
}

// exchange sends the request until it is answered, at growing intervals.
func (c *Controller) exchange(ctx context.Context, request []byte, words string) (answer radius.Code, took time.Duration, err error) {
	began := time.Now()
	buf := make([]byte, radius.MaxPacketLength)
	for wait := 500 * time.Millisecond; ctx.Err() == nil; wait = min(2*wait, 5*time.Second) {
		c.Told(Asks, words)
		n, err := c.ask(request, buf, wait)
		switch {
		case err != nil:
			return 0, 0, err
		case n == 0:
			c.failOver()
			continue
		case !radius.IsAuthenticResponse(buf[:n], request, c.Secret):
			return 0, 0, fmt.Errorf("an answer from %s with a wrong authenticator", c.Conn.RemoteAddr())
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

// ask sends the request once and waits for its answer; 0 bytes if there is none.
// It passes over what still comes for an earlier request, which was sent twice
// and so is answered twice.
func (c *Controller) ask(request, buf []byte, wait time.Duration) (n int, err error) {
	deadline := time.Now().Add(wait)
	c.Conn.SetReadDeadline(deadline)
	_, err = c.Conn.Write(request)
	for answered := false; err == nil && !answered; {
		n, err = c.Conn.Read(buf)
		answered = n > 1 && buf[1] == request[1] // their Identifier
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED): // nobody listens just now
		time.Sleep(time.Until(deadline))
		return 0, nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("ask %s: %w", c.Conn.RemoteAddr(), err)
	}
	return n, nil
}
