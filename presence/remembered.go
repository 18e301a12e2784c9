package presence

import (
	"context"
	"encoding/json"
)

// Remembered returns the world as far as it is stored, for readers of the store
// without the daemon. It does not know when records may have been missed.
func Remembered(ctx context.Context, store interface {
	Notes(ctx context.Context, kind, after string, limit int) ([]Note, error)
}, rules Rules) (World, error) {
	t := Tracker{nases: map[NASName]*nas{}, hashes: map[uint32]*nas{}, sources: map[string]*source{}}
	w := World{Rules: rules, NAS: t.nas, NASByHash: t.nasByHash}
	for notes, err := range AllNotes(ctx, store, nasKind) {
		if err != nil {
			return w, err
		}
		for _, note := range notes {
			var n NAS
			if json.Unmarshal(note.Value, &n) == nil {
				t.put(NASName(note.Key), newNAS(n))
			}
		}
	}
	return w, nil
}
