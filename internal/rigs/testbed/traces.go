package testbed

import (
	"bytes"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// trace is what would tell of somebody: a text, whatever its case, or raw
// bytes.
type trace struct {
	text string
	raw  []byte
}

// Texts are traces of names and the like.
func Texts(all ...string) (traces []trace) {
	for _, text := range all {
		traces = append(traces, trace{text: strings.ToLower(text)})
	}
	return traces
}

// Spellings are the ways to write MAC addresses.
func Spellings(macs ...string) (traces []trace) {
	for _, mac := range macs {
		bare := strings.ReplaceAll(mac, ":", "")
		raw, err := hex.DecodeString(bare)
		if err != nil {
			panic(err)
		}
		traces = append(traces, Texts(mac, strings.ReplaceAll(mac, ":", "-"), bare,
			bare[:4]+"."+bare[4:8]+"."+bare[8:], bare[:6]+"-"+bare[6:], bare[:6]+":"+bare[6:])...)
		traces = append(traces, trace{text: mac + " in six bytes", raw: raw})
	}
	return traces
}

// Found returns the traces that are in the data, by their texts.
func Found(data []byte, traces []trace) (names []string) {
	lower := bytes.ToLower(data)
	for _, t := range traces {
		if t.raw == nil && bytes.Contains(lower, []byte(t.text)) || t.raw != nil && bytes.Contains(data, t.raw) {
			names = append(names, t.text)
		}
	}
	slices.Sort(names)
	return names
}

// Kept returns the traces that are in any byte of any file of the folder: the
// store, and whatever stands beside it.
func Kept(t Tester, dir string, traces []trace) []string {
	t.Helper()
	var all []byte
	files := 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		files++
		data, err := os.ReadFile(path)
		all = append(all, data...)
		return err
	})
	if err != nil || files == 0 {
		t.Fatalf("%d files in %s, %v", files, dir, err)
	}
	return Found(all, traces)
}
