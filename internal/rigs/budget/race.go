//go:build race

package budget

// slack is how much more an input may cost with the race detector, which takes several
// times as long, and has pools forget what they hold.
const slack = 4
