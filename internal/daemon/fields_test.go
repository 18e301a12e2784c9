package daemon

import (
	"net/http"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presenced/presenced/configs"
	"github.com/presenced/presenced/internal/rigs/testbed"
	"github.com/presenced/presenced/kadence"
	"github.com/presenced/presenced/store"
)

// TestEveryFieldOfTheDeskMakesAnother, those that are still to be invented
// included; the same text read again does not.
func TestEveryFieldOfTheDeskMakesAnother(t *testing.T) {
	file := filepath.Join(t.TempDir(), "presenced.toml")
	testbed.WriteConfig(t, file, testbed.Settings{
		API: "http://kadence.test", ClientID: "test", Secret: "secret", Linger: "60m",
		More: "[[site]]\nname = \"leeds\"\nbuilding = \"North\"\ntime_zone = \"Europe/London\"\nnas = [\"leeds-*\"]\n",
	})
	memory, err := store.Open(filepath.Join(t.TempDir(), "presenced.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Close()
	d := &Daemon{Store: memory, Log: NewLog(t.Output(), configs.Log{Level: "error", Format: "text"}), Transport: roundTrip(nil)}
	now := &prepared{}
	if err := now.setDesk(testbed.Load(t, file), d); err != nil {
		t.Fatal(err)
	}
	d.inForce.Store(now)

	same := &prepared{}
	if err := same.setDesk(testbed.Load(t, file), d); err != nil || same.kadence != now.kadence {
		t.Errorf("the same configuration makes another desk: %v", err)
	}
	for i := range reflect.TypeFor[kadence.Config]().NumField() {
		cfg := testbed.Load(t, file)
		field := reflect.ValueOf(&cfg.Kadence.Config).Elem().Field(i)
		alter(t, field)
		next := &prepared{} // one that cannot be made is another, too
		if err := next.setDesk(cfg, d); err == nil && next.kadence == now.kadence {
			t.Errorf("%s is changed to %v, and the desk in force stays", reflect.TypeFor[kadence.Config]().Field(i).Name, field)
		}
	}
	cfg := testbed.Load(t, file)
	cfg.Kadence.Zones["leeds"] = time.UTC
	if next := (&prepared{}); next.setDesk(cfg, d) != nil || next.kadence == now.kadence {
		t.Error("a site's time zone is changed, and the desk in force stays")
	}
}

// roundTrip is a way to Kadence that is not even equal to itself.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestEveryFieldCountsAtOnceOrIsSaidToWait: what a reload does not make count
// it says, and nothing else. A field that is new has its place here.
func TestEveryFieldCountsAtOnceOrIsSaidToWait(t *testing.T) {
	atOnce := []string{
		"Path", "Warnings", "Mapping", "Rules", "Kadence", "Log", "Radius.Clients", "Radius.MaxSkew", "Radsec.Certificate",
		"Store.KeepVisits", "Store.HashDevices", "Control.Token", "Control.Tokens", "Control.Roster", "Control.AuditReads", "Control.UserHeader", "Control.UserFrom",
	}
	config := func() *configs.Config {
		return &configs.Config{Radsec: &configs.Radsec{Listen: []string{":2083"}}, Kadence: &configs.Kadence{}}
	}
	met := map[string]bool{}
	var walk func(path string, at func(*configs.Config) reflect.Value)
	walk = func(path string, at func(*configs.Config) reflect.Value) {
		cfg := config()
		v := at(cfg)
		known := slices.Contains(atOnce, path)
		if v.Kind() == reflect.Struct && !known {
			for i := range v.NumField() {
				if field := v.Type().Field(i); field.IsExported() {
					walk(strings.TrimPrefix(path+"."+field.Name, "."), func(c *configs.Config) reflect.Value { return reflect.Indirect(at(c)).Field(i) })
				}
			}
			return
		}
		if v.Kind() == reflect.Pointer && v.Elem().Kind() == reflect.Struct && !known {
			walk(path, func(c *configs.Config) reflect.Value { return at(c).Elem() })
			return
		}
		met[path] = true
		alter(t, v)
		if said := !reflect.DeepEqual(fixed(config()), fixed(cfg)); said == known {
			t.Errorf("%s is changed: said to count at the next start %v, counts at once %v", path, said, known)
		}
	}
	walk("", func(c *configs.Config) reflect.Value { return reflect.ValueOf(c).Elem() })
	for _, path := range atOnce {
		if !met[path] {
			t.Errorf("there is no %s", path)
		}
	}
	without := config()
	without.Radsec = nil
	if reflect.DeepEqual(fixed(config()), fixed(without)) {
		t.Error("[radsec] is gone, and nothing is said")
	}
}

// alter gives v another value.
func alter(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.String:
		v.SetString(v.String() + "x")
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int, reflect.Int64:
		v.SetInt(v.Int() + 1)
	case reflect.Float64:
		v.SetFloat(v.Float() + 1)
	case reflect.Slice:
		v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
	case reflect.Map:
		all := reflect.MakeMap(v.Type())
		for _, key := range v.MapKeys() {
			all.SetMapIndex(key, v.MapIndex(key))
		}
		all.SetMapIndex(reflect.ValueOf("another"), reflect.Zero(v.Type().Elem()))
		v.Set(all)
	case reflect.Func: // the one kind that there is: how to have a secret
		v.Set(reflect.ValueOf(func() (string, error) { return "another", nil }))
	case reflect.Interface: // likewise
		v.Set(reflect.ValueOf(http.DefaultTransport))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				alter(t, v.Field(i))
				return
			}
		}
		t.Fatalf("%s has no field to change", v.Type())
	default:
		t.Fatalf("how is %s changed?", v.Type())
	}
}
