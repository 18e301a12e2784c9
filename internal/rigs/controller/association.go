package controller

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

// Association is a station on an access point, and its accounting session.
type Association struct {
	Identity, Device, SSID, AP string
	Session                    string
	Began                      time.Time
}

var sessions atomic.Int64

// accessPoints has the BSSID of each access point, as Called-Station-Id
// spells it.
var accessPoints = map[string]string{"lobby": "02-00-5E-00-00-01", "kitchen": "02-00-5E-00-00-02"}

// Start begins an accounting session; drop has the first answer ignored, as if
// it had been lost on the way.
func (c *Controller) Start(ctx context.Context, a *Association, drop bool) error {
	a.Began = time.Now()
	a.Session = fmt.Sprintf("%08X-%04X", a.Began.Unix(), sessions.Add(1))
	p := c.Packet(rfc2866.AcctStatusType_Value_Start)
	c.Station(p, a)
	return c.Send(ctx, p, "Start", drop)
}

// Interim reports the session from the access point where its station is now.
func (c *Controller) Interim(ctx context.Context, a *Association, ap string) error {
	a.AP = ap
	p := c.Packet(rfc2866.AcctStatusType_Value_InterimUpdate)
	c.Station(p, a)
	rfc2866.AcctSessionTime_Set(p, rfc2866.AcctSessionTime(time.Since(a.Began).Seconds()))
	return c.Send(ctx, p, "Interim-Update", false)
}

// Stop ends the session.
func (c *Controller) Stop(ctx context.Context, a *Association) error {
	p := c.Packet(rfc2866.AcctStatusType_Value_Stop)
	c.Station(p, a)
	rfc2866.AcctSessionTime_Set(p, rfc2866.AcctSessionTime(time.Since(a.Began).Seconds()))
	rfc2866.AcctTerminateCause_Set(p, rfc2866.AcctTerminateCause_Value_UserRequest)
	return c.Send(ctx, p, "Stop", false)
}

func (c *Controller) Packet(status rfc2866.AcctStatusType) *radius.Packet {
	p := radius.New(radius.CodeAccountingRequest, c.Secret)
	c.identifier++
	p.Identifier = c.identifier
	rfc2866.AcctStatusType_Set(p, status)
	rfc2865.NASIdentifier_SetString(p, "wlc-demo")
	rfc2865.NASIPAddress_Set(p, net.IPv4(192, 0, 2, 1))
	rfc2869.EventTimestamp_Set(p, time.Now())
	return p
}

func (c *Controller) Station(p *radius.Packet, a *Association) {
	rfc2865.UserName_SetString(p, a.Identity)
	rfc2865.CallingStationID_SetString(p, strings.ToUpper(strings.ReplaceAll(a.Device, ":", "-")))
	rfc2865.CalledStationID_SetString(p, accessPoints[a.AP]+":"+a.SSID)
	rfc2865.NASPortType_Set(p, rfc2865.NASPortType_Value_Wireless80211)
	rfc2866.AcctSessionID_SetString(p, a.Session)
}

// Send sends the request until it is answered, and once more if the answer
// is to be dropped.
func (c *Controller) Send(ctx context.Context, p *radius.Packet, words string, drop bool) error {
	request, err := p.Encode()
	if err != nil {
		return err
	}
	if _, _, err = c.exchange(ctx, request, words); err == nil && drop {
		_, _, err = c.exchange(ctx, request, words)
	}
	return err
}

// Ann is ann on her phone.
func Ann() *Association {
	return &Association{Identity: "ann@example.com", Device: "02:00:00:00:00:01", SSID: "Corp", AP: "lobby"}
}
