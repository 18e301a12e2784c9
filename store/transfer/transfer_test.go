package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/presenced/presenced/store"
)

// rows is a store in memory, of which so many writings fail.
type rows struct {
	of    map[store.Kind]map[string]string
	fails int
}

func (r *rows) Rows(_ context.Context, k store.Kind) iter.Seq2[store.Row, error] {
	return func(yield func(store.Row, error) bool) {
		for _, key := range slices.Sorted(maps.Keys(r.of[k])) {
			if !yield(store.Row{Kind: k, Key: []byte(key), Value: []byte(r.of[k][key])}, nil) {
				return
			}
		}
	}
}

func (r *rows) WriteRows(_ context.Context, all []store.Row) error {
	for i, row := range all {
		if r.fails > 0 && i == len(all)/2 { // what stands before it is written
			r.fails--
			return errors.New("interrupted")
		}
		if r.of[row.Kind] == nil {
			r.of[row.Kind] = map[string]string{}
		}
		if delete(r.of[row.Kind], string(row.Key)); row.Value != nil {
			r.of[row.Kind][string(row.Key)] = string(row.Value)
		}
	}
	return nil
}

func drawn(t *rapid.T, name string) *rows {
	r := &rows{of: map[store.Kind]map[string]string{}}
	for _, k := range store.Kinds() {
		r.of[k] = rapid.MapOfN(rapid.StringMatching(`[a-c\x00]{0,3}`), rapid.StringMatching(`[x-z]{0,2}`), 0, 6).Draw(t, fmt.Sprint(name, " ", k))
	}
	return r
}

// Whatever the target held, and wherever a copy was interrupted, in the end it holds what the
// source does; and only then does a comparison say so.
func TestACopyIsTheSameHoweverOftenItIsInterrupted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from, to := drawn(t, "from"), drawn(t, "to")
		to.fails = rapid.IntRange(0, 5).Draw(t, "interruptions")
		for {
			_, err := Copy(t.Context(), from, to, func(int) {})
			if err == nil {
				break
			}
			same := true
			for _, k := range store.Kinds() {
				same = same && maps.Equal(from.of[k], to.of[k])
			}
			if _, _, err := Compare(t.Context(), from, to, func(int) {}); (err == nil) != same {
				t.Fatalf("halfway they are the same: %v, and of that is said %v", same, err)
			}
		}
		a, sum, err := Compare(t.Context(), from, to, func(int) {})
		b, _ := Count(t.Context(), from)
		if err != nil || fmt.Sprint(a) != fmt.Sprint(b) || bytes.Equal(sum[:], make([]byte, len(sum))) {
			t.Fatalf("%v, %v, %v", a, b, err)
		}
		if n, err := Copy(t.Context(), from, to, func(int) {}); n != 0 || err != nil {
			t.Fatalf("%d rows are written of what is there, %v", n, err)
		}
	})
}

// Where two stores differ is said by the first row that does.
func TestWhereStoresDifferIsSaid(t *testing.T) {
	of := func(value ...string) *rows {
		m := map[string]string{}
		for i := 0; i < len(value); i += 2 {
			m[value[i]] = value[i+1]
		}
		return &rows{of: map[store.Kind]map[string]string{store.People: m}}
	}
	for says, to := range map[string]*rows{
		`of people "ann" is otherwise`:      of("ann", "2", "bob", "1"),
		`of people "bob" is missing`:        of("ann", "1"),
		`"aaa", which should not be there`:  of("aaa", "1", "ann", "1", "bob", "1"),
		`"cleo", which should not be there`: of("ann", "1", "bob", "1", "cleo", "1"),
	} {
		if _, _, err := Compare(t.Context(), of("ann", "1", "bob", "1"), to, func(int) {}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
}
