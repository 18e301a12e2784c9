//go:build race

package daemon

// fewer is by how much smaller a crowd is with the race detector, which makes it many
// times slower, and finds no more races in many than in a few.
const fewer = 9
