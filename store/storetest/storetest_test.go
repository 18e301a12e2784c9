package storetest

import (
	"testing"

	"github.com/presenced/presenced/presence"
)

// The double that the tests of the whole tree use is a store.
func TestTheMemoryOfTestsKeepsTheContract(t *testing.T) {
	Run(t, func(testing.TB) presence.Store { return presence.NewMemory() })
}
