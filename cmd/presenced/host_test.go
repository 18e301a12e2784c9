package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/presenced/presenced/radiusacct"
)

// TestSmallReceiveBufferIsDoubtful: it loses bursts, and says of how many packets.
func TestSmallReceiveBufferIsDoubtful(t *testing.T) {
	if got := bufferTrial(212992); got.verdict != doubtful || !strings.Contains(got.text, "some 327 packets") || !strings.Contains(got.remedy, "ReceiveBuffer=8M") {
		t.Errorf("Debian's default: %+v", got)
	}
	if got := bufferTrial(radiusacct.WantedReceiveBuffer); got.verdict != good || got.remedy != "" {
		t.Errorf("as much as is wanted: %+v", got)
	}
}

// TestSocketFolderThatIsNotThereIsSystemds: it makes it with the service.
func TestSocketFolderThatIsNotThereIsSystemds(t *testing.T) {
	dir := t.TempDir()
	if got := trySocketFolder(filepath.Join(dir, "presenced", "presenced.sock")); got.verdict != noted {
		t.Errorf("%+v", got)
	}
	if got := trySocketFolder(filepath.Join(dir, "presenced.sock")); got.verdict != good {
		t.Errorf("%+v", got)
	}
}
