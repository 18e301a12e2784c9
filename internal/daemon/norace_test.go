//go:build !race

package daemon

// fewer is by how much smaller a crowd is with the race detector; see race_test.go.
const fewer = 1
