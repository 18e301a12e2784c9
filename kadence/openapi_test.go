package kadence

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pb33f/go-yaml"
	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/pb33f/libopenapi-validator/errors"
)

// Kadence's own OpenAPI document is not ours to publish. Where it lies beside
// the checkout, every exchange of every test that runs in an office is held
// against it; where it does not, TestDocumentIsThere says so.
const document = "shared/kadence/openapi.yml"

// kadences is Kadence's document as a validator; nil if it is not there.
var kadences = sync.OnceValues(func() (validator.Validator, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		b, err := os.ReadFile(filepath.Join(dir, document))
		if err != nil {
			continue
		}
		var doc map[string]any
		if err := yaml.Unmarshal(b, &doc); err != nil {
			return nil, err
		}
		mend(doc)
		if b, err = yaml.Marshal(doc); err != nil {
			return nil, err
		}
		parsed, err := libopenapi.NewDocument(b)
		if err != nil {
			return nil, err
		}
		model, err := parsed.BuildV3Model()
		if err != nil {
			return nil, err
		}
		return validator.NewValidatorFromV3Model(&model.Model, config.WithFormatAssertions(), config.WithoutSecurityValidation()), nil
	}
	return nil, nil
})

// mend changes where the document is known not to mean what it says: artefacts
// of its generator. All else is taken as written.
//
//   - Ids are declared to be objects (Ulid…, Uuid…); the document's own
//     examples, and everybody's answers, have strings.
//   - userId, building and the like are declared to be objects (User…,
//     Building… of a booking) and described as IRIs, which are strings.
//   - "nullable: true" is OpenAPI 3.0's way to allow null, and does not exist
//     in 3.1, which the document claims to be.
//   - Some references lead nowhere (#/components/schemas/User).
//   - A user's bookings have two path parameters named id.
//   - "webhooks: null" is not a map of webhooks.
func mend(doc map[string]any) {
	delete(doc, "webhooks")
	schemas := doc["components"].(map[string]any)["schemas"].(map[string]any)
	for name := range schemas {
		kind, of, _ := strings.Cut(strings.TrimSuffix(name, ".jsonld"), "-")
		kind = strings.TrimSuffix(kind, ".jsonld")
		if kind == "Ulid" || kind == "Uuid" || (kind == "User" || kind == "Building") && strings.HasPrefix(of, "public_booking") {
			schemas[name] = map[string]any{"type": "string"}
		}
	}
	mendSchemas(doc, schemas)
	list := doc["paths"].(map[string]any)["/v1/public/users/{id}/bookings"].(map[string]any)["get"].(map[string]any)
	seen := false
	list["parameters"] = slices.DeleteFunc(list["parameters"].([]any), func(p any) bool {
		again := p.(map[string]any)["in"] == "path" && seen
		seen = seen || p.(map[string]any)["in"] == "path"
		return again
	})
}

func mendSchemas(v any, schemas map[string]any) {
	switch v := v.(type) {
	case map[string]any:
		if kind, ok := v["type"].(string); ok && v["nullable"] == true {
			v["type"] = []any{kind, "null"}
			if values, ok := v["enum"].([]any); ok {
				v["enum"] = append(values, nil)
			}
		}
		delete(v, "nullable")
		if to, ok := v["$ref"].(string); ok && schemas[strings.TrimPrefix(to, "#/components/schemas/")] == nil {
			delete(v, "$ref")
		}
		for _, w := range v {
			mendSchemas(w, schemas)
		}
	case []any:
		for _, w := range v {
			mendSchemas(w, schemas)
		}
	}
}

func TestDocumentIsThere(t *testing.T) {
	v, err := kadences()
	switch {
	case err != nil:
		t.Fatal(err)
	case v == nil:
		t.Skipf("SKIPPED: %s is not beside this checkout: no request and no answer was held against Kadence's document", document)
	}
}

// conforms holds every exchange against Kadence's document: what we sent, and
// what the sandbox answered unless it was told to fail, or with a status that
// the document does not list.
func (w *wire) conforms(t *testing.T) {
	t.Helper()
	v, err := kadences()
	if err != nil {
		t.Fatal(err)
	}
	if v == nil {
		return
	}
	for _, e := range w.seen {
		if e.request.URL.Path == "/oauth2/token" { // not in the document
			continue
		}
		e.request.Body = io.NopCloser(bytes.NewReader(e.sent))
		if ok, faults := v.ValidateHttpRequestSync(e.request); !ok {
			t.Errorf("request %s %s is not Kadence's: %s", e.request.Method, e.request.URL, said(faults))
		}
		if w.odd || e.answer == nil || e.answer.Header.Get("X-Sandbox-Fault") != "" || !listed(e.request.Method, e.answer.StatusCode) {
			continue
		}
		answer := *e.answer
		answer.Body = io.NopCloser(bytes.NewReader(e.body))
		if ok, faults := v.GetResponseBodyValidator().ValidateResponseBody(e.request, &answer); !ok {
			t.Errorf("answer %s to %s %s is not Kadence's: %s", e.answer.Status, e.request.Method, e.request.URL, said(faults))
		}
	}
}

// listed reports whether the document says anything about the status; it lists
// no bodies of errors.
func listed(method string, status int) bool {
	return method == http.MethodGet && status == http.StatusOK || method == http.MethodPost && status == http.StatusCreated
}

func said(faults []*errors.ValidationError) string {
	var all []string
	for _, f := range faults {
		text := f.Message + ": " + f.Reason
		for _, s := range f.SchemaValidationErrors {
			text += "; " + s.FieldPath + " " + s.Reason
		}
		all = append(all, text)
	}
	return strings.Join(all, "\n\t")
}

// TestValidatorSeesFaults makes sure that conforming means something.
func TestValidatorSeesFaults(t *testing.T) {
	v, err := kadences()
	if err != nil {
		t.Fatal(err)
	}
	if v == nil {
		t.Skipf("SKIPPED: %s is not beside this checkout", document)
	}
	ask := func(method, target, body string) *http.Request {
		r, err := http.NewRequest(method, "https://api.onkadence.co"+target, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", "application/ld+json")
		r.Header.Set("Content-Type", "application/json")
		return r
	}
	const checkIn = "/v1/public/bookings/01GTBV1CT3BM8A42SEJ2J5F4EG/check-in"
	for name, r := range map[string]*http.Request{
		"a page of none":    ask("GET", "/v1/public/bookings?itemsPerPage=501", ""),
		"an unknown status": ask("GET", "/v1/public/bookings?status=melted", ""),
		"an unknown method": ask("POST", checkIn, `{"userId":"01GTBV1CT3BM8A42SEJ2J5F4EG","method":"smoke"}`),
		"nobody acting":     ask("POST", checkIn, `{"method":"wifi"}`),
	} {
		if ok, _ := v.ValidateHttpRequestSync(r); ok {
			t.Errorf("%s passes as a request", name)
		}
	}
	for name, body := range map[string]string{
		"no members":        `{"hydra:totalItems":0}`,
		"an unknown status": `{"hydra:member":[{"id":"01GTBV1CT3BM8A42SEJ2J5F4EG","status":"melted"}]}`,
		"an object as id":   `{"hydra:member":[{"id":{}}]}`,
		"no date":           `{"hydra:member":[{"startDate":"tomorrow"}]}`,
	} {
		answer := &http.Response{StatusCode: 200, Header: jsonLD, Body: io.NopCloser(strings.NewReader(body))}
		if ok, _ := v.GetResponseBodyValidator().ValidateResponseBody(ask("GET", "/v1/public/bookings", ""), answer); ok {
			t.Errorf("%s passes as an answer", name)
		}
	}
}

var jsonLD = http.Header{"Content-Type": {"application/ld+json; charset=utf-8"}}
