package store

import (
	"encoding/json"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/presenced/presenced/presence"
)

// same compares by Equal where there is one, and takes no list for an empty
// one.
func same[T any](t testing.TB, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
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
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
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
	case reflect.Uint16:
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
	want := &document{Person: filled(), queued: [len(queues)]time.Time{monday, monday.Add(1)}}
	got, err := decode(want.User, want.append(nil))
	if err != nil {
		t.Fatal(err)
	}
	same(t, got.Person, want.Person)
	same(t, got.queued, want.queued)

	visit := want.Visits[0]
	back, err := decodeVisit(encodeVisit(&visit))
	if err != nil {
		t.Fatal(err)
	}
	same(t, back, visit)
}

// A bool is one byte whatever it is, so true is not enough to tell bools apart.
func TestBoolsAreNotMixedUp(t *testing.T) {
	for _, want := range []presence.Person{
		{Sessions: []presence.Session{{Exact: true}, {}}}, {Devices: []presence.Device{{}, {Closed: true}}},
		{Visits: []presence.Visit{{Claims: []presence.Claim{{DryRun: true}, {}}}}},
	} {
		got, err := decode("", (&document{Person: want}).append(nil))
		if err != nil {
			t.Fatal(err)
		}
		same(t, got.Person, want)
	}
}

func TestWhatIsDecodedIsWhatWasEncoded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := document{Person: rapid.MakeCustom[presence.Person](times).Draw(t, "person")}
		for q := range want.queued {
			want.queued[q] = anyTime.Draw(t, "queued")
		}
		got, err := decode(want.User, want.append(nil))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.Person, got.Person, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(want.queued, got.queued); diff != "" {
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

var times = rapid.MakeConfig{Types: map[reflect.Type]*rapid.Generator[any]{reflect.TypeFor[time.Time](): anyTime.AsAny()}}

func TestTimesComeBackInUTCAndEqual(t *testing.T) {
	for _, want := range []time.Time{
		{}, time.Unix(0, 0), time.Unix(0, 1), time.Unix(0, -1), monday.In(time.FixedZone("", -7200)), time.Now(),
	} {
		r := reader{data: appendTime(nil, want)}
		if got := r.time(); !got.Equal(want) || got.IsZero() != want.IsZero() || got.Location() != time.UTC || r.end() != nil {
			t.Errorf("%v came back as %v, %v", want, got, r.end())
		}
	}
	for _, far := range []time.Time{time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1000, 1, 1, 0, 0, 0, 0, time.UTC)} {
		r := reader{data: appendTime(nil, far)}
		if got := r.time(); got.Before(monday) != far.Before(monday) || got.IsZero() {
			t.Errorf("%v came back as %v", far, got)
		}
	}
}

func TestADamagedDocumentIsAnErrorThatNamesTheUser(t *testing.T) {
	want := document{Person: filled()}
	data := want.append(nil)
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
	for _, c := range []struct{ got, want int }{
		{len(appendSession(nil, &presence.Session{})), leastSession}, {len(appendDevice(nil, &presence.Device{})), leastDevice},
		{len(appendVisit(nil, &presence.Visit{})), leastVisit + 1}, {len(appendClaim(nil, &presence.Claim{})), leastClaim},
		{len(appendEntry(nil, &presence.Entry{})), leastEntry}, {len(appendText(nil, "")), leastText},
	} {
		if c.got != c.want {
			t.Errorf("%d bytes, not %d", c.want, c.got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	some, full := document{Person: office("ann@example.com")}, document{Person: filled()}
	f.Add(some.append(nil))
	f.Add(full.append(nil))
	f.Add([]byte{codecVersion, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, data []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		d, err := decode("ann", data)
		v, verr := decodeVisit(data)
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 1<<16+64*uint64(len(data)) {
			t.Fatalf("%d bytes made it allocate %d", len(data), got)
		}
		if err == nil {
			again, err := decode("ann", d.append(nil))
			if err != nil || !cmp.Equal(again.Person, d.Person) {
				t.Fatalf("%v, and then %v, %v", d.Person, again, err)
			}
		}
		if verr == nil {
			if again, err := decodeVisit(encodeVisit(&v)); err != nil || !cmp.Equal(again, v) {
				t.Fatalf("%v, and then %v, %v", v, again, err)
			}
		}
	})
}

func BenchmarkCodec(b *testing.B) {
	d := document{Person: office("ann@example.com")}
	data := d.append(nil)
	text := must(json.Marshal(d.Person))
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		var buf []byte
		for b.Loop() {
			buf = d.append(buf[:0])
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
