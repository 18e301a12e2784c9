package store

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// journal is a file of entries, one behind the other, each synced before
// append returns. Only entries with the journal's mark count: reset gives it
// another, and what was written before is written over. So the file keeps its
// size, and an append is one write in place and one fdatasync, which is much
// less than what bbolt needs for a commit.
type journal struct {
	file *os.File // nil: there is none
	mark mark
	end  int64 // of the entries that count
	torn bool  // there may be another behind them, which failed
	most int64 // that they may take up
	size int64 // of the file
}

// mark tells the entries of one life of the journal from all others. It is
// left to chance, so that no name that a packet brings can be taken for an
// entry when what lies behind the last one is read.
type mark [16]byte

func newMark() (m mark) {
	rand.Read(m[:]) // never fails
	return m
}

const (
	journalMost = 16 << 20 // octets of entries; what they say takes up about as much memory
	journalGrow = 1 << 18  // octets by which the file grows
	entryHeader = 16 + 4*2 // mark, length, checksum of both and of what follows
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// openJournal opens the journal at path and calls replay with every entry that
// counts. Without write a journal that is not there is an empty one. The last
// entry may be torn, which is as good as none; one in the middle that is not
// whole is damage.
func openJournal(path string, m mark, write bool, replay func(entry []byte) error) (*journal, error) {
	j := &journal{mark: m, most: journalMost}
	flags := os.O_RDONLY
	if write {
		flags = os.O_RDWR | os.O_CREATE
	}
	f, err := os.OpenFile(path, flags, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return j, nil
	}
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err == nil && !info.Mode().IsRegular() {
		return nil, errors.Join(&fs.PathError{Op: "open", Path: path, Err: errors.New("not a file: move it away")}, f.Close())
	}
	data, err := io.ReadAll(f)
	if err == nil && write && len(data) == 0 { // it may be new
		err = syncDir(filepath.Dir(path))
	}
	j.file, j.size = f, int64(len(data))
	for err == nil {
		entry, ok := j.entry(data[j.end:])
		switch {
		case !ok && !j.more(data[j.end:]):
			j.torn = bytes.HasPrefix(data[j.end:], j.mark[:])
			return j, nil
		case !ok:
			return nil, errors.Join(j.damaged(), f.Close())
		}
		err = replay(entry)
		j.end += entryHeader + int64(len(entry))
	}
	return nil, errors.Join(err, f.Close())
}

func (j *journal) damaged() error {
	err := fmt.Errorf("damaged at octet %d: restore a backup, or move it away to go on without what only it has", j.end)
	return &fs.PathError{Op: "read", Path: j.file.Name(), Err: err}
}

// entry returns what the entry at the beginning of data holds, if it is a
// whole one that counts.
func (j *journal) entry(data []byte) (entry []byte, ok bool) {
	if len(data) < entryHeader || mark(data) != j.mark {
		return nil, false
	}
	n, sum := binary.BigEndian.Uint32(data[16:]), binary.BigEndian.Uint32(data[20:])
	if int64(n) > int64(len(data)-entryHeader) {
		return nil, false
	}
	entry = data[entryHeader:][:n]
	return entry, sum == checksum(data[:20], entry)
}

// more reports whether data has an entry that counts behind its beginning.
func (j *journal) more(data []byte) bool {
	for len(data) > 0 {
		at := bytes.Index(data[1:], j.mark[:])
		if at < 0 {
			return false
		}
		data = data[1+at:]
		if _, ok := j.entry(data); ok {
			return true
		}
	}
	return false
}

func checksum(header, entry []byte) uint32 {
	return crc32.Update(crc32.Checksum(header, castagnoli), castagnoli, entry)
}

// fits reports whether there is room for an entry.
func (j *journal) fits(b []byte) bool { return j.end+int64(len(b)) <= j.most }

// append adds an entry, before which b has room for its header, and syncs it.
// One that fails does not count, and the next is written over it.
func (j *journal) append(b []byte) error {
	header := append(b[:0], j.mark[:]...)
	header = binary.BigEndian.AppendUint32(header, uint32(len(b)-entryHeader))
	binary.BigEndian.AppendUint32(header, checksum(header, b[entryHeader:]))
	j.torn = true
	if err := j.grow(j.end + int64(len(b))); err != nil {
		return err
	}
	if _, err := j.file.WriteAt(b, j.end); err != nil {
		return err
	}
	if err := j.sync(); err != nil {
		return err
	}
	j.end, j.torn = j.end+int64(len(b)), false
	return nil
}

// seal sees to it that no entry that failed is found behind the last one, when
// the next ones are not written over it but to another journal.
func (j *journal) seal() error {
	if !j.torn {
		return nil
	}
	if _, err := j.file.WriteAt(make([]byte, entryHeader), j.end); err != nil {
		return err
	}
	if err := j.sync(); err != nil {
		return err
	}
	j.torn = false
	return nil
}

func (j *journal) sync() error {
	if err := syscall.Fdatasync(int(j.file.Fd())); err != nil {
		return &fs.PathError{Op: "fdatasync", Path: j.file.Name(), Err: err}
	}
	return nil
}

// grow makes the file at least so large. It is filled with zeros, because
// writing where nothing was yet costs the file system a commit of its own.
func (j *journal) grow(size int64) error {
	for j.size < size {
		if _, err := j.file.WriteAt(make([]byte, journalGrow), j.size); err != nil {
			return err
		}
		j.size += journalGrow
	}
	return nil
}

// reset forgets all entries.
func (j *journal) reset(m mark) { j.mark, j.end, j.torn = m, 0, false }

// scrub writes zeros over what does not count, which may still name people.
func (j *journal) scrub() error {
	if _, err := j.file.WriteAt(make([]byte, j.size-j.end), j.end); err != nil {
		return err
	}
	return j.file.Sync()
}

func (j *journal) close() error {
	if j.file == nil {
		return nil
	}
	defer func() { j.file = nil }()
	return j.file.Close()
}
