package control

import (
	"encoding/json"
	"fmt"
	"unicode"
	"unicode/utf16"
)

// JSON writes v as JSON that any terminal may show: what it would act upon, or
// not show, is escaped. To a program it is the same.
func JSON(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return Escaped(text), nil
}

// Escaped returns JSON as [JSON] writes it.
func Escaped(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for _, r := range string(text) {
		switch {
		case r == '\n' || unicode.IsGraphic(r):
			out = append(out, string(r)...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out
}
