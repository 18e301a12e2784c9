package radiusacct

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"

	"github.com/presenced/presenced/presence"
)

// recorder keeps what it is given, dated by the clock of each NAS.
type recorder struct {
	mu      sync.Mutex
	batches [][]presence.Record
	clocks  map[presence.NASName]*presence.Clock // by NAS
	err     error                                // what Record returns
	sick    bool                                 // not healthy
	gate    chan struct{}                        // if not nil, Record waits until it can receive
	entered chan []presence.Record               // if not nil, told when Record begins
}

func (r *recorder) Record(ctx context.Context, batch []presence.Record) error {
	if r.entered != nil {
		r.entered <- batch
	}
	if r.gate != nil {
		<-r.gate
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := cmp.Or(r.err, ctx.Err()); err != nil {
		return err
	}
	if r.clocks == nil {
		r.clocks = map[presence.NASName]*presence.Clock{}
	}
	for i := range batch {
		record := &batch[i]
		clock := r.clocks[record.NAS()]
		if clock == nil {
			clock = &presence.Clock{}
			r.clocks[record.NAS()] = clock
		}
		record.At, record.AtFrom, record.BadStamp = clock.EventTime(record.Stamps, DefaultSkew)
	}
	r.batches = append(r.batches, slices.Clone(batch))
	return nil
}

func (r *recorder) Healthy() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.sick
}

func (r *recorder) set(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

// records are all that were recorded, but for the probes of [nas.silent].
func (r *recorder) records() []presence.Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := slices.Concat(r.batches...)
	return slices.DeleteFunc(all, func(r presence.Record) bool { return r.Session == probe })
}

const (
	secret = "s3cret"
	probe  = "probe"
)

var loopback = Client{Name: "loopback", Prefix: netip.MustParsePrefix("127.0.0.0/8"), Secrets: [][]byte{[]byte(secret)}, Site: "london"}

func clientsOf(t testing.TB, all ...Client) Clients {
	t.Helper()
	clients, err := NewClients(all)
	if err != nil {
		t.Fatal(err)
	}
	return clients
}

// office is a server on a socket, and a recorder behind it.
type office struct {
	testing.TB
	*Server
	recorder *recorder
	said     *lockedBuffer // what the server logs
	conn     *net.UDPConn  // that is served on
	addr     *net.UDPAddr
	stop     func() // and wait
	stopping func() bool
}

func newOffice(t testing.TB, clients ...Client) *office {
	return newOfficeOn(t, "127.0.0.1:0", &recorder{}, clients...)
}

func newOfficeOn(t testing.TB, addr string, r *recorder, clients ...Client) *office {
	t.Helper()
	if len(clients) == 0 {
		clients = []Client{loopback}
	}
	said := &lockedBuffer{}
	o := &office{TB: t, Server: NewServer(clientsOf(t, clients...), r, written(said)), recorder: r, said: said}
	conn, err := Listen(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	o.addr = conn.LocalAddr().(*net.UDPAddr)
	t.Cleanup(func() { conn.Close() })
	o.serve(conn)
	return o
}

func (o *office) serve(conn *net.UDPConn) {
	o.conn = conn
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- o.Serve(ctx, conn) }()
	o.stopping = func() bool { return ctx.Err() != nil }
	o.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			o.Errorf("serve: %v", err)
		}
	})
	o.Cleanup(o.stop)
}

// only stops serving and returns the stats of the only client.
func (o *office) only() ClientStats {
	o.stop()
	return o.Stats()[0]
}

// nas is a controller with a socket of its own.
type nas struct {
	*office
	conn *net.UDPConn
	id   byte
}

func (o *office) nas() *nas { return o.nasAt("127.0.0.1", o.addr) }

func (o *office) nasAt(local string, server *net.UDPAddr) *nas {
	o.Helper()
	conn, err := net.DialUDP("udp", &net.UDPAddr{IP: net.ParseIP(local)}, server)
	if err != nil {
		o.Fatal(err)
	}
	o.Cleanup(func() { conn.Close() })
	return &nas{office: o, conn: conn}
}

func (n *nas) send(datagram []byte) {
	n.Helper()
	if _, err := n.conn.Write(datagram); err != nil {
		n.Fatal(err)
	}
}

// answer returns the next answer. It waits long, for a busy machine.
func (n *nas) answer() []byte {
	n.Helper()
	n.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	b := make([]byte, maxLen+1)
	got, err := n.conn.Read(b)
	if err != nil {
		n.Fatalf("no answer: %v", err)
	}
	return b[:got]
}

// answered sends the datagram and checks that the next answer is one to it.
func (n *nas) answered(datagram []byte) []byte {
	n.Helper()
	n.send(datagram)
	return n.isAnswered(datagram)
}

// isAnswered checks that the next answer is one to the datagram.
func (n *nas) isAnswered(datagram []byte) []byte {
	n.Helper()
	b := n.answer()
	if radius.Code(b[0]) != radius.CodeAccountingResponse || b[1] != datagram[1] || !radius.IsAuthenticResponse(b, datagram, []byte(secret)) {
		n.Fatalf("answer %x is none to %x", b, datagram)
	}
	return b
}

// silent sends datagrams and checks that nothing comes back: what does come
// back is the answer to what is sent after them.
func (n *nas) silent(datagrams ...[]byte) {
	n.Helper()
	for _, d := range datagrams {
		n.send(d)
	}
	n.quiet()
}

// quiet checks that no answer is under way.
func (n *nas) quiet() {
	n.Helper()
	n.id++
	after := packetOf(value(rfc2866.AcctSessionID_Type, probe), status(rfc2866.AcctStatusType_Value_Start), integer(rfc2865.NASPort_Type, uint32(n.id)))
	after[1] = n.id + 200
	resign(after, secret)
	n.send(after)
	if b := n.answer(); !radius.IsAuthenticResponse(b, after, []byte(secret)) {
		n.Fatalf("answer to something else than the probe: %x", b)
	}
}

// The packets of the tests are built of these.

type avp = radius.AVP

func value(t radius.Type, s string) avp   { return avp{Type: t, Attribute: radius.Attribute(s)} }
func integer(t radius.Type, n uint32) avp { return avp{Type: t, Attribute: radius.NewInteger(n)} }
func user(name string) avp                { return value(rfc2865.UserName_Type, name) }
func session(id string) avp               { return value(rfc2866.AcctSessionID_Type, id) }
func calling(id string) avp               { return value(rfc2865.CallingStationID_Type, id) }
func called(id string) avp                { return value(rfc2865.CalledStationID_Type, id) }
func status(s rfc2866.AcctStatusType) avp { return integer(rfc2866.AcctStatusType_Type, uint32(s)) }
func delay(seconds uint32) avp            { return integer(rfc2866.AcctDelayTime_Type, seconds) }
func stamp(at time.Time) avp              { return integer(rfc2869.EventTimestamp_Type, uint32(at.Unix())) }
func proxyState(s string) avp             { return value(rfc2865.ProxyState_Type, s) }
func vsa(v uint32, kind byte, s string) avp {
	return vsaRaw(v, append([]byte{kind, byte(2 + len(s))}, s...))
}
func avPair(s string) avp                      { return vsa(cisco, 1, s) }
func start(id string, more ...avp) []byte      { return event(rfc2866.AcctStatusType_Value_Start, id, more) }
func stop(id string, more ...avp) []byte       { return event(rfc2866.AcctStatusType_Value_Stop, id, more) }
func withID(id byte, packet []byte) []byte     { packet[1] = id; return resign(packet, secret) }
func with(packet []byte, extra ...byte) []byte { return append(bytes.Clone(packet), extra...) }

func vsaRaw(vendor uint32, inner []byte) avp {
	return avp{Type: rfc2865.VendorSpecific_Type, Attribute: append(binary.BigEndian.AppendUint32(nil, vendor), inner...)}
}

func event(s rfc2866.AcctStatusType, id string, more []avp) []byte {
	return packetOf(append([]avp{status(s), user("ann"), session(id), calling("02-11-22-33-44-55"), called("02-00-5E-00-00-01:Corp")}, more...)...)
}

// packetOf is an Accounting-Request, signed with secret, with Identifier 1.
func packetOf(attributes ...avp) []byte {
	p := radius.Packet{Code: radius.CodeAccountingRequest, Identifier: 1, Secret: []byte(secret)}
	for _, a := range attributes {
		p.Add(a.Type, a.Attribute)
	}
	b, err := p.Encode()
	if err != nil {
		panic(err)
	}
	return b
}

// resign makes the Request Authenticator right for as much as the Length says.
func resign(b []byte, secret string) []byte {
	length := min(len(b), max(headerLen, int(binary.BigEndian.Uint16(b[2:]))))
	copy(b[4:], zeros[:])
	copy(b[4:], authenticator(b[:length], secret))
	return b
}

// signedWith adds a Message-Authenticator to a packet, at its end.
func signedWith(b []byte, secret string) []byte {
	b = append(bytes.Clone(b), 80, 18)
	b = append(b, zeros[:]...)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	over := zeros[:]
	if radius.Code(b[0]) == radius.CodeStatusServer {
		over = b[4:headerLen]
	}
	copy(b[len(b)-16:], sign(b, len(b)-16, over, []byte(secret)))
	if radius.Code(b[0]) == radius.CodeAccountingRequest {
		resign(b, secret)
	}
	return b
}
