package rehearse

import (
	"container/heap"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/presenced/presenced/radiusacct"
)

// File is one of the files that were read.
type File struct {
	Name    string            `json:"name"`
	Format  radiusacct.Format `json:"format,omitempty"`
	Packets uint64            `json:"packets"`
	Flaws   uint64            `json:"flaws"`           // what in it could not be read
	First   []string          `json:"first,omitempty"` // the first of these, each with its place

	size   int64
	begins time.Time // its first packet
	reader radiusacct.Reader
	close  io.Closer
	packet radiusacct.Packet // the next
}

// flawsKept is how many flaws of a file are told.
const flawsKept = 5

func (f *File) flaw(err error) {
	if f.Flaws++; len(f.First) < flawsKept {
		f.First = append(f.First, f.Name+": "+err.Error())
	}
}

// sources are files that are read as one, in order of time. Those whose time has not
// come are closed.
type sources struct {
	form    radiusacct.Form
	files   []*File // all
	waiting []*File // by their begins
	open    byNext
	sizes   int64
	read    atomic.Int64 // octets
	repeats repeats
}

// find finds the files of the names, and of the folders among them.
func find(names []string, form radiusacct.Form) (*sources, error) {
	s := &sources{form: form}
	for _, name := range names {
		if name == "-" {
			s.files = append(s.files, &File{Name: name, size: -1})
			continue
		}
		info, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			s.files = append(s.files, &File{Name: name, size: info.Size()})
			continue
		}
		err = filepath.WalkDir(name, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() || strings.HasPrefix(entry.Name(), ".") {
				return err
			}
			info, err := entry.Info()
			if err == nil && info.Size() > 0 {
				s.files = append(s.files, &File{Name: path, size: info.Size()})
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	for _, f := range s.files {
		s.sizes += max(0, f.size)
		if err := s.begin(f); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(s.waiting, func(a, b *File) int { return a.begins.Compare(b.begins) })
	return s, nil
}

// counted counts what is read of a file, and reads no further than it was long when
// it was found: it may grow meanwhile.
type counted struct {
	io.Reader
	n *atomic.Int64
}

func (c counted) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.n.Add(int64(n))
	return n, err
}

// begin looks when the file begins, and keeps it open if it is alone.
func (s *sources) begin(f *File) error {
	if err := s.start(f); err != nil {
		return err
	}
	if !s.next(f) {
		return nil
	}
	f.begins = f.packet.Heard
	if f.size >= 0 && len(s.files) > 1 { // it is opened again when its time has come
		f.close.Close()
		f.reader, f.Packets, f.Flaws, f.First = nil, 0, 0, nil
		s.read.Store(0)
	}
	s.waiting = append(s.waiting, f)
	return nil
}

// start opens the file. A file that is none of accounting is a flaw, and one that
// cannot be opened an error.
func (s *sources) start(f *File) error {
	var in io.Reader = os.Stdin
	f.close = io.NopCloser(nil)
	if f.size >= 0 {
		file, err := os.Open(f.Name)
		if err != nil {
			return err
		}
		in, f.close = io.LimitReader(file, f.size), file
	}
	reader, err := radiusacct.NewReader(counted{in, &s.read}, s.form)
	if err != nil {
		f.flaw(err)
		f.close.Close()
		return nil
	}
	f.reader, f.Format = reader, reader.Format()
	return nil
}

// next reads the next packet of the file, and reports whether there is one.
func (s *sources) next(f *File) bool {
	if f.reader == nil {
		return false
	}
	for {
		p, err := f.reader.Next()
		var flaw *radiusacct.Flaw
		switch {
		case errors.As(err, &flaw):
			f.flaw(err)
			continue
		case err != nil:
			if !errors.Is(err, io.EOF) {
				f.flaw(err)
			}
			f.close.Close()
			return false
		}
		whole, ok := radiusacct.Whole(p.Octets)
		if p.Octets = whole; !ok {
			f.flaw(fmt.Errorf("line %d: no well-formed Accounting-Request", p.Place))
			continue
		}
		if p.Heard.IsZero() {
			p.Heard = radiusacct.StampOf(p.Octets)
		}
		if p.Heard.IsZero() {
			f.flaw(fmt.Errorf("line %d: it does not say when it was: no time of arrival, and no Event-Timestamp", p.Place))
			continue
		}
		f.packet = p
		f.Packets++
		return true
	}
}

// Next returns the next packet of all files, with the file that it is of; nil at the
// end.
func (s *sources) Next() (*File, error) {
	if len(s.open) > 0 && s.open[0].packet.Octets == nil { // it has been given out
		f := s.open[0]
		if s.next(f) {
			heap.Fix(&s.open, 0)
		} else {
			heap.Pop(&s.open)
		}
	}
	for len(s.waiting) > 0 && (len(s.open) == 0 || !s.waiting[0].begins.After(s.open[0].packet.Heard)) {
		f := s.waiting[0]
		s.waiting = s.waiting[1:]
		if f.reader == nil {
			if err := s.start(f); err != nil {
				f.flaw(err)
				continue
			}
			if !s.next(f) {
				continue
			}
		}
		heap.Push(&s.open, f)
	}
	if len(s.open) == 0 {
		return nil, io.EOF
	}
	return s.open[0], nil
}

// byNext is a heap of open files by their next packets.
type byNext []*File

func (b byNext) Len() int           { return len(b) }
func (b byNext) Less(i, j int) bool { return b[i].packet.Heard.Before(b[j].packet.Heard) }
func (b byNext) Swap(i, j int)      { b[i], b[j] = b[j], b[i] }

// Push implements [heap.Interface].
func (b *byNext) Push(x any) { *b = append(*b, x.(*File)) }

// Pop implements [heap.Interface].
func (b *byNext) Pop() any {
	last := (*b)[len(*b)-1]
	*b = (*b)[:len(*b)-1]
	return last
}

// repeats knows the packets of the last minutes, by what is in them: several servers
// may have written down the same one, and a controller may have sent it again.
type repeats struct {
	young, old map[uint64]struct{}
	turned     time.Time
	seed       maphash.Seed
	octets     []byte
}

// repeatTime is within how long a packet with the same content is the same.
const repeatTime = 15 * time.Minute

// again reports whether the packet came already.
func (r *repeats) again(packet []byte, heard time.Time) bool {
	if r.young == nil {
		r.seed, r.young, r.old, r.turned = maphash.MakeSeed(), map[uint64]struct{}{}, map[uint64]struct{}{}, heard
	}
	switch since := heard.Sub(r.turned); {
	case since > 2*repeatTime:
		clear(r.old)
		fallthrough
	case since > repeatTime:
		r.old, r.young = r.young, r.old
		clear(r.young)
		r.turned = heard
	}
	r.octets = radiusacct.AppendContent(r.octets[:0], packet)
	key := maphash.Bytes(r.seed, r.octets)
	_, young := r.young[key]
	_, old := r.old[key]
	if !young {
		r.young[key] = struct{}{}
	}
	return young || old
}

// folder is the address of the client that a detail file's folder names, as in
// radacct/10.0.0.1/detail-20260302.
func folder(name string) netip.Addr {
	addr, err := netip.ParseAddr(filepath.Base(filepath.Dir(name)))
	if err != nil {
		return netip.Addr{}
	}
	return addr
}
