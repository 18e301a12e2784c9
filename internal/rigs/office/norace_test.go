//go:build !race

package office

// racing is whether the race detector makes everything many times slower.
const racing = false
