package etcdstore

import (
	"testing"

	"github.com/presenced/presenced/store"
)

// Who changes how people are written has daemons of the version before beside them, which
// read only what they know: the new form is written once the format of the store is the new
// one, see [Store.Nature].
func TestTheFormatIsRaisedWithHowPeopleAreWritten(t *testing.T) {
	if is := [2]int{Format, store.Version}; is != [2]int{1, 4} {
		t.Errorf("format and version of the documents are %v: write the documents of before while Nature is the format of before, and say so here", is)
	}
}
