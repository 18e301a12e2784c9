package store

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

var cuts = flag.Int("cuts", 80, "how often TestAPowerCutLosesNothing cuts the power, and TestAFailingDiskLosesNothing half as often")

// event is what a process did to a file, or acknowledged.
type event struct {
	file   string // what its name has after the store's
	call   string // pwrite64, ftruncate, fdatasync, fsync, or ack
	at     int64  // where it wrote, what it cut or lengthened the file to, or what it acknowledged
	data   []byte
	failed bool
}

// trace runs a writer up to its update number end under strace, with faults
// injected, and returns what it did to its store.
func trace(t *testing.T, path string, end, journals int, faults ...string) (events []event) {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err == nil {
		err = exec.Command(strace, "-qq", "-o", os.DevNull, "true").Run() // not everybody may
	}
	if err != nil {
		t.Skipf("SKIPPED, no power cut is simulated: strace: %v", err)
	}
	log := filepath.Join(t.TempDir(), "trace")
	w := child(t, "writer", path, strconv.Itoa(end), strconv.Itoa(journals))
	w.Args = []string{strace, "-f", "-y", "-qq", "-o", log, "-xx", "-s", "1048576", "-e", "signal=none", "-e", "trace=pwrite64,ftruncate,fdatasync,fsync,write"}
	for _, fault := range faults {
		w.Args = append(w.Args, "-e", "inject="+fault)
	}
	w.Args = append(w.Args, w.Path, path, strconv.Itoa(end), strconv.Itoa(journals))
	w.Path = strace
	if err := w.Run(); err != nil {
		t.Fatal(err)
	}
	f := must(os.Open(log))
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<28)
	begun := map[string]string{} // by thread: what strace tells the end of later
	for lines.Scan() {
		pid, line, _ := strings.Cut(lines.Text(), " ")
		line = strings.TrimSpace(line)
		if begin, ok := strings.CutSuffix(line, "<unfinished ...>"); ok {
			if !strings.HasPrefix(begin, "write(1<") {
				begun[pid] = begin
				continue
			}
			line = begin + ") = 0" // it counts as acknowledged when it is about to be
		}
		if strings.HasPrefix(line, "<...") {
			begin, ours := begun[pid]
			if !ours { // it was taken for whole
				continue
			}
			delete(begun, pid)
			_, rest, _ := strings.Cut(line, "resumed>")
			line = begin + rest
		}
		if e, ok := parse(t, line); ok {
			events = append(events, e)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return events
}

// parse reads a call as strace writes it: name(fd<file>, "\x00\x01…", length, offset) = result
func parse(t *testing.T, line string) (e event, ok bool) {
	call, rest, _ := strings.Cut(line, "(")
	all, result, ok := strings.Cut(rest, ")") // what is written is in hex
	if !ok {
		return e, false
	}
	args := strings.Split(all, ", ")
	_, file, ours := strings.Cut(strings.TrimSuffix(must(strconv.Unquote(`"`+strings.TrimSpace(args[0])+`"`)), ">"), ".db")
	e = event{file: file, call: call, failed: strings.HasPrefix(strings.TrimSpace(result), "= -1")}
	text := func() []byte {
		quoted, err := strconv.Unquote(args[1])
		if err != nil {
			t.Fatalf("strace wrote %.100s: %v", line, err)
		}
		return []byte(quoted)
	}
	number := func(s string) int64 { return must(strconv.ParseInt(strings.TrimSpace(s), 0, 64)) }
	switch call {
	case "pwrite64":
		e.data, e.at = text(), number(args[3])
		if int64(len(e.data)) != number(args[2]) {
			t.Fatalf("strace cut a write short: %d bytes of %s", len(e.data), args[2])
		}
	case "ftruncate":
		e.at = number(args[1])
	case "write":
		n, err := strconv.Atoi(string(bytes.TrimSpace(text())))
		e.call, e.at = "ack", int64(n)
		return e, strings.HasPrefix(args[0], "1<") && err == nil
	case "fdatasync", "fsync":
	default:
		return e, false
	}
	return e, ours
}

// image is what a file holds; what of its size is not in data is zero.
type image struct {
	data []byte
	size int64
}

const sector = 512 // what a disk writes as a whole

// with is the image after the event, or, left to chance, after some sectors of
// it.
func (m image) with(e event, chance *rand.Rand) image {
	if e.call == "ftruncate" {
		return image{m.data[:min(int64(len(m.data)), e.at)], e.at}
	}
	if grow := int(e.at) + len(e.data) - len(m.data); grow > 0 {
		m.data = append(m.data, make([]byte, grow)...)
	}
	for from := 0; from < len(e.data); from += sector {
		if chance == nil || chance.IntN(2) == 0 {
			copy(m.data[int(e.at)+from:], e.data[from:min(from+sector, len(e.data))])
		}
	}
	m.size = max(m.size, int64(len(m.data)))
	return m
}

// disk is a store's files by what their names have after the store's: as
// far as they were synced, and what was written since.
type disk map[string]*struct {
	synced  image
	pending []event
}

func load(base string) disk {
	d := disk{}
	for _, path := range files(base) {
		file, data := strings.TrimPrefix(path, base), must(os.ReadFile(path))
		d[file] = &struct {
			synced  image
			pending []event
		}{synced: image{bytes.TrimRight(data, "\x00"), int64(len(data))}}
	}
	return d
}

func (all disk) take(e event, chance *rand.Rand) {
	d, sync := all[e.file], e.call == "fdatasync" || e.call == "fsync"
	switch {
	case sync && e.failed: // the kernel lets go of what it could not write
		d.synced, d.pending = cut(d.synced, d.pending, chance), nil
	case sync:
		for _, p := range d.pending {
			d.synced = d.synced.with(p, nil)
		}
		d.pending = nil
	case e.call == "ack" || e.failed:
	default:
		d.pending = append(d.pending, e)
	}
}

// cut is what a power cut leaves: some of the writes that were not synced are
// on the disk, some are not, and some in part.
func cut(synced image, pending []event, chance *rand.Rand) image {
	left := image{bytes.Clone(synced.data), synced.size}
	for _, p := range pending {
		switch chance.IntN(3) {
		case 0:
			left = left.with(p, nil)
		case 1:
			left = left.with(p, chance)
		}
	}
	return left
}

// survives cuts the power at moments during the events left to chance, and
// checks what is left each time.
func survives(t *testing.T, d disk, events []event, cuts int) {
	t.Helper()
	chance := seeded(t)
	path := filepath.Join(t.TempDir(), "presenced.db")
	check := func(acknowledged int) error {
		for file, state := range d {
			left := cut(state.synced, state.pending, chance)
			if err := errors.Join(os.WriteFile(path+file, left.data, 0o600), os.Truncate(path+file, left.size)); err != nil {
				return err
			}
		}
		s, err := Open(path)
		if err != nil {
			return err
		}
		return errors.Join(holds(s, acknowledged), s.Close())
	}
	acknowledged, failed, done := 0, 0, 0
	for i, e := range events {
		d.take(e, chance)
		if e.call == "ack" {
			acknowledged = int(e.at)
		}
		if e.failed {
			failed++
		}
		if e.call != "ack" && chance.IntN(len(events)) >= cuts {
			continue
		}
		done++
		if err := check(acknowledged); err != nil {
			t.Fatalf("power cut after event %d of %d (%s), with update %d acknowledged: %v", i, len(events), e.call, acknowledged, err)
		}
	}
	t.Logf("%d calls, %d of them failed, %d updates acknowledged, %d power cuts", len(events), failed, acknowledged, done)
	if acknowledged == 0 || done == 0 {
		t.Error("nothing was tested")
	}
}

// aged makes a store that has lived a little, so that pages are used again.
func aged(t *testing.T) (path string, last int) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "presenced.db")
	last = 30
	if err := write(path, last, someUpdates, func(int) {}); err != nil {
		t.Fatal(err)
	}
	return path, last
}

func TestAPowerCutLosesNothing(t *testing.T) {
	t.Parallel()
	path, last := aged(t)
	base := load(path)
	survives(t, base, trace(t, path, last+*cuts/2, someUpdates), *cuts)
}

// A disk that fails now and then, and loses what it failed to sync, and a
// power cut on top of that: what is acknowledged is there, and nothing needs
// a restart.
func TestAFailingDiskLosesNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		journals int
		faults   []string
	}{
		"sync":                 {someUpdates, []string{"fdatasync:error=EIO:when=4+5", "fsync:error=EIO:when=2+3"}},
		"every sync":           {someUpdates, []string{"fdatasync:error=EIO:when=2+3"}},
		"write":                {someUpdates, []string{"pwrite64:error=EROFS:when=9+23"}},
		"both":                 {someUpdates, []string{"pwrite64:error=ENOSPC:when=15+31", "fdatasync:error=EIO:when=5+7"}},
		"sync, large updates":  {1, []string{"fdatasync:error=EIO:when=4+5", "fsync:error=EIO:when=2+3"}},
		"sync, some are large": {1 << 11, []string{"fdatasync:error=EIO:when=4+5"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, last := aged(t)
			base := load(path)
			survives(t, base, trace(t, path, last+*cuts/4, c.journals, c.faults...), *cuts/2)
		})
	}
}
