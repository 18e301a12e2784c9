package main

import (
	"fmt"
	"maps"
	"slices"
)

// vendors are what to enter on a controller, so that it sends its accounting to a host
// with a secret. docs/controllers.md has more, and where it comes from.
var vendors = map[string]func(host, secret string) string{
	"cisco": func(host, secret string) string {
		return fmt.Sprintf(`On the Catalyst 9800:

radius server presenced
 address ipv4 %s auth-port 1812 acct-port 1813
 key %s
aaa group server radius PRESENCED
 server name presenced
aaa accounting identity PRESENCED start-stop group PRESENCED
aaa accounting update newinfo periodic 10
wireless profile policy YOUR-PROFILE
 shutdown
 accounting-list PRESENCED
 accounting-interim
 no shutdown
`, host, secret)
	},
	"aruba": func(host, secret string) string {
		return fmt.Sprintf(`On the controller (AOS 8):

aaa authentication-server radius "presenced"
    host %s
    key %s
    acctport 1813
aaa server-group "presenced"
    auth-server "presenced"
aaa profile "YOUR-PROFILE"
    radius-accounting "presenced"
    radius-interim-accounting
    multiple-server-accounting
`, host, secret)
	},
	"meraki": func(host, secret string) string {
		return fmt.Sprintf(`In the dashboard, Wireless > Access control > the SSID > RADIUS > Accounting servers: Add
  host %s, port 1813, secret %s
then Accounting interim interval: 600; leave RADIUS proxy off.
`, host, secret)
	},
	"mist": func(host, secret string) string {
		return fmt.Sprintf(`In the portal, Network > WLANs > the WLAN > RADIUS Accounting Servers: Add Server
  host %s, port 1813, secret %s
then Interim Accounting on, 600 seconds.
`, host, secret)
	},
	"unifi": func(host, secret string) string {
		return fmt.Sprintf(`In the console, Settings > Profiles > RADIUS > the profile: Accounting on, accounting server
  host %s, port 1813, secret %s
then Interim Update Interval 600.
`, host, secret)
	},
	"ruckus": func(host, secret string) string {
		return fmt.Sprintf(`On SmartZone, Services & Profiles > Accounting: a service with
  host %s, port 1813, secret %s
then in the WLAN Accounting Service, and Send interim update every 10 minutes.
`, host, secret)
	},
	"fortinet": func(host, secret string) string {
		return fmt.Sprintf(`On the FortiGate, at the RADIUS entry that the SSID uses:

config user radius
    edit "YOUR-ENTRY"
        set acct-interim-interval 600
        set acct-all-servers enable
        config accounting-server
            edit 0
                set status enable
                set server "%s"
                set secret %s
                set port 1813
            next
        end
    next
end
`, host, secret)
	},
	"hostapd": func(host, secret string) string {
		return fmt.Sprintf(`In hostapd.conf:

acct_server_addr=%s
acct_server_port=1813
acct_server_shared_secret=%s
radius_acct_interim_interval=600
`, host, secret)
	},
	"other": func(host, secret string) string {
		return fmt.Sprintf(`On the controller:

accounting server   %s, UDP port 1813
shared secret       %s
interim updates     every 10 minutes
`, host, secret)
	},
}

func vendorNames() []string { return slices.Sorted(maps.Keys(vendors)) }
