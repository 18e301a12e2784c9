package presence

// inOrder sorts values that are large and nearly in order: it keeps the order of
// equals, and moves nothing that is where it belongs.
func inOrder[T any](all []T, before func(a, b *T) bool) {
	for i := 1; i < len(all); i++ {
		at := i
		for at > 0 && before(&all[i], &all[at-1]) {
			at--
		}
		if at < i {
			moved := all[i]
			copy(all[at+1:i+1], all[at:i])
			all[at] = moved
		}
	}
}
