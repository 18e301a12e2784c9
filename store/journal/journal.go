// Package journal is a file of entries, one behind the other: what is appended
// is on disk when Append returns, and a file that was cut short, torn or damaged
// at any moment is read as what was appended, or is an error.
//
// An entry is a header of 24 octets and what was appended:
//
//	16  the mark: eight octets left to chance, and the number of the life
//	 4  the length of what follows the header
//	 4  the CRC-32 (Castagnoli) of the twenty octets before and of what follows
//
// Numbers are big-endian. Only entries with the mark that the keeper of the
// journal names count. So the keeper empties it by naming another, and what was
// written before is written over. The file keeps its size: it is filled with
// zeros, 256 KiB at a time, and an append is one write in place and one
// fdatasync, which is much less than what a data base needs for a commit.
//
// What is promised:
//
//   - An entry whose Append succeeded is read again, in its order, until its mark
//     counts no longer. One whose Append failed is no more, once another is
//     appended or the journal is sealed.
//   - An entry that is not whole ends the journal if no whole one is behind it:
//     its Append has not returned. Else something that was promised is damaged,
//     which is an error.
//   - Nothing that was not appended is taken for an entry, whatever lies behind
//     the last one and whoever wrote it: nobody outside knows the mark.
//   - A file that is refused is left as it is.
package journal

import (
	"bytes"
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

// Journal is a file of entries. It is used by one goroutine at a time. The zero
// value is one that is not there.
type Journal struct {
	file *os.File // nil: there is none
	mark Mark
	end  int64 // of the entries that count
	torn bool  // there may be another behind them, which failed
	most int64 // that they may take up
	size int64 // of the file

	emptied bool // by somebody: it had entries, perhaps
}

const (
	// Most is how many octets of entries a journal takes, unless [Journal.Limit]
	// says otherwise. What they say takes up about as much memory.
	Most = 16 << 20

	// Header is how many octets precede what an entry says.
	Header = len(Mark{}) + 4*2 // mark, length, checksum of both and of what follows

	growth = 1 << 18 // octets by which the file grows
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Options are what the keeper of a journal knows of it.
type Options struct {
	Mark   Mark // of the entries that count
	Latest Mark // the latest that the keeper gave any journal
	Begun  bool // it was begun: there is a file, of a life that the keeper knows of, or an empty one
	Write  bool // it is to be written, and made if it was not begun and is not there
}

// Open opens the journal at path and calls replay with every entry that
// counts. The last entry may be torn, which is as good as none; one in the
// middle that is not whole is damage. If it was begun, a journal that is not
// there is an error, and so is one of a life after the latest.
func Open(path string, o Options, replay func(entry []byte) error) (*Journal, error) {
	j := &Journal{mark: o.Mark, most: Most}
	flags := os.O_RDONLY
	switch {
	case o.Write && o.Begun:
		flags = os.O_RDWR
	case o.Write:
		flags = os.O_RDWR | os.O_CREATE
	}
	f, err := os.OpenFile(path, flags, 0o600)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !o.Begun:
		return j, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, &fs.PathError{Op: "open", Path: path, Err: errors.New("not there, and what only it has was acknowledged: " +
			"put it back beside the file, or restore a backup, or put an empty file there to go on without")}
	case err != nil:
		return nil, err
	}
	if info, err := f.Stat(); err == nil && !info.Mode().IsRegular() {
		return nil, errors.Join(&fs.PathError{Op: "open", Path: path, Err: errors.New("not a file: move it away")}, f.Close())
	}
	data, err := io.ReadAll(f)
	if err == nil && o.Write && len(data) == 0 { // it may be new
		err = SyncDir(filepath.Dir(path))
	}
	j.file, j.size = f, int64(len(data))
	j.emptied = o.Begun && len(data) == 0
	if o.Begun && !o.Latest.began(data) {
		err = &fs.PathError{Op: "read", Path: path, Err: errors.New("no journal of this file, or of a later state than it is, if it is an older copy: " +
			"put back those that belong together, or restore a backup, or empty the journal to go on without what only it has")}
	}
	for err == nil {
		entry, ok := j.entry(data[j.end:])
		switch {
		case !ok && !j.more(data[j.end:]):
			j.torn = bytes.HasPrefix(data[j.end:], j.mark[:])
			return j, nil
		case !ok:
			return nil, errors.Join(j.Damaged(), f.Close())
		}
		err = replay(entry)
		j.end += int64(Header + len(entry))
	}
	return nil, errors.Join(err, f.Close())
}

// Damaged is the error of a journal whose entries end where one is not whole,
// although there is more.
func (j *Journal) Damaged() error {
	err := fmt.Errorf("damaged at octet %d: restore a backup, or put an empty file in its place to go on without what only it has", j.end)
	return &fs.PathError{Op: "read", Path: j.file.Name(), Err: err}
}

// entry returns what the entry at the beginning of data holds, if it is a
// whole one that counts.
func (j *Journal) entry(data []byte) (entry []byte, ok bool) {
	if len(data) < Header || Mark(data) != j.mark {
		return nil, false
	}
	n, sum := binary.BigEndian.Uint32(data[16:]), binary.BigEndian.Uint32(data[20:])
	if int64(n) > int64(len(data)-Header) {
		return nil, false
	}
	entry = data[Header:][:n]
	return entry, sum == checksum(data[:20], entry)
}

// more reports whether data has an entry that counts behind its beginning.
func (j *Journal) more(data []byte) bool {
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

// Mark is the mark of the entries that count.
func (j *Journal) Mark() Mark { return j.mark }

// Empty reports whether no entry counts.
func (j *Journal) Empty() bool { return j.end == 0 }

// Torn reports whether there may be an entry behind the last one that is not
// whole, or whose Append failed.
func (j *Journal) Torn() bool { return j.torn }

// Emptied reports whether the file was empty when it was opened, although it
// was begun: somebody goes on without what it had.
func (j *Journal) Emptied() bool { return j.emptied }

// Limit makes the journal take so many octets of entries at the most.
func (j *Journal) Limit(octets int64) { j.most = octets }

// Stat describes the file; it is an error if there is none.
func (j *Journal) Stat() (fs.FileInfo, error) { return j.file.Stat() }

// Fits reports whether there is room for an entry, which begins with room for
// its header.
func (j *Journal) Fits(b []byte) bool { return j.end+int64(len(b)) <= j.most }

// Append adds an entry, before which b has room for its header, and syncs it.
// One that fails does not count, and the next is written over it.
func (j *Journal) Append(b []byte) error {
	header := append(b[:0], j.mark[:]...)
	header = binary.BigEndian.AppendUint32(header, uint32(len(b)-Header))
	binary.BigEndian.AppendUint32(header, checksum(header, b[Header:]))
	j.torn = true
	if err := j.grow(j.end + int64(len(b))); err != nil {
		return err
	}
	if err := Point("append: before the write"); err != nil {
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

// Seal sees to it that no entry that failed is found behind the last one, when
// the next ones are not written over it but to another journal.
func (j *Journal) Seal() error {
	if !j.torn {
		return nil
	}
	if err := Point("seal: before the write"); err != nil {
		return err
	}
	if _, err := j.file.WriteAt(make([]byte, Header), j.end); err != nil {
		return err
	}
	if err := j.sync(); err != nil {
		return err
	}
	j.torn = false
	return nil
}

func (j *Journal) sync() error {
	if err := Point("journal: before the sync"); err != nil {
		return err
	}
	if err := syscall.Fdatasync(int(j.file.Fd())); err != nil {
		return &fs.PathError{Op: "fdatasync", Path: j.file.Name(), Err: err}
	}
	return Point("journal: after the sync")
}

// grow makes the file at least so large. It is filled with zeros, because
// writing where nothing was yet costs the file system a commit of its own.
func (j *Journal) grow(size int64) error {
	for j.size < size {
		if _, err := j.file.WriteAt(make([]byte, growth), j.size); err != nil {
			return err
		}
		j.size += growth
	}
	return nil
}

// Restart makes the file one without entries, on disk, whatever was in it.
func (j *Journal) Restart() error {
	if err := j.file.Truncate(0); err != nil {
		return err
	}
	j.size = 0
	if err := errors.Join(Point("restart: after the truncation"), j.grow(growth)); err != nil {
		return err
	}
	return j.file.Sync()
}

// Reset forgets all entries: from now on those with another mark count.
func (j *Journal) Reset(m Mark) { j.mark, j.end, j.torn = m, 0, false }

// Scrub writes zeros over what does not count, which may still hold what was
// erased.
func (j *Journal) Scrub() error {
	if err := Point("journal: before it is scrubbed"); err != nil {
		return err
	}
	if _, err := j.file.WriteAt(make([]byte, j.size-j.end), j.end); err != nil {
		return err
	}
	return j.file.Sync()
}

// Close closes the file, if there is one.
func (j *Journal) Close() error {
	if j.file == nil {
		return nil
	}
	defer func() { j.file = nil }()
	return j.file.Close()
}

// SyncDir brings to disk which names are in the folder.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
