package controller

import (
	"net"
	"testing"

	"layeh.com/radius"
	"layeh.com/radius/rfc2866"
)

// TestControllerPassesOverOldAnswers: what was sent twice is answered twice, and
// the second answer is none to the next request.
func TestControllerPassesOverOldAnswers(t *testing.T) {
	server, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	go func() {
		buf := make([]byte, radius.MaxPacketLength)
		for {
			n, from, err := server.ReadFromUDP(buf)
			if err != nil {
				return
			}
			p, err := radius.Parse(buf[:n], []byte("demo-secret"))
			if err != nil {
				t.Error(err)
				return
			}
			answer, err := p.Response(radius.CodeAccountingResponse).Encode()
			if err != nil {
				t.Error(err)
				return
			}
			for range 2 {
				server.WriteToUDP(answer, from)
			}
		}
	}()
	c, err := Dial(server.LocalAddr().(*net.UDPAddr), "demo-secret", func(string, string) {})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i := range 3 {
		if err := c.Send(t.Context(), c.Packet(rfc2866.AcctStatusType_Value_Start), "Start", false); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
	}
}
