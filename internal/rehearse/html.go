package rehearse

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

//go:embed report.html
var page string

var pageTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"short":   func(d Duration) string { return Short(time.Duration(d)) },
	"percent": percent,
	"number":  number,
	"first":   func(rows []NASRow, n int) []NASRow { return rows[:min(n, len(rows))] },
	"firstOf": func(rows []Nowhere, n int) []Nowhere { return rows[:min(n, len(rows))] },
	"more":    func(n, shown int) int { return max(0, n-shown) },
}).Parse(page))

// percent writes a share; a negative one is not known.
func percent(share float64) string {
	switch {
	case share < 0:
		return "–"
	case share == 0:
		return "0 %"
	case share < 0.01:
		return "< 1 %"
	}
	return fmt.Sprintf("%.0f %%", 100*share)
}

// number writes a number with gaps between its thousands.
func number(n any) string {
	s := fmt.Sprint(n)
	for at := len(s) - 3; at > 0; at -= 3 {
		s = s[:at] + " " + s[at:]
	}
	return s
}

// WriteHTML writes the report as a page that needs nothing else: no script, and
// nothing from elsewhere.
func (r *Report) WriteHTML(w io.Writer) error {
	data := struct {
		*Report
		Span      string
		Occupancy []picture
		Curve     template.HTML
		Gaps      template.HTML
		Days      []timeline
		LunchOn   bool
	}{Report: r, Span: r.span(), LunchOn: r.lunch}
	if p := r.pictures; p != nil {
		for _, site := range slices.Sorted(maps.Keys(p.bins)) {
			data.Occupancy = append(data.Occupancy, p.occupancyPicture(site))
		}
		data.Gaps = p.gapsPicture(time.Duration(r.Advice.Of), time.Duration(r.Under))
		for _, d := range p.shown() {
			data.Days = append(data.Days, d.timeline())
		}
	}
	data.Curve = r.curve()
	return pageTemplate.Execute(w, data)
}

func (r *Report) span() string {
	if r.From.IsZero() {
		return "no time at all"
	}
	return r.From.Format("Mon 2 January 2006") + " to " + r.To.Format("Mon 2 January 2006")
}

// picture is one with a caption.
type picture struct {
	Title string
	SVG   template.HTML
}

// drawing collects the shapes of an SVG.
type drawing struct{ strings.Builder }

func (d *drawing) add(format string, args ...any) { fmt.Fprintf(&d.Builder, format, args...) }

func (d *drawing) text(x, y float64, anchor, text string) {
	d.add(`<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`, x, y, anchor, template.HTMLEscapeString(text))
}

// svg returns the drawing, which tells in words what it shows.
func (d *drawing) svg(width, height int, what string) template.HTML {
	return template.HTML(fmt.Sprintf(`<svg viewBox="0 0 %d %d" role="img" aria-label="%s">%s</svg>`, width, height, template.HTMLEscapeString(what), d.String()))
}

const (
	wide   = 960
	left   = 46.0
	bottom = 26.0
)

// scale returns the top of an axis, and its step.
func scale(most float64) (top, step float64) {
	for _, step := range []float64{0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 1e6, 1e7} {
		if most/step <= 5 {
			return step * max(1, float64(int(most/step+0.999))), step
		}
	}
	return most, most
}

// axis draws the lines of the vertical axis.
func (d *drawing) axis(height, top, step float64, unit string) (y func(float64) float64) {
	y = func(v float64) float64 { return 8 + (height-8-bottom)*(1-v/top) }
	for v := 0.0; v <= top*1.0001; v += step {
		d.add(`<line class="grid" x1="%.0f" x2="%d" y1="%.1f" y2="%.1f"/>`, left, wide, y(v), y(v))
		d.text(left-6, y(v)+4, "end", fmt.Sprintf("%g%s", v, unit))
	}
	return y
}

// occupancyPicture shows how many were at a site over the days.
func (p *pictures) occupancyPicture(site string) picture {
	from, present := p.occupancy(site)
	most := slices.Max(append([]int{1}, present...))
	var d drawing
	const height = 170.0
	top, step := scale(float64(most))
	y := d.axis(height, top, max(step, 1), "")
	n := float64(max(len(present), 1))
	x := func(i int) float64 { return left + (wide-left)*float64(i)/n }
	zone := p.rules.Sites[site].Zone
	if zone == nil {
		zone = time.UTC
	}
	stride := max(1, len(present)/2000) // a year has more quarters of an hour than a picture has points
	d.add(`<path class="area" d="M%.1f %.1f`, left, y(0))
	for i := 0; i < len(present); i += stride {
		v := slices.Max(present[i:min(len(present), i+stride)])
		d.add(` L%.1f %.1f L%.1f %.1f`, x(i), y(float64(v)), x(min(len(present), i+stride)), y(float64(v)))
	}
	d.add(` L%.1f %.1f Z"/>`, x(len(present)), y(0))
	days, said := len(present)*int(binSize/time.Minute)/(24*60)+1, 0
	for i := range present {
		at := time.Unix((from+int64(i))*int64(binSize/time.Second), 0).In(zone)
		if at.Hour() == 0 && at.Minute() == 0 {
			d.add(`<line class="grid" x1="%.1f" x2="%.1f" y1="8" y2="%.1f"/>`, x(i), x(i), height-bottom)
			if said%max(1, days/10) == 0 {
				d.text(x(i)+3, height-8, "start", at.Format("Mon 2 Jan"))
			}
			said++
		}
	}
	return picture{site, d.svg(wide, int(height), fmt.Sprintf("people present at %s over the days, at most %d", site, most))}
}

// curve shows what share of believed departures somebody comes back from, for each
// linger.
func (r *Report) curve() template.HTML {
	var d drawing
	const height = 230.0
	share := func(l *LingerRow, i int) float64 {
		if l.Departures == 0 {
			return 0
		}
		return 100 * float64(l.Returns[i]) / float64(l.Departures)
	}
	most := 0.5
	for i := range r.Lingers {
		most = max(most, share(&r.Lingers[i], len(Returns)-1))
	}
	top, step := scale(most)
	y := d.axis(height, top, step, " %")
	longest := time.Duration(r.Lingers[len(r.Lingers)-1].Of)
	x := func(t Duration) float64 { return left + 20 + (wide-left-110)*float64(t)/float64(longest) }
	for i, within := range Returns {
		var points []string
		for j := range r.Lingers {
			l := &r.Lingers[j]
			points = append(points, fmt.Sprintf("%.1f,%.1f", x(l.Of), y(share(l, i))))
		}
		d.add(`<polyline class="line r%d" points="%s"/>`, i, strings.Join(points, " "))
		last := &r.Lingers[len(r.Lingers)-1]
		d.text(x(last.Of)+6, y(share(last, i))+4-float64(len(Returns)-1-i)*0, "start", "")
		if i == len(Returns)-1 || share(last, i) < share(last, i+1)-top/14 {
			d.text(x(last.Of)+8, y(share(last, i))+4, "start", "in "+Short(within))
		}
	}
	for j := range r.Lingers {
		l := &r.Lingers[j]
		d.text(x(l.Of), height-8, "middle", Short(time.Duration(l.Of)))
		if l.Of == r.Advice.Of {
			d.add(`<line class="advice" x1="%.1f" x2="%.1f" y1="8" y2="%.1f"/><circle class="advice" cx="%.1f" cy="%.1f" r="5"/>`, x(l.Of), x(l.Of), height-bottom, x(l.Of), y(share(l, 2)))
			d.text(x(l.Of)+8, 18, "start", "recommended")
		}
	}
	return d.svg(wide, int(height), "share of believed departures from which somebody is back within 15, 30, 60 and 120 minutes, by linger")
}

// gapsPicture shows how long people were away between two stays, with linger drawn
// in.
func (p *pictures) gapsPicture(advice, is time.Duration) template.HTML {
	var d drawing
	const height = 200.0
	top, step := scale(float64(slices.Max(p.gaps[:])))
	y := d.axis(height, top, max(step, 1), "")
	x := func(t time.Duration) float64 { return left + (wide-left)*float64(t)/float64(gapBins*gapStep) }
	for i, n := range p.gaps {
		if n > 0 {
			from := time.Duration(i) * gapStep
			d.add(`<rect class="bar" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, x(from)+1, y(float64(n)), x(from+gapStep)-x(from)-2, y(0)-y(float64(n)))
		}
	}
	for h := range 5 {
		d.text(x(time.Duration(h)*time.Hour), height-8, map[bool]string{true: "end", false: "middle"}[h == 4], Short(time.Duration(h)*time.Hour))
	}
	mark := func(t time.Duration, what string, at float64) {
		if t > 0 {
			d.add(`<line class="advice" x1="%.1f" x2="%.1f" y1="8" y2="%.1f"/>`, x(t), x(t), height-bottom)
			d.text(x(t)+5, at, "start", what+" "+Short(t))
		}
	}
	if advice == is {
		mark(is, "linger", 18)
	} else {
		mark(is, "linger", 18)
		mark(advice, "recommended", 34)
	}
	return d.svg(wide, int(height), fmt.Sprintf("how often people were away for how long between two stays, up to four hours; %d times longer on the same day", p.longer))
}

// timeline is somebody's day.
type timeline struct {
	Who, Day string
	SVG      template.HTML
}

func (d *day) timeline() timeline {
	var g drawing
	const height = 46.0
	first := 5 * time.Hour
	x := func(t time.Time) float64 {
		return min(wide, max(0, wide*float64(t.Sub(d.from)-first)/float64(18*time.Hour)))
	}
	for h := 6; h < 23; h += 2 {
		at := x(d.from.Add(time.Duration(h) * time.Hour))
		g.add(`<line class="grid" x1="%.1f" x2="%.1f" y1="0" y2="30"/>`, at, at)
		g.text(at, height-3, "middle", fmt.Sprintf("%02d:00", h))
	}
	for _, s := range d.visits {
		g.add(`<rect class="visit" x="%.1f" y="2" width="%.1f" height="14" rx="2"/>`, x(s.from), max(2, x(s.to)-x(s.from)))
		if !s.believed.IsZero() {
			g.add(`<rect class="waiting" x="%.1f" y="2" width="%.1f" height="14"/>`, x(s.to), max(0, x(s.believed)-x(s.to)))
		}
	}
	for _, s := range d.present {
		g.add(`<rect class="there" x="%.1f" y="20" width="%.1f" height="8" rx="2"/>`, x(s.from), max(2, x(s.to)-x(s.from)))
	}
	words := []string{}
	for _, s := range d.visits {
		words = append(words, s.from.In(d.from.Location()).Format("15:04")+" to "+s.to.In(d.from.Location()).Format("15:04"))
	}
	return timeline{d.user, d.from.Format("Mon 2 Jan") + ", " + d.site, g.svg(wide, int(height), d.user+" was there "+strings.Join(words, ", "))}
}
