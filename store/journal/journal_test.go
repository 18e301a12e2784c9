package journal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// begin makes a journal of the life that the options name.
func begin(t *testing.T, path string, o Options) *Journal {
	t.Helper()
	j, err := Open(path, o, func(entry []byte) error { return errors.New("there is one already") })
	if err == nil {
		err = j.Restart()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	return j
}

func write(t *testing.T, j *Journal, entries ...string) {
	t.Helper()
	for _, entry := range entries {
		if err := j.Append(append(make([]byte, Header), entry...)); err != nil {
			t.Fatal(err)
		}
	}
}

// read is what the next start reads.
func read(path string, o Options) (entries []string, err error) {
	o.Begun, o.Write = true, false
	j, err := Open(path, o, func(entry []byte) error {
		entries = append(entries, string(entry))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return entries, j.Close()
}

func holds(t *testing.T, path string, o Options, want ...string) {
	t.Helper()
	if got, err := read(path, o); err != nil || !slices.Equal(got, want) {
		t.Errorf("read %q, %v, want %q", got, err, want)
	}
}

func TestWhatWasAppendedIsReadAgainInItsOrder(t *testing.T) {
	path, o := filepath.Join(t.TempDir(), "journal"), Options{Mark: NewMark(), Write: true}
	o.Latest = o.Mark
	j := begin(t, path, o)
	holds(t, path, o)
	large := strings.Repeat("large", growth)
	write(t, j, "one", "", large, "two")
	holds(t, path, o, "one", "", large, "two")

	j.Limit(j.end + int64(Header))
	if j.Fits(make([]byte, Header+1)) || !j.Fits(make([]byte, Header)) {
		t.Error("it fits what is larger than what is left, or not what is not")
	}
}

// Of an earlier life nothing is read, whether it is written over or not, nor is
// anything left of it once it is scrubbed.
func TestAnEarlierLifeIsOver(t *testing.T) {
	path, o := filepath.Join(t.TempDir(), "journal"), Options{Mark: NewMark(), Write: true}
	o.Latest = o.Mark
	j := begin(t, path, o)
	write(t, j, "one", "two", "three")
	earlier := o
	o.Mark = NewMark(o.Mark)
	o.Latest = o.Mark
	j.Reset(o.Mark)
	holds(t, path, o)
	write(t, j, "new") // the others are still behind it
	holds(t, path, o, "new")
	if _, err := read(path, earlier); err == nil || !strings.Contains(err.Error(), "of a later state") {
		t.Errorf("who knows only of an earlier life reads it: %v", err)
	}
	if err := j.Scrub(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil || bytes.Contains(data, []byte("two")) || bytes.Contains(data, []byte("three")) {
		t.Errorf("what was scrubbed is there: %v", err)
	}
	holds(t, path, o, "new")
}

// What is not whole is only as good as none at the end: with whole entries
// behind it, something that was promised is damaged, and is not dropped in
// silence.
func TestADamagedEntryIsNoneOnlyAtTheEnd(t *testing.T) {
	path, o := filepath.Join(t.TempDir(), "journal"), Options{Mark: NewMark(), Write: true}
	o.Latest = o.Mark
	j := begin(t, path, o)
	write(t, j, "one", "two")
	last := j.end
	write(t, j, "three")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := range j.end {
		damaged := bytes.Clone(data)
		damaged[at] ^= 0x10
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		entries, err := read(path, o)
		switch {
		case at >= last && (err != nil || !slices.Equal(entries, []string{"one", "two"})):
			t.Errorf("with octet %d of the last entry damaged: %q, %v", at, entries, err)
		case at < last && at >= int64(len(Mark{})) && (err == nil || !strings.Contains(err.Error(), "damaged at octet ")):
			t.Errorf("with octet %d damaged: %q, %v", at, entries, err)
		case at < int64(len(Mark{})) && (err == nil || !strings.Contains(err.Error(), "no journal of this file")):
			t.Errorf("with octet %d of the first mark damaged: %q, %v", at, entries, err)
		}
		if left, err := os.ReadFile(path); err != nil || !bytes.Equal(left, damaged) {
			t.Fatalf("it was changed: %v", err)
		}
	}
}

// What failed may be on the disk all the same. Sealed, it is not found.
func TestWhatFailedIsNotFoundOnceItIsSealed(t *testing.T) {
	path, o := filepath.Join(t.TempDir(), "journal"), Options{Mark: NewMark(), Write: true}
	o.Latest = o.Mark
	j := begin(t, path, o)
	write(t, j, "one")
	end := j.end
	write(t, j, "failed")
	j.end, j.torn = end, true // as when the sync fails at the last moment
	holds(t, path, o, "one", "failed")
	if err := j.Seal(); err != nil {
		t.Fatal(err)
	}
	holds(t, path, o, "one")
	if j.Torn() {
		t.Error("it is still torn")
	}
}
