package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"
)

// controller is a simulated Wi-Fi controller: it sends real accounting and,
// like a real one, sends again until it is answered.
type controller struct {
	conn       *net.UDPConn
	secret     []byte
	identifier byte
	sessions   int
	told       func(who, words string) // of every request when it is sent, and of its answer
}

// Who speaks, as the demo's lines begin.
const (
	asks  = "controller →"
	hears = "controller ←"
)

// association is a station on an access point, and its accounting session.
type association struct {
	identity, device, ssid, ap string
	session                    string
	began                      time.Time
}

// dialController returns a controller that sends to the daemon at addr.
func dialController(addr *net.UDPAddr, secret string, told func(who, words string)) (*controller, error) {
	conn, err := net.DialUDP("udp", nil, addr)
	if err != nil {
		return nil, err
	}
	return &controller{conn: conn, secret: []byte(secret), told: told}, nil
}

func (c *controller) close() error { return c.conn.Close() }

// accessPoints has the BSSID of each access point, as Called-Station-Id
// spells it.
var accessPoints = map[string]string{
	"lobby": "02-00-5E-00-00-01", "kitchen": "02-00-5E-00-00-02", "library": "02-00-5E-00-00-03",
}

// start begins an accounting session; drop has the first answer ignored, as if
// it had been lost on the way.
func (c *controller) start(ctx context.Context, a *association, drop bool) error {
	c.sessions++
	a.began = time.Now()
	a.session = fmt.Sprintf("%08X-%04X", a.began.Unix(), c.sessions)
	p := c.packet(rfc2866.AcctStatusType_Value_Start)
	c.station(p, a)
	return c.send(ctx, p, fmt.Sprintf("Start           %s as '%s' on %s at %s", a.device, a.identity, a.ssid, a.ap), drop)
}

// interim reports the session from the access point where its station is now.
func (c *controller) interim(ctx context.Context, a *association, ap string) error {
	a.ap = ap
	p := c.packet(rfc2866.AcctStatusType_Value_InterimUpdate)
	c.station(p, a)
	rfc2866.AcctSessionTime_Set(p, rfc2866.AcctSessionTime(time.Since(a.began).Seconds()))
	return c.send(ctx, p, fmt.Sprintf("Interim-Update  %s roamed to %s", a.device, ap), false)
}

// stop ends the session.
func (c *controller) stop(ctx context.Context, a *association) error {
	p := c.packet(rfc2866.AcctStatusType_Value_Stop)
	c.station(p, a)
	rfc2866.AcctSessionTime_Set(p, rfc2866.AcctSessionTime(time.Since(a.began).Seconds()))
	rfc2866.AcctTerminateCause_Set(p, rfc2866.AcctTerminateCause_Value_UserRequest)
	return c.send(ctx, p, fmt.Sprintf("Stop            %s", a.device), false)
}

// rebooted reports that an access point begins anew: what was on it is gone.
func (c *controller) rebooted(ctx context.Context, ap, ssid string) error {
	p := c.packet(rfc2866.AcctStatusType_Value_AccountingOn)
	rfc2865.CalledStationID_SetString(p, accessPoints[ap]+":"+ssid)
	return c.send(ctx, p, fmt.Sprintf("Accounting-On   %s rebooted", ap), false)
}

func (c *controller) packet(status rfc2866.AcctStatusType) *radius.Packet {
	p := radius.New(radius.CodeAccountingRequest, c.secret)
	c.identifier++
	p.Identifier = c.identifier
	rfc2866.AcctStatusType_Set(p, status)
	rfc2865.NASIdentifier_SetString(p, "wlc-demo")
	rfc2865.NASIPAddress_Set(p, net.IPv4(192, 0, 2, 1))
	rfc2869.EventTimestamp_Set(p, time.Now())
	return p
}

func (c *controller) station(p *radius.Packet, a *association) {
	rfc2865.UserName_SetString(p, a.identity)
	rfc2865.CallingStationID_SetString(p, strings.ToUpper(strings.ReplaceAll(a.device, ":", "-")))
	rfc2865.CalledStationID_SetString(p, accessPoints[a.ap]+":"+a.ssid)
	rfc2865.NASPortType_Set(p, rfc2865.NASPortType_Value_Wireless80211)
	rfc2866.AcctSessionID_SetString(p, a.session)
}

// send sends the request until it is answered, at growing intervals.
func (c *controller) send(ctx context.Context, p *radius.Packet, words string, drop bool) error {
	request, err := p.Encode()
	if err != nil {
		return err
	}
	began := time.Now()
	buf := make([]byte, radius.MaxPacketLength)
	for wait := 500 * time.Millisecond; ctx.Err() == nil; wait = min(2*wait, 5*time.Second) {
		c.told(asks, words)
		n, err := c.ask(request, buf, wait)
		if err != nil {
			return err
		}
		if n == 0 {
			continue
		}
		if !radius.IsAuthenticResponse(buf[:n], request, c.secret) {
			return fmt.Errorf("an answer from %s with a wrong authenticator", c.conn.RemoteAddr())
		}
		if drop {
			drop = false
			c.told(hears, "nothing: the answer is lost on the way, and it will send the same again")
			time.Sleep(wait)
			continue
		}
		c.told(hears, fmt.Sprintf("%s after %s", radius.Code(buf[0]), time.Since(began).Round(100*time.Microsecond)))
		return nil
	}
	return ctx.Err()
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
