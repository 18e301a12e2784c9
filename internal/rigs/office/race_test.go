//go:build race

package office

// racing is whether the race detector makes everything many times slower. It finds
// no more races in many made-up days than in a few, so that they are short then; in
// full they are played without it.
const racing = true
