package httpd

import (
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"
)

// serving is a server of "here" on a socket, until the test ends.
func serving(t *testing.T, network, address string) net.Addr {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	s := Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "here"+r.FormValue("q")) })}
	go func() { served <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return l.Addr()
}

// TestNobodyShutsItForAnother: more clients than there are connections leave
// out what they owe, in every way that there is, and the next one is answered
// all the same.
func TestNobodyShutsItForAnother(t *testing.T) {
	for name, sent := range map[string]string{
		"nothing":          "",
		"half a header":    "GET / HTTP/1.1\r\nHost: ",
		"no body":          "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n",
		"no body of a GB":  "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n",
		"half a body":      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345",
		"a form":           "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 10\r\n\r\nq=",
		"no chunks":        "GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
		"half a chunk":     "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12",
		"a body announced": "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n",
		"a next request":   "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"half of the next": "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /",
	} {
		for network, address := range map[string]string{"tcp": "127.0.0.1:0", "unix": filepath.Join(t.TempDir(), "s")} {
			t.Run(name+" over "+network, func(t *testing.T) {
				at := serving(t, network, address)
				for range mostConnections + 44 {
					conn, err := net.Dial(network, at.String())
					if err != nil {
						t.Fatal(err)
					}
					defer conn.Close()
					io.WriteString(conn, sent) // it may be closed already: then it keeps nobody out
				}
				dialer := net.Dialer{}
				client := http.Client{
					Timeout: WriteTime, // without the fix it is never answered
					Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
						return dialer.DialContext(ctx, network, at.String())
					}},
				}
				answer, err := client.Get("http://localhost/?q=1")
				if err != nil {
					t.Fatal(err)
				}
				defer answer.Body.Close()
				if body, err := io.ReadAll(answer.Body); string(body) != "here1" {
					t.Errorf("%q, %v", body, err)
				}
			})
		}
	}
}

// TestABodyIsNoReasonNotToAnswer: a client that sends one is answered, and the
// connection ends, so that the body is not taken for a request.
func TestABodyIsNoReasonNotToAnswer(t *testing.T) {
	at := serving(t, "tcp", "127.0.0.1:0")
	conn, err := net.Dial("tcp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "POST /?q=1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 50\r\n\r\n")
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(answer); got[:15] != "HTTP/1.1 200 OK" || got[len(got)-5:] != "here1" {
		t.Errorf("%q", got)
	}
}

// conn is a connection of a table: an address, and whether it is closed.
type conn struct {
	net.Conn
	from   string
	closed bool
}

func (c *conn) RemoteAddr() net.Addr {
	a, _ := net.ResolveTCPAddr("tcp", c.from)
	return a
}

func (c *conn) Close() error { c.closed = true; return nil }

// TestWhoAsksForNothingGivesWay: not who is being answered, and first who has
// the most connections.
func TestWhoAsksForNothingGivesWay(t *testing.T) {
	s := seats{most: 4}
	ann, crowd := &conn{from: "192.0.2.1:1"}, []*conn{{from: "192.0.2.9:1"}, {from: "192.0.2.9:2"}, {from: "192.0.2.9:3"}}
	for _, c := range append([]*conn{ann}, crowd...) {
		s.follow(c, http.StateNew)
		time.Sleep(time.Microsecond)
	}
	s.follow(crowd[0], http.StateActive)
	next := &conn{from: "192.0.2.2:1"}
	s.follow(next, http.StateNew)
	if ann.closed || crowd[0].closed || !crowd[1].closed || crowd[2].closed || next.closed {
		t.Errorf("closed: ann %v, crowd %v %v %v, next %v", ann.closed, crowd[0].closed, crowd[1].closed, crowd[2].closed, next.closed)
	}
	for _, c := range []*conn{ann, crowd[2], next} {
		s.follow(c, http.StateActive)
	}
	late := &conn{from: "192.0.2.3:1"}
	if s.follow(late, http.StateNew); !late.closed || ann.closed || next.closed {
		t.Errorf("all are being answered: closed: late %v, ann %v, next %v", late.closed, ann.closed, next.closed)
	}
	for _, c := range append([]*conn{ann, next, late}, crowd...) {
		s.follow(c, http.StateClosed)
	}
	if len(s.taken) != 0 {
		t.Errorf("%d are taken after all", len(s.taken))
	}
}
