//go:build !race

package office

// racing is whether the race detector makes everything many times slower; see race_test.go.
const racing = false
