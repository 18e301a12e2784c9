package store

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/presenced/presenced/internal/rigs/budget"
	"github.com/presenced/presenced/presence"
)

// differing is what makes no difference: an empty list is none, and what an
// outlook has of its own is not kept.
var differing = cmp.Options{cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(presence.Person{}, presence.Facts{}, presence.Outlook{})}

// same compares by Equal where there is one, and takes no list for an empty
// one.
func same[T any](t testing.TB, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got, differing); diff != "" {
		t.Errorf("want (-), got (+):\n%s", diff)
	}
}

// fill sets every field of v, and of what it holds, to a value of its own.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(monday.Add(time.Duration(*n) * 1000001)))
		return
	case presence.Status:
		v.Set(reflect.ValueOf(presence.Status(*n%5) + 1))
		return
	case presence.Whose:
		v.Set(reflect.ValueOf(presence.Whose(*n%2) + 1))
		return
	case presence.Traits:
		v.Set(reflect.ValueOf(presence.Traits(*n%15) + 1))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), n)
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(*n))
	default:
		panic("fill learns of " + v.Type().String() + " with the codec")
	}
}

// filled is a person of whom no field is zero.
func filled() (p presence.Person) {
	n := 0
	fill(reflect.ValueOf(&p).Elem(), &n)
	return p
}

// A field that is added to a person and not to the codec fails here.
func TestEveryFieldSurvives(t *testing.T) {
	want := &Document{Person: filled(), Queued: [len(queues)]time.Time{monday, monday.Add(1)}}
	got, err := Decode(want.User, want.Encode(nil))
	if err != nil {
		t.Fatal(err)
	}
	got.Past, got.Story = want.Past, want.Story // they are stored apart
	same(t, got.Person, want.Person)
	same(t, got.Queued, want.Queued)
	f, err := DecodeFacts(EncodeFacts(&want.Past[0]))
	if err != nil {
		t.Fatal(err)
	}
	same(t, f, want.Past[0])
	e, err := DecodeLine(EncodeLine(&want.Story[0]))
	if err != nil {
		t.Fatal(err)
	}
	same(t, e, want.Story[0])

	visit := want.Visits[0]
	back, err := DecodeVisit(EncodeVisit(&visit))
	if err != nil {
		t.Fatal(err)
	}
	same(t, back, visit)
}

// A bool is one byte whatever it is, so true is not enough to tell bools apart.
func TestBoolsAreNotMixedUp(t *testing.T) {
	for _, want := range []presence.Person{
		{Facts: []presence.Facts{{Marks: []presence.Mark{{Vague: true, At: monday, Heard: monday}, {Guess: true, At: monday, Heard: monday}}}}},
		{Visits: []presence.Visit{{Claims: []presence.Claim{{DryRun: true}, {}}}}},
	} {
		got, err := decode("", (&Document{Person: want}).Encode(nil))
		if err != nil {
			t.Fatal(err)
		}
		same(t, got.Person, want)
	}
}

func TestWhatIsDecodedIsWhatWasEncoded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Document{Person: anyone.Draw(t, "person")}
		for q := range want.Queued {
			want.Queued[q] = anyTime.Draw(t, "queued")
		}
		got, err := Decode(want.User, want.Encode(nil))
		if err != nil {
			t.Fatal(err)
		}
		got.Past, got.Story = want.Past, want.Story
		if diff := cmp.Diff(want.Person, got.Person, differing); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(want.Queued, got.Queued); diff != "" {
			t.Fatal(diff)
		}
	})
}

// anyTime is zero now and then, and otherwise any nanosecond that there is.
var anyTime = rapid.Custom(func(t *rapid.T) time.Time {
	if rapid.Bool().Draw(t, "zero") {
		return time.Time{}
	}
	const end = 9.2e18 // about 1678 and 2261
	return time.Unix(0, rapid.Int64Range(-end, end).Draw(t, "ns")).In(time.FixedZone("elsewhere", 3600))
})

// anyone is any person that there may be: of nothing is there a mark without a
// time, nor an id without a mark.
var anyone = func() *rapid.Generator[presence.Person] {
	types := map[reflect.Type]*rapid.Generator[any]{
		reflect.TypeFor[time.Time]():       anyTime.AsAny(),
		reflect.TypeFor[presence.Status](): rapid.Map(rapid.Uint8Range(0, 5), func(n uint8) presence.Status { return presence.Status(n) }).AsAny(),
		reflect.TypeFor[presence.Whose]():  rapid.Map(rapid.Uint8Range(0, 2), func(n uint8) presence.Whose { return presence.Whose(n) }).AsAny(),
		reflect.TypeFor[presence.Traits](): rapid.Map(rapid.Uint8Range(0, 15), func(n uint8) presence.Traits { return presence.Traits(n) }).AsAny(),
		reflect.TypeFor[presence.Outlook](): rapid.Custom(func(t *rapid.T) presence.Outlook {
			text := rapid.String()
			return presence.Outlook{
				State: presence.VisitState(text.Draw(t, "state")), Why: text.Draw(t, "why"), Since: anyTime.Draw(t, "since"),
				Until: anyTime.Draw(t, "until"), Held: presence.HeldBy(text.Draw(t, "held")), At: anyTime.Draw(t, "at"),
			}
		}).AsAny(),
	}
	ofMarks := map[reflect.Type]*rapid.Generator[any]{reflect.TypeFor[time.Time](): anyTime.Filter(func(at time.Time) bool { return !at.IsZero() }).AsAny()}
	for _, of := range []reflect.Type{reflect.TypeFor[presence.Status](), reflect.TypeFor[presence.Whose]()} {
		ofMarks[of] = types[of]
	}
	mark := rapid.MakeCustom[presence.Mark](rapid.MakeConfig{Types: ofMarks})
	ofStretches := map[reflect.Type]*rapid.Generator[any]{reflect.TypeFor[time.Time](): ofMarks[reflect.TypeFor[time.Time]()], reflect.TypeFor[presence.Traits](): types[reflect.TypeFor[presence.Traits]()]}
	types[reflect.TypeFor[presence.Stretch]()] = rapid.Map(rapid.MakeCustom[presence.Stretch](rapid.MakeConfig{Types: ofStretches}), func(s presence.Stretch) presence.Stretch {
		if s.NAS%2 == 0 {
			s.Raw, s.Leave, s.Found = s.To, s.To, time.Time{}
		}
		return s
	}).AsAny()
	types[reflect.TypeFor[[]presence.Mark]()] = rapid.SliceOfN(mark, 1, 9).AsAny()
	return rapid.MakeCustom[presence.Person](rapid.MakeConfig{Types: types})
}()

func TestTimesComeBackInUTCAndEqual(t *testing.T) {
	for _, want := range []time.Time{
		{}, time.Unix(0, 0), time.Unix(0, 1), time.Unix(0, -1), monday.In(time.FixedZone("", -7200)), time.Now(),
	} {
		r := reader{text: string(appendTime(nil, want))}
		if got := r.time(); !got.Equal(want) || got.IsZero() != want.IsZero() || got.Location() != time.UTC || r.end() != nil {
			t.Errorf("%v came back as %v, %v", want, got, r.end())
		}
	}
	for _, far := range []time.Time{time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1000, 1, 1, 0, 0, 0, 0, time.UTC)} {
		r := reader{text: string(appendTime(nil, far))}
		if got := r.time(); got.Before(monday) != far.Before(monday) || got.IsZero() {
			t.Errorf("%v came back as %v", far, got)
		}
	}
}

func TestADamagedDocumentIsAnErrorThatNamesTheUser(t *testing.T) {
	want := Document{Person: filled()}
	data := want.Encode(nil)
	for n := range data {
		if _, err := decode("ann\n@x", data[:n]); err == nil || !strings.HasPrefix(err.Error(), `decode "ann\n@x": `) {
			t.Fatalf("cut at %d: %v", n, err)
		}
	}
	for _, wrong := range [][]byte{append(data, 0), {codecVersion + 1}, {}} {
		if _, err := decode("ann\n@x", wrong); err == nil || !strings.HasPrefix(err.Error(), `decode "ann\n@x": `) {
			t.Errorf("%x: %v", wrong[:min(4, len(wrong))], err)
		}
	}
}

// The constants that bound allocation are the sizes of zero values.
func TestTheLeastSizesAreRight(t *testing.T) {
	again := make([]presence.Mark, 2)
	for _, c := range []struct{ got, want int }{
		{len(appendFacts(nil, &presence.Facts{})), leastFacts}, {len(appendFacts(nil, &presence.Facts{Marks: again[:2]})) - len(appendFacts(nil, &presence.Facts{Marks: again[:1]})), leastMark},
		{len(appendDevice(nil, &presence.Device{})), leastDevice}, {len(appendFloor(nil, &presence.Floor{})), leastFloor},
		{len(appendVisit(nil, &presence.Visit{})), leastVisit}, {len(appendClaim(nil, &presence.Claim{})), leastClaim},
		{len(appendOver(nil, make([]presence.Stretch, 2))) - len(appendOver(nil, make([]presence.Stretch, 1))), leastStretch},
		{len(appendEntry(nil, &presence.Entry{})), leastEntry}, {len(appendText(nil, "")), leastText},
	} {
		if c.got != c.want {
			t.Errorf("%d bytes, not %d", c.want, c.got)
		}
	}
}

// first is what the first version wrote of a person whose phone is open and
// whose laptop had gone, with a visit and a line of their story.
var first = func() []byte {
	b := []byte{1}
	texts := func(all ...string) {
		for _, text := range all {
			b = appendText(b, text)
		}
	}
	times := func(all ...time.Time) {
		for _, at := range all {
			b = appendTime(b, at)
		}
	}
	session := func(id, device, state string, seen, ended time.Time, cause presence.Cause) {
		texts(id, "multi", device, "london", "Corp", "hq/wlc/10.20.0.5", "ap-1", "02:aa:bb:cc:dd:ee", state)
		times(monday)
		b = appendBool(b, true) // exact
		times(seen, seen, seen.Add(time.Second), ended)
		b = binary.AppendVarint(b, int64(seen.Sub(monday))) // age
		b = binary.AppendVarint(b, int64(10*time.Minute))   // interim
		b = binary.AppendUvarint(b, uint64(cause))
		times(time.Time{}) // hold
	}
	times(monday.Add(time.Hour), time.Time{}) // as queued
	b = append(b, 2)
	session("5F3C0000", "02:11:22:33:44:55", "open", monday.Add(time.Hour), time.Time{}, 0)
	session("5F3C0001", "02:66:77:88:99:aa", "ended", monday.Add(30*time.Minute), monday.Add(30*time.Minute), presence.UserRequest)
	b = append(b, 1)
	texts("02:11:22:33:44:55", "london")
	times(monday, monday.Add(time.Hour))
	b = append(appendBool(b, false), 1)
	texts("q3k9d0vdc1", "ann", "london")
	times(monday, time.Time{})
	texts("present", "")
	for range 2 {
		b = appendErrand(b, &presence.Errand{Status: presence.Waiting})
	}
	b = append(b, 0, 0, 1) // claims, the visit's story, the person's
	b = appendEntry(b, &presence.Entry{At: monday, Kind: presence.Concluded, Text: "arrived at london"})
	times(monday.Add(2*time.Hour), time.Time{}) // wake, errand
	return b
}()

// Whoever was there when presenced was upgraded is there still.
func TestAPersonOfTheFirstVersionIsRead(t *testing.T) {
	d, err := decode("ann", first)
	if err != nil {
		t.Fatal(err)
	}
	same(t, d.Wake, monday.Add(2*time.Hour))
	same(t, d.Story, []presence.Entry{{At: monday, Kind: presence.Concluded, Text: "arrived at london"}})
	if len(d.Visits) != 1 || d.Visits[0].ID != "q3k9d0vdc1" || d.Visits[0].State != presence.Present || !d.Visits[0].Believed.IsZero() {
		t.Errorf("visits: %+v", d.Visits)
	}
	w := presence.World{Rules: presence.DefaultRules(), NAS: func(presence.NASName) presence.NAS { return presence.NAS{} }}
	type known struct {
		ID, Device, Site, SSID string
		State                  presence.SessionState
		Began, Seen, Ended     time.Time
		Cause                  presence.Cause
	}
	var got []known
	for _, s := range d.Person.Sessions(monday.Add(time.Hour), w) {
		got = append(got, known{s.ID, s.Device, s.Site, s.SSID, s.State, s.Began, s.Seen, s.Ended, s.Cause})
	}
	same(t, got, []known{
		{"5F3C0000", "02:11:22:33:44:55", "london", "Corp", presence.Open, monday, monday.Add(time.Hour), time.Time{}, 0},
		{"5F3C0001", "02:66:77:88:99:aa", "london", "Corp", presence.Ended, monday, monday.Add(30 * time.Minute), monday.Add(30 * time.Minute), presence.UserRequest},
	})
	again, err := decode("ann", d.Encode(nil))
	if err != nil {
		t.Fatal(err)
	}
	again.Story = d.Story
	same(t, again.Person, d.Person)
}

// The second version kept no stamps, and the third the story in the person, and whole
// seconds as nanoseconds.
func TestAPersonOfTheSecondAndThirdVersionIsRead(t *testing.T) {
	f := presence.Facts{Device: "02:11:22:33:44:55", Marks: []presence.Mark{{Status: presence.Start, At: monday, Heard: monday}, {Status: presence.Stop, At: monday.Add(time.Second), Heard: monday.Add(time.Second), Age: time.Second}}}
	want := presence.Person{Facts: []presence.Facts{f}, Story: []presence.Entry{{At: monday, Kind: presence.Heard, Text: "x"}}}
	for version := range byte(2) {
		stamp := make([]byte, version) // none
		b := appendText(appendText([]byte{2 + version, 0, 0, 1}, ""), f.Device)
		b = append(b, 0, 0, 0, 0, 0, 0, 0, 2) // no place, and two marks
		b = append(appendTime(append(b, 1<<7|byte(presence.Start)), monday), 0, 0, 0, 0, 0)
		b = append(append(b, stamp...), 1<<7|byte(presence.Stop))
		b = append(binary.AppendVarint(b, int64(time.Second)), 0)
		b = append(binary.AppendVarint(b, int64(time.Second)), 0, 0, 0)
		b = append(append(b, stamp...), 0, 0, 0, 0, 0, 0, 0, 0, 1)
		b = append(appendEntry(b, &want.Story[0]), 0, 0)
		got, err := decode("", b)
		if err != nil {
			t.Fatal(err)
		}
		same(t, got.Person, want)
	}
}

// FuzzDecode: whatever lies where a person or a visit was is decoded or refused,
// at a cost that its size bounds, and what is decoded is encoded to the same.
func FuzzDecode(f *testing.F) {
	some, full := Document{Person: office("ann@example.com")}, Document{Person: filled()}
	f.Add(some.Encode(nil))
	f.Add(full.Encode(nil))
	f.Add(first)
	f.Add([]byte{1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Add([]byte{codecVersion, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, data []byte) {
		var d *document
		var v presence.Visit
		var err, verr error
		budget.Budget{Time: 50 * time.Millisecond, Each: 10 * time.Microsecond, Octets: 1 << 16, More: 64}.Hold(t, len(data), func() {
			d, err = decode("ann", data)
			v, verr = DecodeVisit(data)
		})
		if err == nil {
			again, err := decode("ann", d.Encode(nil))
			if err == nil {
				again.Story = d.Story
			}
			if err != nil || !cmp.Equal(again.Person, d.Person, differing) {
				t.Fatalf("%v, and then %v, %v", d.Person, again, err)
			}
		}
		if verr == nil {
			if again, err := DecodeVisit(EncodeVisit(&v)); err != nil || !cmp.Equal(again, v, differing) {
				t.Fatalf("%v, and then %v, %v", v, again, err)
			}
		}
	})
}

func BenchmarkCodec(b *testing.B) {
	d := Document{Person: office("ann@example.com")}
	data := d.Encode(nil)
	text := must(json.Marshal(d.Person))
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		var buf []byte
		for b.Loop() {
			buf = d.Encode(buf[:0])
		}
		b.ReportMetric(float64(len(data)), "bytes")
	})
	b.Run("encode/JSON", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			must(json.Marshal(d.Person))
		}
		b.ReportMetric(float64(len(text)), "bytes")
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			must(decode("ann@example.com", data))
		}
	})
	b.Run("decode/JSON", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var p presence.Person
			if err := json.Unmarshal(text, &p); err != nil {
				b.Fatal(err)
			}
		}
	})
}
