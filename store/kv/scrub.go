package kv

import (
	"bytes"
	"context"
	"errors"

	"go.etcd.io/bbolt"

	"github.com/presenced/presenced/store/journal"
)

const scrubChunk = 4096 // pages looked at while writers wait

// Scrub writes zeros over every page of the file that is not in use, and over
// what the journals have behind their entries. What was written is in the file before,
// on disk, so that no crash makes any of that needed again.
func (m *Map) Scrub(ctx context.Context) error {
	if err := m.Checkpoint(); err != nil {
		return err
	}
	zeros := make([]byte, m.db.Info().PageSize)
	page := make([]byte, len(zeros))
	for first, more := 2, true; more; first += scrubChunk {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := m.alone(func(tx *bbolt.Tx) (err error) {
			var free []int
			if free, more, err = m.freePages(tx, first); err != nil {
				return err
			}
			for _, id := range free {
				at := int64(id) * int64(len(page))
				if _, err := m.file.ReadAt(page, at); err != nil {
					return err
				}
				if bytes.Equal(page, zeros) {
					continue
				}
				if err := journal.Point("forget: before a page is cleared"); err != nil {
					return err
				}
				if _, err := m.file.WriteAt(zeros, at); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if err := errors.Join(journal.Point("forget: before the sync"), m.file.Sync(), journal.Point("forget: after the sync")); err != nil {
		return err
	}
	m.writing.Lock()
	defer m.writing.Unlock()
	return errors.Join(m.journals[0].Scrub(), m.journals[1].Scrub())
}

// alone runs f in a transaction during which nothing is written to the map.
// It only reads: the end of one that may write, but does not, has bbolt look
// through the whole file for free pages.
func (m *Map) alone(f func(*bbolt.Tx) error) error {
	m.writing.Lock()
	defer m.writing.Unlock()
	if err := m.endCheckpoint(); err != nil {
		return err
	}
	if err := m.settleDoubt(); err != nil {
		return err
	}
	return m.db.View(f)
}

// freePages lists the pages of a chunk that are not in use, neither by the
// state of the transaction nor by a reader of an earlier one.
func (m *Map) freePages(tx *bbolt.Tx, first int) (free []int, more bool, err error) {
	m.reading.Lock() // until no reader is left; the next ones read this state
	defer m.reading.Unlock()
	info, err := m.file.Stat()
	if err != nil {
		return nil, false, err
	}
	pages := int(info.Size()) / m.db.Info().PageSize
	for id := first; id < min(first+scrubChunk, pages); id++ {
		page, err := tx.Page(id)
		if err != nil {
			return nil, false, err
		}
		if page == nil || page.Type == "free" { // nil: grown, not used yet
			free = append(free, id)
		}
	}
	return free, first+scrubChunk < pages, nil
}
