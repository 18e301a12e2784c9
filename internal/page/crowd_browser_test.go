package page

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/presenced/presenced/presence"
)

// crowd brings a thousand people to three sites, most of them of one domain, some of
// whom have left a while ago, or are not checked in; and the numbers of sixty days.
func (o *office) crowd(number int) {
	o.t.Helper()
	o.rules.Sites["manchester"] = presence.Site{Name: "manchester", Building: "Manchester", Zone: o.zone}
	o.world.Rules = o.rules
	sites := []string{"london", "london", "london", "leeds", "leeds", "manchester"}
	var changes []presence.Change
	for i := range number {
		domain := "example.com"
		if i%9 == 8 {
			domain = "subsidiary.example.net"
		}
		user, site := fmt.Sprintf("%s.%s@%s", names[i%len(names)], names[i/len(names)%len(names)], domain), sites[i%len(sites)]
		if i >= len(names)*len(names) {
			user = fmt.Sprint(i, user)
		}
		came := o.now.Add(-6*time.Hour + time.Duration(i%240)*time.Minute)
		s := presence.Sighting{
			User: user, Device: fmt.Sprintf("02:00:5e:20:%02x:%02x", i>>8, i&255), Session: fmt.Sprint("s", i), NAS: wlc, SSID: "Corp", Site: site,
			Status: presence.Start, Whose: presence.Mine, At: came, Heard: came,
		}
		changes = append(changes, presence.Change{User: user, Apply: func(p *presence.Person, _ [][]byte) presence.Outcome {
			archived := p.Hear(s, o.world)
			if i%11 == 10 {
				s.Status, s.At, s.Heard, s.Cause = presence.Stop, o.now.Add(-10*time.Minute), o.now.Add(-10*time.Minute), presence.UserRequest
				archived = append(archived, p.Hear(s, o.world)...)
			}
			e := &p.Visits[len(p.Visits)-1].CheckIn
			switch *e = (presence.Errand{Status: presence.Effected, At: came, Bookings: []string{fmt.Sprintf("01K7Z3WQ7N4Y8V2M5B9X%05d", i)}}); i % 7 {
			case 5:
				*e = presence.Errand{Status: presence.Waiting, Reason: "no booking for today at this building", Next: o.now.Add(5 * time.Minute)}
			case 6:
				*e = presence.Errand{Status: presence.Refused, Reason: "denied: check-in is switched off"}
			}
			return presence.Outcome{Archived: archived}
		}})
	}
	for site, most := range map[string]int{"london": 500, "leeds": 330, "manchester": 170} {
		changes = append(changes, o.weeks(site, most, 60)...)
	}
	if err := o.store.Update(o.t.Context(), changes); err != nil {
		o.t.Fatal(err)
	}
}

var names = strings.Fields("ann bob cleo dan eve fay gus hal ida joe kim leo mia ned olga pia quinn rob sue tom uma vic wes xenia yan zoe " +
	"alexander bernadette christopher dorothea ekaterina ferdinand")

// TestAThousandPeopleAtAGlance looks at three sites, a thousand people and sixty days on
// a wide screen, a phone and paper, light and dark: nothing is wider than the screen or
// hard to read, each row tells of its check-in, and what is typed or chosen is shown
// without a reload.
func TestAThousandPeopleAtAGlance(t *testing.T) {
	o := newOffice(t)
	o.crowd(1000)
	o.happens()
	b := look(t, o.page(), "")
	for _, look := range []struct {
		name, medium, scheme string
		width                int64
	}{{"wide-light", "screen", "light", 1280}, {"wide-dark", "screen", "dark", 1280}, {"phone-light", "screen", "light", 360}, {"phone-dark", "screen", "dark", 360}, {"paper", "print", "dark", 794}} {
		b.on(look.medium, look.scheme)
		for _, path := range []string{"/", "/occupancy", "/roster"} {
			if path != "/" && strings.HasSuffix(look.name, "dark") {
				continue // TestBrowserDraws sees those
			}
			name := "crowd" + strings.ReplaceAll(path, "/", "-") + "-" + look.name
			b.open(path, look.width, 900)
			if width := eval[int64](b, `document.documentElement.scrollWidth`); width > look.width {
				t.Errorf("%s is %d pixels wide", name, width)
			}
			for _, faint := range eval[[]string](b, faintTexts) {
				t.Errorf("%s: hard to read: %s", name, faint)
			}
			for _, cut := range eval[[]string](b, cutTexts) {
				t.Errorf("%s: cut: %s", name, cut)
			}
			b.picture(name, true)
		}
		b.open("/", look.width, 900)
		if hidden := eval[int](b, `[...document.querySelectorAll("table.people tbody tr")].filter((tr) => [...tr.children].some((cell) => !cell.checkVisibility())).length`); hidden > 0 {
			t.Errorf("%s: of %d people something is hidden", look.name, hidden)
		}
	}
	b.on("screen", "light")
	b.open("/", 1280, 900)
	count := `document.querySelectorAll("main tbody tr").length`
	eval[chromedp.Void](b, `window.stayed = true`)
	b.await(count + ` === 100`)
	b.do(chromedp.SendKeys(chromedp.CSS("#q"), "ekaterina.f"))
	b.await(count + ` === 1 && location.search === "?q=ekaterina.f"`)
	eval[chromedp.Void](b, `{ const q = document.getElementById("q"); q.value = "dorothea@"; q.dispatchEvent(new InputEvent("input", { bubbles: true })) }`) // in the middle of it
	b.await(`document.querySelector("main tbody th").textContent.includes(".dorothea@")`)
	eval[chromedp.Void](b, `{ const q = document.getElementById("q"); q.value = ""; q.dispatchEvent(new InputEvent("input", { bubbles: true })) }`)
	b.await(count + ` === 100 && location.search === ""`)
	for name, value := range map[string]string{"is": "leaving", "order": "since", "site": "leeds"} {
		eval[chromedp.Void](b, fmt.Sprintf(`{ const s = document.querySelector("select[name=%s]"); s.value = %q; s.dispatchEvent(new Event("change", { bubbles: true })) }`, name, value))
	}
	b.await(`[...document.querySelectorAll("main tbody tr")].every((tr) => tr.textContent.includes("leaving") && tr.textContent.includes("leeds"))`)
	if !eval[bool](b, `window.stayed && document.querySelector("select[name=order]").value === "since"`) {
		t.Error("the page was loaded anew, or what was chosen is forgotten")
	}
	b.quiet()
}

// cutTexts names the texts of which a part is not shown, and cannot be scrolled to.
const cutTexts = `[...document.querySelectorAll("main *")].filter((e) => {
	const style = getComputedStyle(e);
	return e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1 && style.overflowX !== "auto" && style.overflowX !== "visible" && !e.closest(".only-read, svg");
}).map((e) => e.tagName + " " + e.textContent.slice(0, 80))`
