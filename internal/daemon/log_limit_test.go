package daemon

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presenced/presenced/configs"
)

// TestALogHasALimit: whatever is said again and again is written some times a
// minute, with how often it was left out, and nothing else is lost for it.
func TestALogHasALimit(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		synctest.Test(t, func(t *testing.T) {
			var out bytes.Buffer
			log := NewLog(&out, configs.Log{Level: "info", Format: format})
			for range 4000 {
				log.WithField("people", 1).Info("a NAS was reset")
			}
			log.Warn("a NAS was reset")
			log.Info("something else")
			written := func(text string) int { return strings.Count(out.String(), text) }
			if n := written("a NAS was reset"); n != linesAtOnce+1 || written("something else") != 1 {
				t.Errorf("written %d times, want %d:\n%s", n, linesAtOnce+1, out.String())
			}
			setLog(log, configs.Log{Level: "info", Format: format}) // a reload is no way round it
			log.Info("a NAS was reset")
			if n := written("a NAS was reset"); n != linesAtOnce+1 {
				t.Errorf("written %d times after a reload", n)
			}
			time.Sleep(linesIn)
			out.Reset()
			log.WithField("people", 2).Info("a NAS was reset")
			if got := out.String(); !strings.Contains(got, "3981") || !strings.Contains(got, "people") || strings.Count(got, "\n") != 1 {
				t.Errorf("a minute later: %q", got)
			}
		})
	}
}
