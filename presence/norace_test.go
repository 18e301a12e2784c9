//go:build !race

package presence

// fewer is by how much fewer random days are tried with the race detector; see race_test.go.
const fewer = 1
