package mapping

import (
	"fmt"
	"strings"
	"testing"

	"github.com/presenced/presenced/presence"
)

func TestHashedSightingsNameNoDevice(t *testing.T) {
	const mac = "02:11:22:33:44:55"
	r := presence.Record{
		Client: "wlc", Site: "london", Status: presence.Start, UserName: "ann@example.com", Device: mac,
		Session: "646f26a4/" + mac + "/911", Multi: mac + "-0000009703",
	}
	plain := Rules{Sites: []presence.Site{{Name: "london"}}}
	hashed := plain
	hashed.HashKey = []byte("one key")
	n := hashed.Read(&r).Sighting
	if text := fmt.Sprintf("%+v", n); strings.Contains(text, mac) || n.Session == "" || n.Multi == "" {
		t.Errorf("sighting: %s", text)
	}
	if again := hashed.Read(&r).Sighting; again != n {
		t.Errorf("the same record gives %+v, then %+v", n, again)
	}
	hashed.HashKey = []byte("another key")
	if other := hashed.Read(&r).Sighting; other.Device == n.Device {
		t.Error("another key gives the same hash")
	}
	if got := plain.Read(&r).Sighting.Device; got != mac {
		t.Errorf("without a key the device is %s", got)
	}
}
