package page

import "slices"

// Caption says what the picture shows.
func (t timeline) Caption() string {
	from, to := t.From.In(t.Zone), t.To.In(t.Zone)
	return from.Format("Monday 2 January 2006, 15:04") + " to " + to.Format("15:04")
}

// Top and High are where the stretch is in its track, in pixels of 22.
func (s stretch) Top() int { return (22 - s.High()) / 2 }

// High is how high the stretch is: what was concluded is bolder than what was
// heard, and what is guessed is thinner.
func (s stretch) High() int {
	switch s.Kind {
	case "booking":
		return 12
	case "session", "suspect":
		return 10
	case "unheard", "expired":
		return 10
	}
	return 14
}

// Fill is the pattern that fills the stretch; "" for a plain colour.
func (s stretch) Fill() string { return fills[s.Kind] }

var fills = map[string]string{
	"linger": "url(#hatch-linger)", "believed": "url(#hatch-linger)", "suspect": "url(#hatch-suspect)",
}

// sign is a line of the legend.
type sign struct {
	Kind string
	Text string
	Mark bool
}

// Fill is as that of a stretch.
func (s sign) Fill() string { return fills[s.Kind] }

var signs = []sign{
	{Kind: "booking", Text: "booking"},
	{"check-in", "checked in", true},
	{"check-out", "checked out", true},
	{"check-in-dry", "would be checked in (dry run)", true},
	{"check-out-dry", "would be checked out (dry run)", true},
	{"refused", "refused", true},
	{"pending", "to be tried", true},
	{Kind: "arriving", Text: "arriving, not yet for settle"},
	{Kind: "present", Text: "present"},
	{Kind: "linger", Text: "no device, not believed to have left"},
	{Kind: "believed", Text: "no device, until having left was believed"},
	{Kind: "unknown", Text: "left at an unknown time"},
	{Kind: "ahead", Text: "until having left will be believed"},
	{Kind: "session", Text: "session, heard"},
	{Kind: "unheard", Text: "open, not heard since"},
	{Kind: "suspect", Text: "suspect, held as present"},
	{Kind: "expired", Text: "expired, end unknown"},
	{"heard", "Start, Stop or other news", true},
}

// Legend explains what is in the picture, and nothing else.
func (t timeline) Legend() []sign {
	return slices.DeleteFunc(slices.Clone(signs), func(s sign) bool {
		return !slices.ContainsFunc(t.Tracks, func(track track) bool {
			return slices.ContainsFunc(track.Spans, func(one stretch) bool { return one.Kind == s.Kind }) ||
				slices.ContainsFunc(track.Marks, func(one mark) bool { return one.Kind == s.Kind })
		})
	})
}
