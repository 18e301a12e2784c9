package main

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"
)

// association is a station on an access point, and its accounting session.
type association struct {
	identity, device, ssid, ap string
	session                    string
	began                      time.Time
}

var sessions atomic.Int64

// accessPoints has the BSSID of each access point, as Called-Station-Id
// spells it.
var accessPoints = map[string]string{"lobby": "02-00-5E-00-00-01", "kitchen": "02-00-5E-00-00-02"}

// start begins an accounting session; drop has the first answer ignored, as if
// it had been lost on the way.
func (c *controller) start(ctx context.Context, a *association, drop bool) error {
	a.began = time.Now()
	a.session = fmt.Sprintf("%08X-%04X", a.began.Unix(), sessions.Add(1))
	p := c.packet(rfc2866.AcctStatusType_Value_Start)
	c.station(p, a)
	return c.send(ctx, p, "Start", drop)
}

// interim reports the session from the access point where its station is now.
func (c *controller) interim(ctx context.Context, a *association, ap string) error {
	a.ap = ap
	p := c.packet(rfc2866.AcctStatusType_Value_InterimUpdate)
	c.station(p, a)
	rfc2866.AcctSessionTime_Set(p, rfc2866.AcctSessionTime(time.Since(a.began).Seconds()))
	return c.send(ctx, p, "Interim-Update", false)
}

// stop ends the session.
func (c *controller) stop(ctx context.Context, a *association) error {
	p := c.packet(rfc2866.AcctStatusType_Value_Stop)
	c.station(p, a)
	rfc2866.AcctSessionTime_Set(p, rfc2866.AcctSessionTime(time.Since(a.began).Seconds()))
	rfc2866.AcctTerminateCause_Set(p, rfc2866.AcctTerminateCause_Value_UserRequest)
	return c.send(ctx, p, "Stop", false)
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

// send sends the request until it is answered, and once more if the answer
// is to be dropped.
func (c *controller) send(ctx context.Context, p *radius.Packet, words string, drop bool) error {
	request, err := p.Encode()
	if err != nil {
		return err
	}
	if _, _, err = c.exchange(ctx, request, words); err == nil && drop {
		_, _, err = c.exchange(ctx, request, words)
	}
	return err
}
