package kadence

import (
	"errors"
	"testing"
	"time"

	"github.com/presenced/presenced/presence"
)

// The classes of errors, as a courier tells them apart.

func wantRefused(t *testing.T, err error) {
	t.Helper()
	var e *presence.RefusedError
	if !errors.As(err, &e) || e.Reason == "" {
		t.Errorf("error %v, want a refusal with its reason", err)
	}
}

func wantDenied(t *testing.T, err error, gone bool) {
	t.Helper()
	var e *presence.DeniedError
	if !errors.As(err, &e) || e.Gone != gone || e.Reason == "" {
		t.Errorf("error %v, want a denial with its reason, gone %v", err, gone)
	}
}

func wantThrottled(t *testing.T, err error, until time.Time) {
	t.Helper()
	var e *presence.ThrottledError
	if !errors.As(err, &e) || !e.Until.Equal(until) {
		t.Errorf("error %v, want to be throttled until %v", err, until)
	}
}

func wantClosed(t *testing.T, err error) {
	t.Helper()
	var e *presence.ClosedError
	if !errors.As(err, &e) || e.Reason == "" {
		t.Errorf("error %v, want the desk to be closed with a reason", err)
	}
}

// wantTemporary wants an error that says nothing but that it may pass.
func wantTemporary(t *testing.T, err error) {
	t.Helper()
	var refused *presence.RefusedError
	var denied *presence.DeniedError
	var throttled *presence.ThrottledError
	var closed *presence.ClosedError
	if err == nil || errors.As(err, &refused) || errors.As(err, &denied) || errors.As(err, &throttled) ||
		errors.As(err, &closed) || errors.Is(err, presence.ErrNoUser) || errors.Is(err, ErrUnknownBuilding) {
		t.Errorf("error %v, want one that may pass", err)
	}
}
