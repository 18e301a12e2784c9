//go:build failpoints

package journal

// AtPoint is called at every point; it may not return, or make the step fail.
var AtPoint = func(string) error { return nil }

// Point calls AtPoint.
func Point(name string) error { return AtPoint(name) }
