package presence

import (
	"reflect"
	"strings"
	"testing"
	"unsafe"
)

// A person is kept for long in memory; the packets that told of them are not.
func TestWhatIsKeptPinsNoPacket(t *testing.T) {
	packet := strings.Repeat("octets of a packet, ", 50) + "4F1B-multi-Corp-ap-7"
	part := func(text string) string { return packet[strings.LastIndex(packet, text):][:len(text)] }
	inPacket := func(text string) bool {
		at, from := uintptr(unsafe.Pointer(unsafe.StringData(text))), uintptr(unsafe.Pointer(unsafe.StringData(packet)))
		return text != "" && at >= from && at < from+uintptr(len(packet))
	}
	for _, status := range []Status{Start, Interim, Stop} {
		d := newDay(t)
		texts := func(n *Sighting) {
			n.Session, n.Multi, n.SSID, n.AP = part("4F1B"), part("multi"), part("Corp"), part("ap-7")
		}
		d.hear("9:00", status, laptop, "", texts)
		d.hear("9:10", Interim, laptop, "", texts)
		s := d.sessions()[0]
		if len(d.sessions()) != 1 || s.ID != "4F1B" || s.SSID != "Corp" || status != Stop && s.Multi+s.AP != "multiap-7" {
			t.Errorf("%s: %+v", status, d.sessions())
		}
		for field, value := range reflect.ValueOf(s).Fields() {
			if value.Kind() == reflect.String && inPacket(value.String()) {
				t.Errorf("%s: %s is a part of the packet", status, field.Name)
			}
		}
	}
}
