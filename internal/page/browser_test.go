package page

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/presenced/presenced/internal/web"
)

var screenshots = flag.String("screenshots", "", "have the browser test write its pictures to this `DIR`")

// browser is a window of a headless Chromium that looks at an office.
type browser struct {
	t   *testing.T
	ctx context.Context
	url string

	server *httptest.Server

	mu   sync.Mutex
	said []string // on the console
}

// look opens a browser on the page as the daemon serves it, with the token if
// there is one.
func look(t *testing.T, p *Page, token string) *browser {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("SKIPPED: chromium is not installed (.ci/peers installs it on Debian)")
	}
	s := &web.Server{Page: p.Handler(), Access: func() web.Access { return access(token) }, Log: slog.New(slog.DiscardHandler)}
	server := httptest.NewUnstartedServer(nil)
	server.Config.Handler = s.Handler(server.Listener.Addr())
	server.Start()
	t.Cleanup(server.Close)

	profile, err := os.MkdirTemp("", "chromium") // not TempDir: its children may write for a moment longer
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(profile) })
	ctx, cancelAllocator := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(program), chromedp.UserDataDir(profile), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true),
	)
	t.Cleanup(cancelAllocator)
	ctx, _ = chromedp.NewContext(ctx)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Error(err)
		}
	})
	b := &browser{t: t, ctx: ctx, url: server.URL, server: server}
	if token != "" {
		b.url = strings.Replace(b.url, "//", "//whoever:"+token+"@", 1)
	}
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return // the browser is closed
			}
			b.mu.Lock()
			b.said = append(b.said, fmt.Sprint(m))
			b.mu.Unlock()
		}
	}()
	return b
}

// access is that of whoever has the token; "" for none.
func access(token string) (a web.Access) {
	if token != "" {
		a.Tokens = []web.Token{{Secret: token, Sees: web.Everything}}
	}
	return a
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// eval returns what a JavaScript expression gives.
func eval[T any](b *browser, expression string) T {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// await waits until a JavaScript expression is true.
func (b *browser) await(expression string) {
	b.t.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.Poll[bool](expression, chromedp.WithPollingInterval(50*time.Millisecond))); err != nil {
		b.t.Fatalf("%s: %v\nThe page is:\n%s", expression, err, eval[string](b, `document.body.innerText`))
	}
}

// open shows a page in a window of that size.
func (b *browser) open(path string, width, height int64) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, height), chromedp.Navigate(b.url+path), chromedp.WaitReady(chromedp.CSS("#main h1")))
}

// scheme prefers light or dark from now on.
func (b *browser) scheme(name string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// picture keeps what is shown, or the whole page, if pictures were asked for.
func (b *browser) picture(name string, whole bool) {
	b.t.Helper()
	if *screenshots == "" {
		return
	}
	take := chromedp.CaptureScreenshot()
	if whole {
		take = chromedp.FullScreenshot(100)
	}
	png, err := chromedp.Run(b.ctx, take)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*screenshots, name+".png"), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// quiet fails if the console said anything: an error, or that the page broke
// its content security policy.
func (b *browser) quiet() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.said) > 0 {
		b.t.Errorf("the console says:\n%s", strings.Join(b.said, "\n"))
	}
}

// views are the pages that a browser is shown.
var views = []struct{ name, path string }{
	{"people", "/"}, {"roster", "/roster"}, {"occupancy", "/occupancy"}, {"events", "/events"}, {"ann", "/person?user=ann@example.com"}, {"bob", "/person?user=bob@example.com"}, {"cleo", "/person?user=cleo@example.com"},
	{"dan", "/person?user=dan@example.com"}, {"eve", "/person?user=eve@example.com"}, {"calls", "/calls"}, {"network", "/network"}, {"unmatched", "/unmatched"}, {"search", "/?q=a"},
}

// TestBrowserDraws looks at everything on a wide and a narrow screen, dark and
// light: nothing is wider than the screen, all text stands out from what is
// behind it, and the console has nothing to say.
func TestBrowserDraws(t *testing.T) {
	o := newOffice(t)
	o.fill()
	b := look(t, o.page(), "")
	behind := map[string]string{}
	for _, scheme := range []string{"light", "dark"} {
		b.scheme(scheme)
		for _, v := range views {
			for _, window := range []struct {
				name          string
				width, height int64
			}{{"desktop", 1280, 800}, {"phone", 360, 740}} {
				what := v.name + "-" + window.name + "-" + scheme
				b.open(v.path, window.width, window.height)
				if width := eval[int64](b, `document.documentElement.scrollWidth`); width > window.width {
					t.Errorf("%s is %d pixels wide", what, width)
				}
				for _, faint := range eval[[]string](b, faintTexts) {
					t.Errorf("%s: hard to read: %s", what, faint)
				}
				b.picture(what, true)
			}
		}
		b.open("/person?user=ann@example.com", 1100, 425)
		b.picture("timeline-"+scheme, false)
		behind[scheme] = eval[string](b, `getComputedStyle(document.body).backgroundColor`)
	}
	if behind["light"] == behind["dark"] {
		t.Errorf("light and dark are both %s", behind["dark"])
	}
	b.quiet()
}

// faintTexts names the texts whose contrast is less than WCAG 2.2 asks for
// (1.4.3, 4.5 to 1).
const faintTexts = `(() => {
	const numbers = (c) => (c.match(/[\d.]+/g) || []).map(Number);
	const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
		.reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
	const behind = (e) => {
		for (; e; e = e.parentElement) {
			const c = numbers(getComputedStyle(e).backgroundColor);
			if (c.length === 3 || c[3] > 0) return c;
		}
		return [255, 255, 255];
	};
	const faint = [];
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	for (let seen = 0; walk.nextNode(); seen++) {
		const text = walk.currentNode.data.trim(), e = walk.currentNode.parentElement;
		if (!text || e.closest("title, noscript, script, [hidden]")) continue;
		const style = getComputedStyle(e);
		const a = light(numbers(e instanceof SVGElement ? style.fill : style.color)), b = light(behind(e));
		const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		if (contrast < 4.5) faint.push(contrast.toFixed(2) + " " + text);
	}
	return faint;
})()`

// TestPeopleComeAndGoWithoutAReload: a row appears and goes again, the number
// that a screen reader is told changes, and the focus stays where it was; with
// a token, too.
func TestPeopleComeAndGoWithoutAReload(t *testing.T) {
	o := newOffice(t)
	o.fill()
	b := look(t, o.page(), "0123456789abcdef")
	b.open("/", 1280, 800)
	eval[chromedp.Void](b, `window.stayed = document.getElementById("summary"); document.querySelector('a[href*="cleo"]').focus()`)
	b.await(`document.getElementById("summary").textContent.startsWith("12 people here")`)

	visitor := []heard{{at: o.now.Add(-time.Minute), status: start, device: "02:00:5e:10:00:51", site: "london"}}
	o.lives("abe@example.com", visitor, nil)
	b.await(`[...document.querySelectorAll("table.people tbody th")].some((th) => th.textContent === "abe")`)
	b.await(`document.getElementById("summary").textContent.startsWith("13 people here")`)
	if !eval[bool](b, `window.stayed === document.getElementById("summary") && document.activeElement.textContent === "cleo"`) {
		t.Error("the page was loaded anew, or the focus is lost")
	}
	if err := o.store.Forget(t.Context(), "abe@example.com"); err != nil {
		t.Fatal(err)
	}
	b.await(`[...document.querySelectorAll("table.people tbody th")].every((th) => th.textContent !== "abe")`)
	if eval[string](b, `document.activeElement.textContent`) != "cleo" {
		t.Error("the focus is lost when somebody goes")
	}

	// Whoever reads may stop it, and is told when it stops by itself.
	eval[chromedp.Void](b, `document.getElementById("live").click()`)
	if eval[string](b, `document.getElementById("live").ariaPressed`) != "false" {
		t.Error("it does not pause")
	}
	b.quiet()
	eval[chromedp.Void](b, `document.getElementById("live").click()`)
	b.server.CloseClientConnections()
	b.server.Close()
	b.await(`!document.getElementById("lost").hidden && document.getElementById("lost").textContent.includes("does not answer")`)
}

// TestTimelineShowsWhatHappenedWhenItDid holds the places of bars and marks on
// the screen against the hours above them.
func TestTimelineShowsWhatHappenedWhenItDid(t *testing.T) {
	o := newOffice(t)
	o.fill()
	b := look(t, o.page(), "")
	for _, width := range []int64{1280, 360} {
		b.open("/person?user=ann@example.com", width, 800)
		// Of each, where it begins and ends as an hour of the day.
		hours := eval[map[string][]float64](b, `(() => {
			const centre = (e) => { const r = e.getBoundingClientRect(); return (r.left + r.right) / 2; };
			const texts = [...document.querySelectorAll(".axis text")];
			const [x9, x15] = ["10:00", "14:00"].map((l) => centre(texts.find((t) => t.textContent === l)));
			const hour = (x) => 10 + 4 * (x - x9) / (x15 - x9);
			const found = {};
			for (const track of document.querySelectorAll(".track:not(.axis)")) {
				const name = track.classList[1] + " " + track.querySelector("bdi").textContent;
				for (const [i, rect] of [...track.querySelectorAll("rect:not(.band)")].entries()) {
					const r = rect.getBoundingClientRect();
					found[name + " " + rect.classList[0] + " " + i] = [hour(r.left), hour(r.right)];
				}
				for (const band of track.querySelectorAll("rect.band")) {
					const r = band.getBoundingClientRect();
					found["behind " + name + " " + band.classList[1]] = [hour(r.left), hour(r.right)];
				}
				for (const mark of track.querySelectorAll("svg.mark use")) found[name + " " + mark.getAttribute("href")] = [hour(centre(mark)), hour(centre(mark))];
			}
			return found;
		})()`)
		for what, want := range map[string][]float64{
			"bookings Bookings booking 0":      {9, 18},
			"calls Calls #mark-check-in":       {8 + 52./60, 8 + 52./60},
			"visit Visits to london present 0": {8 + 52./60, 12 + 9./60},
			"visit Visits to london linger 1":  {12 + 9./60, 12 + 47./60},
			"device " + laptop + " session 0":  {9 + 5./60, 10 + 34./60},
			"device " + laptop + " session 1":  {10 + 58./60, 12 + 1./60},
			"device " + phone + " session 0":   {8 + 52./60, 12 + 9./60},
			"device " + phone + " #mark-heard": {12 + 47./60, 12 + 47./60},

			"behind visit Visits to london deaf":  {11 + 40./60, 12 + 20./60},
			"behind bookings Bookings holding":    {12 + 20./60, 12 + 23./60},
			"behind device " + phone + " holding": {12 + 20./60, 12 + 23./60},
		} {
			got := hours[what]
			if len(got) != 2 || math.Abs(got[0]-want[0]) > 0.08 || math.Abs(got[1]-want[1]) > 0.08 {
				t.Errorf("%d wide: %s is at %.2f, not at %.2f", width, what, got, want)
			}
		}
		if names := eval[string](b, `[...document.querySelectorAll(".track svg[role=img]")].map((s) => s.ariaLabel).join("\n")`); !strings.Contains(names, "12:09–12:47 no device: not gone for long enough") {
			t.Errorf("the picture in words is\n%s", names)
		}
	}
	b.quiet()
}

// TestKeyboardReachesEverything: one press of Tab after the other, from the
// link that skips the head to the last, each with a visible focus.
func TestKeyboardReachesEverything(t *testing.T) {
	o := newOffice(t)
	o.fill()
	b := look(t, o.page(), "")
	for _, v := range views {
		b.open(v.path, 360, 800)
		number := eval[int](b, `(() => {
			window.wanted = new Set([...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, [tabindex='0']")].filter((e) => e.checkVisibility()));
			return window.wanted.size;
		})()`)
		for press := range 3 * number {
			b.do(chromedp.KeyEvent(kb.Tab))
			at := eval[string](b, `(() => {
				const e = document.activeElement, s = getComputedStyle(e);
				window.wanted.delete(e);
				if (e === document.body) return "";
				return e.textContent.trim() + (s.outlineStyle === "none" || parseFloat(s.outlineWidth) < 1 ? " (invisible)" : "");
			})()`)
			if press == 0 && at != "Skip to the content" {
				t.Errorf("%s: the first is %q", v.name, at)
			}
			if strings.HasSuffix(at, " (invisible)") {
				t.Errorf("%s: no focus is to be seen at %q", v.name, at)
			}
			if eval[int](b, `window.wanted.size`) == 0 {
				break
			}
		}
		if left := eval[[]string](b, `[...window.wanted].map((e) => e.outerHTML)`); len(left) > 0 {
			t.Errorf("%s: not reached: %q", v.name, left)
		}
	}
	b.open("/", 1280, 800)
	b.do(chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter))
	b.await(`document.activeElement.id === "main"`)
	for _, landmark := range []string{"header", "main", "footer", "nav[aria-label]", "[role=search]", "table thead th[scope=col]", "table tbody th[scope=row]", "html[lang]", "[role=status]"} {
		if eval[int](b, `document.querySelectorAll("`+landmark+`").length`) == 0 {
			t.Errorf("there is no %s", landmark)
		}
	}
	b.quiet()
}

// TestWithoutScripts everything is there too, and the browser is told to load
// it again now and then.
func TestWithoutScripts(t *testing.T) {
	o := newOffice(t)
	o.fill()
	b := look(t, o.page(), "")
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	b.open("/", 360, 740)
	text, err := chromedp.Run(b.ctx, chromedp.OuterHTML(chromedp.CSS("html")))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text, `<meta http-equiv="refresh" content="30">`) || !strings.Contains(text, "ann@example.com") || !strings.Contains(text, `id="live" hidden=""`) {
		t.Errorf("without scripts the page is\n%s", text)
	}
	b.quiet()
}
