package kadence

import (
	"testing"

	"github.com/presenced/presenced/kadence/sandbox"
	"github.com/presenced/presenced/presence"
)

// TestWhoWasForgottenMeanwhileStaysForgotten, though the answer about them comes: nothing is
// noted of whom the tracker does not know any more, and of whom it knows the id is.
func TestWhoWasForgottenMeanwhileStaysForgotten(t *testing.T) {
	server, store := sandbox.New(credentials, "s3cret"), presence.NewMemory()
	desk, err := New(Config{
		APIURL: "https://api.example.test", AuthURL: "https://login.example.test", ClientID: credentials,
		Secret:    func() (string, error) { return "s3cret", nil },
		Buildings: map[string]string{"london": server.AddBuilding("London HQ", nil)}, Transport: server.RoundTripper(),
	}, store, quiet)
	if err != nil {
		t.Fatal(err)
	}
	const ann, bob = "ann@example.com", "bob@example.com"
	remember := presence.Change{User: bob, Apply: func(p *presence.Person, _ [][]byte) presence.Outcome {
		p.Facts = append(p.Facts, presence.Facts{ID: "a", Device: "02:00:00:00:00:01"})
		return presence.Outcome{}
	}}
	if err := store.Update(t.Context(), []presence.Change{remember}); err != nil {
		t.Fatal(err)
	}
	for user, kept := range map[string]bool{ann: false, bob: true} {
		id := server.AddUser(user)
		if known, err := desk.userID(t.Context(), user); err != nil || known.ID == "" {
			t.Fatalf("%s: %+v, %v; want %s", user, known, err, id)
		}
		note, err := store.Note(t.Context(), userKind, user)
		if err != nil || (note != nil) != kept {
			t.Errorf("%s: %q is noted (%v), want something: %v", user, note, err, kept)
		}
	}
}
