//go:build !race

package budget

// slack is how much more an input may cost than its budget says; see race.go.
const slack = 1
