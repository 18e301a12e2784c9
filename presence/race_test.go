//go:build race

package presence

// fewer is by how much fewer random days are tried with the race detector, which
// makes each many times slower, and finds no more races in many than in a few. In full
// they are tried without it.
const fewer = 10
