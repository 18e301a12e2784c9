package store

import (
	"bufio"
	"context"
	"flag"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

var losses = flag.Int("losses", 8, "how often TestPowerLossLosesNothing cuts the power")

// forgetful is a file system of one folder that forgets at a crash what was not
// synced: octets, sizes, names and renames. Only a sync of the folder keeps
// names; that of a file does not.
type forgetful struct {
	fs.Inode
	mu    sync.Mutex        // guards all files too
	names map[string]*lossy // synced
}

// lossy is a file of it.
type lossy struct {
	fs.Inode
	of         *forgetful
	data, kept []byte
	dirty      map[int]bool // sectors that were written since the sync
}

var (
	_ fs.NodeCreater   = (*forgetful)(nil)
	_ fs.NodeRenamer   = (*forgetful)(nil)
	_ fs.NodeLinker    = (*forgetful)(nil)
	_ fs.NodeUnlinker  = (*forgetful)(nil)
	_ fs.NodeFsyncer   = (*forgetful)(nil)
	_ fs.NodeOnAdder   = (*forgetful)(nil)
	_ fs.NodeOpener    = (*lossy)(nil)
	_ fs.NodeReader    = (*lossy)(nil)
	_ fs.NodeWriter    = (*lossy)(nil)
	_ fs.NodeFsyncer   = (*lossy)(nil)
	_ fs.NodeSetattrer = (*lossy)(nil)
	_ fs.NodeGetattrer = (*lossy)(nil)
)

// OnAdd has the file system begin with what lies in the names.
func (r *forgetful) OnAdd(ctx context.Context) {
	for name, f := range r.names {
		r.AddChild(name, r.NewPersistentInode(ctx, f, fs.StableAttr{Mode: fuse.S_IFREG}), true)
	}
}

func (r *forgetful) Create(ctx context.Context, name string, _, _ uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	f := &lossy{of: r, dirty: map[int]bool{}}
	f.attr(&out.Attr)
	return r.NewPersistentInode(ctx, f, fs.StableAttr{Mode: fuse.S_IFREG}), nil, fuse.FOPEN_KEEP_CACHE, 0
}

func (r *forgetful) Rename(context.Context, string, fs.InodeEmbedder, string, uint32) syscall.Errno {
	return 0
}

// Link gives a file another name.
func (r *forgetful) Link(_ context.Context, target fs.InodeEmbedder, _ string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	target.(*lossy).attr(&out.Attr)
	return target.EmbeddedInode(), 0
}

func (r *forgetful) Unlink(context.Context, string) syscall.Errno { return 0 }

func (r *forgetful) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.names = r.now()
	return 0
}

// now are the files that there are now.
func (r *forgetful) now() map[string]*lossy {
	names := map[string]*lossy{}
	for name, f := range r.Children() {
		names[name] = f.Operations().(*lossy)
	}
	return names
}

func (f *lossy) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, fuse.FOPEN_KEEP_CACHE, 0
}

func (f *lossy) Read(_ context.Context, _ fs.FileHandle, to []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	f.of.mu.Lock()
	defer f.of.mu.Unlock()
	off = min(off, int64(len(f.data)))
	return fuse.ReadResultData(append([]byte(nil), f.data[off:min(off+int64(len(to)), int64(len(f.data)))]...)), 0
}

func (f *lossy) Write(_ context.Context, _ fs.FileHandle, b []byte, off int64) (uint32, syscall.Errno) {
	f.of.mu.Lock()
	defer f.of.mu.Unlock()
	f.resize(max(len(f.data), int(off)+len(b)))
	copy(f.data[off:], b)
	for i := int(off) / sector; i*sector < int(off)+len(b); i++ {
		f.dirty[i] = true
	}
	return uint32(len(b)), 0
}

func (f *lossy) resize(size int) {
	if size <= len(f.data) {
		f.data = f.data[:size:size]
		return
	}
	f.data = append(f.data, make([]byte, size-len(f.data))...)
}

func (f *lossy) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	f.of.mu.Lock()
	defer f.of.mu.Unlock()
	f.kept = append([]byte(nil), f.data...)
	clear(f.dirty)
	return 0
}

func (f *lossy) Setattr(_ context.Context, _ fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	f.of.mu.Lock()
	defer f.of.mu.Unlock()
	if size, ok := in.GetSize(); ok {
		f.resize(int(size))
	}
	f.attr(&out.Attr)
	return 0
}

func (f *lossy) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	f.of.mu.Lock()
	defer f.of.mu.Unlock()
	f.attr(&out.Attr)
	return 0
}

func (f *lossy) attr(a *fuse.Attr) {
	a.Size, a.Mode, a.Nlink = uint64(len(f.data)), fuse.S_IFREG|0o600, 1
}

// left is what is left of the file after a crash: what was synced, and of what
// was written since each sector, and the size, as chance has it.
func (f *lossy) left(chance *rand.Rand) []byte {
	likely := chance.IntN(3) // of two
	size := len(f.kept)
	if chance.IntN(2) < likely {
		size = len(f.data)
	}
	out := make([]byte, size)
	copy(out, f.kept)
	for i := range f.dirty {
		if from := i * sector; chance.IntN(2) < likely && from < min(size, len(f.data)) {
			copy(out[from:min(from+sector, size)], f.data[from:])
		}
	}
	return out
}

// mounted mounts what lies in the folder over it, forgetfully.
func mounted(t *testing.T, dir string) (*forgetful, *fuse.Server) {
	t.Helper()
	r := &forgetful{names: map[string]*lossy{}}
	for _, entry := range must(os.ReadDir(dir)) {
		data := must(os.ReadFile(filepath.Join(dir, entry.Name())))
		r.names[entry.Name()] = &lossy{of: r, data: data, kept: append([]byte(nil), data...), dirty: map[int]bool{}}
	}
	second := time.Second
	server, err := fs.Mount(dir, r, &fs.Options{
		MountOptions: fuse.MountOptions{DirectMountStrict: true, FsName: "forgetful"}, EntryTimeout: &second, AttrTimeout: &second,
	})
	if err != nil {
		t.Skipf("SKIPPED: mount a file system of our own: %v", err)
	}
	return r, server
}

// TestPowerLossLosesNothing cuts the power of a store that is written, copied and
// erased from, on a file system that forgets what was not synced: what was
// acknowledged is there, and copies that were are whole.
func TestPowerLossLosesNothing(t *testing.T) {
	device, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	device.Close()
	chance := seeded(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "presenced.db")
	acknowledged, copied, forgotten := 0, 0, 0
	for range *losses {
		r, server := mounted(t, dir)
		seed := chance.Uint64()
		w := child(t, "busy", path, strconv.FormatUint(seed, 10))
		out := must(w.StdoutPipe())
		if err := w.Start(); err != nil {
			t.Fatal(err)
		}
		told, until := told{written: acknowledged}, 1+chance.IntN(60)
		killed := false
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			told.line(lines.Text())
			if n == until {
				killed = true
				time.Sleep(time.Duration(chance.IntN(3000)) * time.Microsecond)
				w.Process.Kill()
			}
		}
		if err := w.Wait(); !killed {
			t.Errorf("seed %d: it ended by itself: %v", seed, err)
		}
		r.mu.Lock()
		names := maps.Clone(r.names)
		if chance.IntN(2) == 0 { // what became of names may be on disk all the same
			names = r.now()
		}
		after := map[string][]byte{}
		for name, f := range names {
			after[name] = f.left(chance)
		}
		r.mu.Unlock()
		if err := server.Unmount(); err != nil {
			t.Fatal(err)
		}
		for _, entry := range must(os.ReadDir(dir)) {
			must(0, os.Remove(filepath.Join(dir, entry.Name())))
		}
		for name, data := range after {
			must(0, os.WriteFile(filepath.Join(dir, name), data, 0o600))
		}
		acknowledged = told.written
		copied, forgotten = copied+len(told.copies), forgotten+len(told.gone)
		if err := found(path, told); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
	t.Logf("the power was cut %d times; %d updates, %d copies and %d erasures were acknowledged", *losses, acknowledged, copied, forgotten)
}
