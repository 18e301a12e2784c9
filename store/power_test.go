package store

import (
	"bufio"
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// event is what a process did to a file, or acknowledged.
type event struct {
	call   string // pwrite64, ftruncate, fdatasync, fsync, or ack
	at     int64  // where it wrote, what it cut or lengthened the file to, or what it acknowledged
	data   []byte
	failed bool
}

// trace runs a writer up to its update number end under strace, with faults
// injected, and returns what it did to its store.
func trace(t *testing.T, path string, end int, faults ...string) (events []event) {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err == nil {
		err = exec.Command(strace, "-qq", "-o", os.DevNull, "true").Run() // not everybody may
	}
	if err != nil {
		t.Skipf("SKIPPED, no power cut is simulated: strace: %v", err)
	}
	log := filepath.Join(t.TempDir(), "trace")
	w := child(t, "writer", path, strconv.Itoa(end))
	w.Args = []string{strace, "-f", "-qq", "-o", log, "-xx", "-s", "1048576", "-e", "signal=none", "-e", "trace=pwrite64,ftruncate,fdatasync,fsync,write"}
	for _, fault := range faults {
		w.Args = append(w.Args, "-e", "inject="+fault)
	}
	w.Args = append(w.Args, w.Path, path, strconv.Itoa(end))
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
			if !strings.HasPrefix(begin, "write(1,") {
				begun[pid] = begin
				continue
			}
			line = begin + ") = 0" // it counts as acknowledged when it is about to be
		}
		if strings.HasPrefix(line, "<...") {
			_, rest, _ := strings.Cut(line, "resumed>")
			line = begun[pid] + rest
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

// parse reads a call as strace writes it: name(fd, "\x00\x01…", length, offset) = result
func parse(t *testing.T, line string) (e event, ok bool) {
	call, rest, _ := strings.Cut(line, "(")
	all, result, ok := strings.Cut(rest, ")") // what is written is in hex
	if !ok {
		return e, false
	}
	args := strings.Split(all, ", ")
	e = event{call: call, failed: strings.HasPrefix(strings.TrimSpace(result), "= -1")}
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
		return e, args[0] == "1" && err == nil
	case "fdatasync", "fsync":
	default:
		return e, false
	}
	return e, true
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

func load(path string) image {
	data := must(os.ReadFile(path))
	return image{bytes.TrimRight(data, "\x00"), int64(len(data))}
}

func (m image) save(path string) error {
	return errors.Join(os.WriteFile(path, m.data, 0o600), os.Truncate(path, m.size))
}

// disk is a file, as far as it was synced, and what was written since.
type disk struct {
	synced  image
	pending []event
}

func (d *disk) take(e event, chance *rand.Rand) {
	sync := e.call == "fdatasync" || e.call == "fsync"
	switch {
	case sync && e.failed: // the kernel lets go of what it could not write
		d.synced, d.pending = d.cut(chance), nil
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

// cut is the disk after a power cut now: some of the writes that were not
// synced are on it, some are not, and some in part.
func (d *disk) cut(chance *rand.Rand) image {
	left := image{bytes.Clone(d.synced.data), d.synced.size}
	for _, p := range d.pending {
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
func survives(t *testing.T, base image, events []event, cuts int) {
	t.Helper()
	chance := seeded(t)
	path := filepath.Join(t.TempDir(), "presenced.db")
	check := func(left image, acknowledged int) error {
		if err := left.save(path); err != nil {
			return err
		}
		s, err := Open(path)
		if err != nil {
			return err
		}
		return errors.Join(holds(s, acknowledged), s.Close())
	}
	acknowledged, failed, done := 0, 0, 0
	d := disk{synced: base}
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
		if err := check(d.cut(chance), acknowledged); err != nil {
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
	if err := write(path, last, func(int) {}); err != nil {
		t.Fatal(err)
	}
	return path, last
}

func TestAPowerCutLosesNothing(t *testing.T) {
	t.Parallel()
	path, last := aged(t)
	base := load(path)
	survives(t, base, trace(t, path, last+40), 80)
}

// A disk that fails now and then, and loses what it failed to sync, and a
// power cut on top of that: what is acknowledged is there, and nothing needs
// a restart.
func TestAFailingDiskLosesNothing(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string][]string{
		"sync":       {"fdatasync:error=EIO:when=4+5", "fsync:error=EIO:when=2+3"},
		"every sync": {"fdatasync:error=EIO:when=2+3"},
		"write":      {"pwrite64:error=EROFS:when=9+23"},
		"both":       {"pwrite64:error=ENOSPC:when=15+31", "fdatasync:error=EIO:when=5+7"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, last := aged(t)
			base := load(path)
			survives(t, base, trace(t, path, last+20, faults...), 40)
		})
	}
}
