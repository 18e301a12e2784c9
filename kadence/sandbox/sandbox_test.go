package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"
)

// tenant is a sandbox over real HTTP or in process, and a client of it.
type tenant struct {
	*Server
	t      *testing.T
	now    time.Time
	base   string
	client *http.Client
	token  string
}

// overBoth runs a test against the sandbox as it is reached over real HTTP, and
// in process: the two must not differ.
func overBoth(t *testing.T, run func(t *testing.T, s *tenant)) {
	for _, wire := range []string{"http", "in process"} {
		t.Run(wire, func(t *testing.T) {
			s := &tenant{Server: New("key", "s3cret"), t: t, now: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)}
			s.Now = func() time.Time { return s.now }
			s.base, s.client = "http://sandbox.test", &http.Client{Transport: s.RoundTripper()}
			if wire == "http" {
				server := httptest.NewServer(s.Server)
				t.Cleanup(server.Close)
				s.base, s.client = server.URL, server.Client()
			}
			s.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			s.login()
			run(t, s)
		})
	}
}

func (s *tenant) login() {
	s.t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"key"}, "client_secret": {"s3cret"}, "scope": {"public"}}
	resp, err := s.client.PostForm(s.base+"/oauth2/token", form)
	if err != nil {
		s.t.Fatal(err)
	}
	var answer struct {
		Type    string `json:"token_type"`
		Token   string `json:"access_token"`
		Expires int    `json:"expires_in"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.Type != "Bearer" || answer.Token == "" {
		s.t.Fatal(answer, err)
	}
	s.token = answer.Token
}

// ask makes one call; headers are given as "Name: value".
func (s *tenant) ask(method, path, body string, headers ...string) (status int, answer map[string]any, err error) {
	s.t.Helper()
	r, err := http.NewRequest(method, s.base+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Accept", "application/ld+json")
	r.Header.Set("Content-Type", "application/json")
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	resp, err := s.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp.StatusCode, nil, err
	}
	_ = json.Unmarshal(b, &answer) // some answers are none; those are asked for their status
	return resp.StatusCode, answer, nil
}

func (s *tenant) want(status int, method, path, body string, headers ...string) map[string]any {
	s.t.Helper()
	got, answer, err := s.ask(method, path, body, headers...)
	if err != nil || got != status {
		s.t.Errorf("%s %s %s: %d, %v, want %d: %v", method, path, body, got, err, status, answer)
	}
	return answer
}

// ids returns the ids of a list's members.
func (s *tenant) ids(path string) []string {
	s.t.Helper()
	members, _ := s.want(200, "GET", path, "")["hydra:member"].([]any)
	ids := []string{}
	for _, m := range members {
		ids = append(ids, m.(map[string]any)["id"].(string))
	}
	return ids
}

func TestTokenEndpoint(t *testing.T) {
	overBoth(t, func(t *testing.T, s *tenant) {
		const form = "Content-Type: application/x-www-form-urlencoded"
		good := "grant_type=client_credentials&client_id=key&client_secret=s3cret"
		s.want(200, "POST", "/oauth2/token", good, form)
		s.want(200, "POST", "/oauth2/token", `{"grant_type":"client_credentials","client_id":"key","client_secret":"s3cret","scope":"public"}`)
		for body, code := range map[string]string{
			strings.Replace(good, "s3cret", "wrong", 1):            "invalid_client",
			strings.Replace(good, "key", "other", 1):               "invalid_client",
			good + "&scope=everything":                             "invalid_scope",
			strings.Replace(good, "client_credentials", "pass", 1): "unsupported_grant_type",
			"grant_type=client_credentials":                        "invalid_request",
		} {
			status := 400
			if code == "invalid_client" {
				status = 401
			}
			if answer := s.want(status, "POST", "/oauth2/token", body, form); answer["error"] != code {
				t.Errorf("%s: %v, want %s", body, answer, code)
			}
		}
		s.SetSecret("key", "")
		s.want(401, "POST", "/oauth2/token", good, form)
	})
}

func TestAuthorityAndNegotiation(t *testing.T) {
	overBoth(t, func(t *testing.T, s *tenant) {
		id := s.Book(Booking{User: s.AddUser("ann@example.com"), Building: s.AddBuilding("HQ", time.UTC), Begin: s.now, End: s.now.Add(time.Hour)})
		checkIn := "/v1/public/bookings/" + id + "/check-in"
		s.want(200, "GET", "/v1/public/users", "")
		s.want(200, "GET", "/v1/public/users", "", "Accept: application/json, text/plain, */*")
		s.want(406, "GET", "/v1/public/users", "", "Accept: application/json")
		s.want(415, "POST", checkIn, "{}", "Content-Type: text/plain")
		s.want(422, "POST", checkIn, "{}", "Content-Type: application/ld+json")
		s.want(400, "POST", checkIn, "{")
		s.want(401, "GET", "/v1/public/users", "", "Authorization: Bearer foreign")
		s.want(401, "GET", "/v1/public/users", "", "Authorization: Basic "+s.token)
		s.want(404, "GET", "/v1/public/nothing", "")
		s.want(404, "GET", "/v1/public/bookings/nothing", "")
		s.now = s.now.Add(time.Hour)
		s.want(401, "GET", "/v1/public/users", "") // expired
		s.login()
		s.want(200, "GET", "/v1/public/users", "")
		s.Revoke()
		s.want(401, "GET", "/v1/public/users", "")
	})
}

func TestUserFilters(t *testing.T) {
	overBoth(t, func(t *testing.T, s *tenant) {
		ann, joann := s.AddUser("ann.lee@example.com"), s.AddUser("joann.lee@example.com")
		for query, want := range map[string][]string{
			"":                               {ann, joann},
			"email=ANN.lee":                  {ann, joann},
			"emailExact=ann.lee@example.com": {ann},
			"emailExact=ann":                 {},
			"unknown=ann":                    {ann, joann},
			"firstName=joann":                {joann},
			"id=" + ann:                      {ann},
		} {
			if got := s.ids("/v1/public/users?" + query); !slices.Equal(got, want) {
				t.Errorf("%q finds %v, want %v", query, got, want)
			}
		}
		s.Switch(func(w *Switches) { w.IgnoreEmailExact = true })
		if got := s.ids("/v1/public/users?emailExact=ann.lee@example.com"); len(got) != 2 {
			t.Errorf("an older server finds %v", got)
		}
	})
}

func TestDateFilters(t *testing.T) {
	overBoth(t, func(t *testing.T, s *tenant) {
		sydney, err := time.LoadLocation("Australia/Sydney") // eleven hours ahead in March
		if err != nil {
			t.Fatal(err)
		}
		user, hq := s.AddUser("ann@example.com"), s.AddBuilding("HQ", sydney)
		id := s.Book(Booking{User: user, Building: hq, Begin: s.now, End: s.now.Add(8 * time.Hour)}) // from 19:00 there
		for query, found := range map[string]bool{
			"startDateTime[before]=2026-03-02T08:00:00":                     true,
			"startDateTime[strictly_before]=2026-03-02T08:00:00":            false,
			"startDateTime[after]=2026-03-02T08:00:00Z":                     true,
			"startDateTime[strictly_after]=2026-03-02T08:00:00":             false,
			"startDateTime[local_before]=2026-03-02T19:00:00":               true,
			"startDateTime[local_before]=2026-03-02T18:59:59":               false,
			"startDateTime[local_strictly_before]=2026-03-02T19:00:00Z":     false,
			"startDateTime[local_strictly_before]=2026-03-02T19:00:01%2B09": true,
			"endDateTime[local_after]=2026-03-03T03:00:00":                  true,
			"endDateTime[local_strictly_after]=2026-03-03T03:00:00":         false,
			"endDateTime%5Blocal_strictly_after%5D=2026-03-03T00:00:00":     true,
			"startDateTime[before]=yesterday":                               true, // dropped
			"startDateTime[sometime]=2020-01-01T00:00:00":                   true, // dropped
			"startDate=2020-01-01":                                          true, // not known here
			"type=room":                                                     false,
			"status=booked&type=desk":                                       true,
			"id=" + id:                                                      true,
			"id=other":                                                      false,
		} {
			for _, list := range []string{"/v1/public/bookings?", "/v1/public/users/" + user + "/bookings?"} {
				if got := len(s.ids(list + query)); got == 1 != found {
					t.Errorf("%s%s finds %d", list, query, got)
				}
			}
		}
		// The filter for the building has another name on each.
		for query, want := range map[string]int{"building.id=other": 1, "buildingId=other": 0} {
			if got := len(s.ids("/v1/public/bookings?" + query)); got != want {
				t.Errorf("bookings by %s: %d", query, got)
			}
			if got := len(s.ids("/v1/public/users/" + user + "/bookings?" + query)); got != 1-want {
				t.Errorf("user's bookings by %s: %d", query, got)
			}
		}
		if got := len(s.ids("/v1/public/users/" + user + "/bookings?checkedInDateTime[after]=2026-01-01T00:00:00")); got != 0 {
			t.Errorf("checked in: %d", got)
		}
	})
}

func TestPages(t *testing.T) {
	overBoth(t, func(t *testing.T, s *tenant) {
		user, hq := s.AddUser("ann@example.com"), s.AddBuilding("HQ", time.UTC)
		var want []string
		for i := range 120 {
			want = append(want, s.Book(Booking{User: user, Building: hq, Begin: s.now.Add(-time.Duration(i) * time.Minute), End: s.now.Add(time.Hour)}))
		}
		slices.Reverse(want) // by their start
		var got []string
		next := "/v1/public/bookings?order[startDate]=asc"
		for pages := 0; next != ""; pages++ {
			answer := s.want(200, "GET", next, "")
			if answer["hydra:totalItems"] != 120.0 || pages > 2 {
				t.Fatalf("page %d of %v", pages, answer["hydra:totalItems"])
			}
			got = append(got, s.ids(next)...)
			view := answer["hydra:view"].(map[string]any)
			next, _ = view["hydra:next"].(string)
			if next != "" && !strings.HasPrefix(next, "/v1/public/bookings?") {
				t.Fatalf("link %q is not path-absolute", next)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %d bookings, or in another order", len(got))
		}
		for query, n := range map[string]int{"itemsPerPage=9999": 120, "itemsPerPage=0": 1, "itemsPerPage=10&page=13": 0, "": 50} {
			if got := len(s.ids("/v1/public/bookings?" + query)); got != n {
				t.Errorf("%q: %d, want %d", query, got, n)
			}
		}
	})
}

func TestFaultsOnTheWire(t *testing.T) {
	overBoth(t, func(t *testing.T, s *tenant) {
		user := s.AddUser("ann@example.com")
		id := s.Book(Booking{User: user, Building: s.AddBuilding("HQ", time.UTC), Begin: s.now, End: s.now.Add(time.Hour)})
		const route = "POST /v1/public/bookings/{id}/check-in"
		post := func() (int, map[string]any, error) {
			return s.ask("POST", "/v1/public/bookings/"+id+"/check-in", `{"userId":"`+user+`","method":"wifi"}`)
		}
		status := func() Status { b, _ := s.Booking(id); return b.Status }

		s.Fail(Fault{Route: route, Times: 1, DropBefore: true})
		if _, _, err := post(); err == nil || status() != Booked {
			t.Errorf("dropped before: %v, %s", err, status())
		}
		s.Fail(Fault{Route: route, Times: 1, Status: 429, Header: http.Header{"Retry-After": {"7"}}})
		if code, _, err := post(); code != 429 || err != nil || status() != Booked {
			t.Errorf("throttled: %d, %v", code, err)
		}
		s.Fail(Fault{Route: route, Times: 1, Redirect: "https://elsewhere.example/"})
		if code, _, err := post(); code != 307 || err != nil || status() != Booked {
			t.Errorf("redirected: %d, %v", code, err)
		}
		s.Fail(Fault{Route: route, Times: 1, HTML: true})
		if code, answer, err := post(); code != 200 || answer != nil || err != nil || status() != Booked {
			t.Errorf("page: %d, %v, %v", code, answer, err)
		}
		s.Fail(Fault{Route: route, Times: 1, Delay: time.Hour})
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
		defer cancel()
		r, _ := http.NewRequestWithContext(ctx, "POST", s.base+"/v1/public/bookings/"+id+"/check-in", nil)
		if _, err := s.client.Do(r); !errors.Is(err, context.DeadlineExceeded) || status() != Booked {
			t.Errorf("delayed: %v, %s", err, status())
		}
		s.Mend()
		s.Fail(Fault{Route: route, Times: 1, DropAfter: true})
		if _, _, err := post(); err == nil || status() != CheckedIn {
			t.Errorf("dropped after: %v, %s", err, status())
		}
		s.Switch(func(w *Switches) { w.RepeatAllowed = true })
		s.Fail(Fault{Route: route, Times: 1, Truncate: true})
		if code, answer, err := post(); code != 201 || answer != nil || err != nil {
			t.Errorf("truncated: %d, %v, %v", code, answer, err)
		}
		if code, answer, err := post(); code != 201 || answer["status"] != "checkedIn" || err != nil {
			t.Errorf("after all: %d, %v, %v", code, answer, err)
		}
		if effects := s.Effects(id); len(effects) != 1 || effects[0].Fault != "drop after" || effects[0].Acting != user {
			t.Errorf("effects %+v, want the one that was dropped after", effects)
		}
	})
}

func TestJournalNamesOffences(t *testing.T) {
	overBoth(t, func(t *testing.T, s *tenant) {
		user, hq := s.AddUser("ann@example.com"), s.AddBuilding("HQ", time.UTC)
		act := func(b Booking, verbs ...string) {
			b.User, b.Building, b.Begin, b.End = user, hq, s.now, s.now.Add(time.Hour)
			id := s.Book(b)
			for _, verb := range verbs {
				s.want(201, "POST", "/v1/public/bookings/"+id+"/"+verb, `{"userId":"`+user+`"}`)
			}
		}
		act(Booking{}, "check-in", "check-out")
		if bad := s.Offences(); bad != nil {
			t.Errorf("innocent, and yet %v", bad)
		}
		act(Booking{Type: "room"}, "check-in")
		act(Booking{Guest: true}, "check-in")
		s.Switch(func(w *Switches) { w.ReturnAllowed = true })
		act(Booking{}, "check-in", "check-out", "check-in")
		if bad := s.Offences(); len(bad) != 4 { // the last one twice over
			t.Errorf("%d offences: %v", len(bad), bad)
		}
	})
}

func TestWatchIsToldOfEveryCall(t *testing.T) {
	s := New("key", "s3cret")
	var told []Call
	s.Watch = func(c Call) { told = append(told, c) }
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", "/v1/public/users?email=x", nil))
	if len(told) != 1 || told[0].Status != 401 || told[0].Route != "GET /v1/public/users" || told[0].Query != "email=x" {
		t.Errorf("%+v", told)
	}
	if journal := s.Journal(); !slices.Equal(journal, told) {
		t.Errorf("journal %+v", journal)
	}
}
