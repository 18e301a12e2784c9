package journal

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/presenced/presenced/internal/rigs/budget"
)

// FuzzJournal: whatever lies where a journal was, whole or not, is taken in or
// refused, in a time and a memory that its size bounds, and is not changed by
// being refused.
func FuzzJournal(f *testing.F) {
	o := Options{Mark: NewMark(), Begun: true}
	o.Latest = NewMark(o.Mark)
	whole := func(entry []byte) []byte {
		b := append(make([]byte, Header), entry...)
		header := append(b[:0], o.Mark[:]...)
		header = binary.BigEndian.AppendUint32(header, uint32(len(entry)))
		binary.BigEndian.AppendUint32(header, checksum(header, entry))
		return b
	}
	entry := []byte("\x10what is told of somebody\x01\x00")
	f.Add(entry, true, 0)
	f.Add(entry, true, 7)
	f.Add([]byte("text"), false, 0)
	f.Add([]byte{}, false, 0)
	f.Fuzz(func(t *testing.T, data []byte, framed bool, cut int) {
		if framed {
			data = append(whole(entry), whole(data)...)
		}
		data = data[:max(0, len(data)-max(0, cut%(len(data)+1)))]
		path := filepath.Join(t.TempDir(), "journal")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		taken := 0
		var j *Journal
		var err error
		budget.Budget{Time: 500 * time.Millisecond, Each: 5 * time.Microsecond, Octets: 64 << 10, More: 16}.Hold(t, len(data), func() {
			j, err = Open(path, o, func(entry []byte) error {
				taken += Header + len(entry)
				return nil
			})
		})
		if taken > len(data) {
			t.Errorf("%d octets out of %d", taken, len(data))
		}
		if left, err := os.ReadFile(path); err != nil || !bytes.Equal(left, data) {
			t.Errorf("it was changed by being read: %v", err)
		}
		if err != nil {
			return
		}
		if j.end != int64(taken) || j.emptied != (len(data) == 0) {
			t.Errorf("ends at %d, and %d of %d were taken, emptied %v", j.end, taken, len(data), j.emptied)
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
}
