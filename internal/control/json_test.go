package control

import (
	"encoding/json"
	"testing"
)

// TestEscapedIsTheSame to a program, whatever the text.
func TestEscapedIsTheSame(t *testing.T) {
	for _, text := range []string{"ann", "Zoë & <b>", "\x1b[31m\x07", "\u009b31m", "\u202eevil", "\U000e0041", "\x7f", "😀", "a\xffb", "\u2028"} {
		escaped, err := JSON(text)
		if err != nil {
			t.Fatal(err)
		}
		plain, _ := json.Marshal(text)
		var got, want string
		if err := json.Unmarshal(escaped, &got); err != nil {
			t.Errorf("%q: %s: %v", text, escaped, err)
		}
		if json.Unmarshal(plain, &want); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		for _, r := range string(escaped) {
			if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u202e' || r >= 0xe0000 {
				t.Errorf("%q: %q is left in %q", text, r, escaped)
			}
		}
	}
}
