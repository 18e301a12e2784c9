package page

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/rehearse"
	"github.com/presenced/presenced/radiusacct"
)

// fortnight writes two weeks of an office as a detail file: everybody comes in the
// morning, is away at noon for longer from day to day, and leaves in the evening. One
// access point sends no interims, and another carries the guests' network as well.
func fortnight() []byte {
	type record struct {
		at   time.Time
		text string
	}
	var all []record
	say := func(at time.Time, status string, person, session int, more string) {
		ssid := "Corp"
		if person%7 == 6 {
			ssid = "Guests"
		}
		all = append(all, record{at, fmt.Sprintf("%s\n\tAcct-Status-Type = %s\n\tUser-Name = \"user%d\"\n\tAcct-Session-Id = \"%d-%d\"\n\tCalling-Station-Id = \"02-00-5E-10-00-%02X\"\n"+
			"\tCalled-Station-Id = \"02-00-5E-20-00-%02X:%s\"\n\tNAS-Identifier = \"ap-%d\"\n\tNAS-IP-Address = 10.20.0.%d\n\tNAS-Port-Type = Wireless-802.11\n%s\tTimestamp = %d\n\n",
			at.Format(time.ANSIC), status, person, person, session, person, person%3, ssid, person%3, person%3+1, more, at.Unix())})
	}
	for day := range 12 {
		for person := range 20 {
			for half := range 2 {
				from := time.Date(2026, 3, 2+day, 8+4*half, 5*person+10*day*half, person, 0, time.UTC)
				say(from, "Start", person, 2*day+half, "")
				for i := 1; i < 20 && person%3 > 0; i++ {
					say(from.Add(time.Duration(i)*10*time.Minute), "Interim-Update", person, 2*day+half, fmt.Sprintf("\tAcct-Session-Time = %d\n", 600*i))
				}
				say(from.Add(200*time.Minute), "Stop", person, 2*day+half, "\tAcct-Session-Time = 12000\n\tAcct-Terminate-Cause = User-Request\n")
			}
		}
	}
	slices.SortStableFunc(all, func(a, b record) int { return a.at.Compare(b.at) })
	var text bytes.Buffer
	for _, r := range all {
		text.WriteString(r.text)
	}
	return text.Bytes()
}

// report writes the page of a rehearsal of that.
func report(t *testing.T) (file string) {
	t.Helper()
	detail := filepath.Join(t.TempDir(), "detail")
	if err := os.WriteFile(detail, fortnight(), 0o600); err != nil {
		t.Fatal(err)
	}
	said, err := rehearse.Run(t.Context(), rehearse.Plan{
		Names: []string{detail}, Config: configs.Assumed("example.com", []string{"Corp"}, time.UTC), Form: radiusacct.Form{Zone: time.UTC}, Pictures: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	var page bytes.Buffer
	if err := said.WriteHTML(&page); err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(file, page.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// on shows the page on a screen that is light or dark, or on paper.
func (b *browser) on(medium, scheme string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Media: medium, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// TestReportDraws looks at the page that a rehearsal writes as TestBrowserDraws does at
// the daemon's, and on paper, which is white whatever the screen was.
func TestReportDraws(t *testing.T) {
	b := look(t, newOffice(t).page(), "")
	file := report(t)
	behind := map[string]string{}
	for _, look := range []struct {
		name, medium, scheme string
		width                int64
	}{
		{"desktop-light", "screen", "light", 1280}, {"desktop-dark", "screen", "dark", 1280},
		{"phone-light", "screen", "light", 360}, {"phone-dark", "screen", "dark", 360},
		{"paper", "print", "dark", 794}, // A4
	} {
		b.on(look.medium, look.scheme)
		b.do(chromedp.EmulateViewport(look.width, 800), chromedp.Navigate("file://"+file), chromedp.WaitReady(chromedp.CSS("footer")))
		if width := eval[int64](b, `document.documentElement.scrollWidth`); width > look.width {
			t.Errorf("%s is %d pixels wide", look.name, width)
		}
		for _, faint := range eval[[]string](b, faintTexts) {
			t.Errorf("%s: hard to read: %s", look.name, faint)
		}
		for _, beyond := range eval[[]string](b, beyondPictures) {
			t.Errorf("%s: not within its picture: %s", look.name, beyond)
		}
		if n := eval[int](b, `document.querySelectorAll("figure svg").length`); n < 5 {
			t.Errorf("%s has %d pictures", look.name, n)
		}
		behind[look.name] = eval[string](b, `getComputedStyle(document.body).backgroundColor`)
		b.picture("report-"+look.name, true)
	}
	if behind["desktop-light"] == behind["desktop-dark"] {
		t.Errorf("light and dark are both %s", behind["desktop-dark"])
	}
	if behind["paper"] != "rgb(255, 255, 255)" {
		t.Errorf("paper is %s", behind["paper"])
	}
	b.quiet()
}

// beyondPictures names what is drawn beyond the picture that it is of.
const beyondPictures = `[...document.querySelectorAll("svg text, svg rect, svg circle, svg path, svg polyline")].filter((e) => {
	const is = e.getBoundingClientRect(), all = e.ownerSVGElement.getBoundingClientRect();
	return is.left < all.left - 1 || is.right > all.right + 1 || is.top < all.top - 1 || is.bottom > all.bottom + 1;
}).map((e) => e.tagName + " " + e.textContent)`
