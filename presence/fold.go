package presence

import (
	"unicode"
	"unicode/utf8"
)

// Match reports whether the glob matches all of s, whatever the case of both:
// * stands for any run of characters, ? for one, and everything else for
// itself. Backslashes and slashes are nothing special, identities have them.
func Match(glob, s string) bool {
	g, rest := Fold(glob), Fold(s)
	star, again := -1, "" // after the latest *, and what it has not yet eaten
	for i := 0; ; {
		switch {
		case i < len(g) && g[i] == '*':
			i++
			star, again = i, rest
			continue
		case rest == "" && i == len(g):
			return true
		case rest != "" && i < len(g) && g[i] == '?':
			i++
			rest = rest[size(rest):]
			continue
		case rest != "" && i < len(g) && g[i] == rest[0]:
			i++
			rest = rest[1:]
			continue
		}
		if star < 0 || again == "" {
			return false
		}
		again = again[size(again):]
		i, rest = star, again
	}
}

func size(s string) int {
	_, n := utf8.DecodeRuneInString(s)
	return n
}

// Fold returns s in the case in which identities and addresses are compared:
// lower. A letter outside ASCII never becomes one inside, because the Kelvin
// sign is not ann's k: somebody could be taken for somebody else.
func Fold(s string) string {
	plain := true
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' {
			plain = false
			break
		}
	}
	if plain {
		return s
	}
	folded := make([]byte, 0, len(s))
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		lower := unicode.ToLower(r)
		if r == utf8.RuneError && n == 1 || r >= utf8.RuneSelf && lower < utf8.RuneSelf {
			folded = append(folded, s[:n]...)
		} else {
			folded = utf8.AppendRune(folded, lower)
		}
		s = s[n:]
	}
	return string(folded)
}
