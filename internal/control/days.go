package control

import (
	"strings"
	"time"
)

// DayNamed returns the date that a word names, where today has a date, as the midnight that
// begins it in today's zone: today, yesterday, a day of the week (the latest that has begun),
// or 2006-01-02. What today is asks who tells it: at a site, the day turns when day_starts
// says, and the date of the small hours is yesterday's.
func DayNamed(word string, today time.Time) (time.Time, bool) {
	word = strings.ToLower(word)
	date := time.Date(today.Year(), today.Month(), today.Day(), 0, 0, 0, 0, today.Location())
	switch word {
	case "today":
		return date, true
	case "yesterday":
		return date.AddDate(0, 0, -1), true
	}
	for back := range 7 {
		day := date.AddDate(0, 0, -back)
		if weekday := strings.ToLower(day.Weekday().String()); word == weekday || word == weekday[:3] {
			return day, true
		}
	}
	day, err := time.ParseInLocation(time.DateOnly, word, today.Location())
	return day, err == nil
}
