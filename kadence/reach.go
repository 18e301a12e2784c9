package kadence

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"
)

// clockTrust is how far this host's clock may be off: what is stamped by it is
// compared with what Kadence and the controllers stamp.
const clockTrust = 30 * time.Second

// Reach tries the way to the API and to the token endpoint, names, TCP and
// TLS, without any credentials, and holds this host's clock against theirs.
func (d *Desk) Reach(ctx context.Context) (findings []Finding) {
	hosts := []*url.URL{d.client.base}
	if auth, err := url.Parse(d.client.tokens.conf.TokenURL); err == nil && auth.Host != d.client.base.Host {
		hosts = append(hosts, auth)
	}
	var date time.Time
	for _, host := range hosts {
		f, told := d.client.reach(ctx, host)
		findings = append(findings, f)
		if date.IsZero() {
			date = told
		}
	}
	if !date.IsZero() {
		findings = append(findings, clockFinding(time.Since(date)))
	}
	return findings
}

// reach asks a host for nothing in particular, and notes how far that got. It
// returns the time there, zero if it was not told.
func (c *client) reach(ctx context.Context, host *url.URL) (f Finding, date time.Time) {
	f.Subject = host.Host
	ctx, cancel := context.WithTimeout(ctx, tokenTime)
	defer cancel()
	way := []string{}
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(i httptrace.GotConnInfo) { way = append(way, "answers at "+i.Conn.RemoteAddr().String()) },
		TLSHandshakeDone: func(s tls.ConnectionState, err error) {
			if err == nil && len(s.PeerCertificates) > 0 {
				way = append(way, tls.VersionName(s.Version)+", certificate until "+s.PeerCertificates[0].NotAfter.Format(time.DateOnly))
			}
		},
	})
	root := url.URL{Scheme: host.Scheme, Host: host.Host, Path: "/"}
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, root.String(), nil)
	if err == nil {
		req.Header.Set("User-Agent", c.agent)
		if t, ok := c.http.Transport.(*http.Transport); ok && t.Proxy != nil {
			if proxy, err := t.Proxy(req); err == nil && proxy != nil {
				way = append(way, "through the proxy "+proxy.Host)
			}
		}
		var resp *http.Response
		if resp, err = c.http.Do(req); err == nil {
			resp.Body.Close()
			date, _ = http.ParseTime(resp.Header.Get("Date")) // zero if it does not say
			f.Detail = strings.Join(way, ", ")
			return f, date
		}
	}
	f.Error, f.Remedy = fmt.Sprintf("cannot be reached: %v", innermost(err)), wayRemedy(err, host)
	return f, time.Time{}
}

// wayRemedy says where to mend the way to a host.
func wayRemedy(err error, host *url.URL) string {
	var name *net.DNSError
	var unknown x509.UnknownAuthorityError
	var other x509.HostnameError
	var invalid x509.CertificateInvalidError
	var timeout net.Error
	switch {
	case errors.As(err, &name):
		return "look at /etc/resolv.conf (getent hosts " + host.Hostname() + "), and at [kadence] region, api_url and auth_url"
	case errors.As(err, &unknown):
		return "install the package ca-certificates; if a proxy here opens TLS, add its authority (update-ca-certificates)"
	case errors.As(err, &other):
		return "look at [kadence] api_url and auth_url: another host answers there"
	case errors.As(err, &invalid):
		return "look at this host's clock (timedatectl), then at who issues that certificate"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "look at the port in [kadence] api_url and auth_url, and at the firewall"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout(),
		errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "let this host out to " + host.Host + " by TCP, or set HTTPS_PROXY for the service (systemctl edit presenced)"
	}
	return "try curl -v " + host.Scheme + "://" + host.Host + "/ on this host"
}

// innermost is the cause without the request that it is of.
func innermost(err error) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		return outer.Err
	}
	return err
}

// clockFinding says what it means that this host's clock is ahead by so much.
func clockFinding(ahead time.Duration) Finding {
	f := Finding{Subject: "clock"}
	off, which := ahead.Abs().Round(time.Second), "ahead of"
	if ahead < 0 {
		which = "behind"
	}
	switch {
	case off > clockTrust:
		f.Error = fmt.Sprintf("%s %s Kadence's", off, which)
		f.Remedy = "set it by NTP (timedatectl set-ntp true): arrivals and bookings are compared by it"
	case off > 2*time.Second: // the answer tells whole seconds, and took its time
		f.Detail = fmt.Sprintf("%s %s Kadence's", off, which)
	default:
		f.Detail = "as Kadence's"
	}
	return f
}
