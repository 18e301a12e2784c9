package configs

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the expected faults anew")

// TestEveryMistakeIsToldWithItsLineAndRemedy: each file in testdata is named
// for what is wrong in it, and stands beside what is said of it.
func TestEveryMistakeIsToldWithItsLineAndRemedy(t *testing.T) {
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	files, err := filepath.Glob("testdata/*.toml")
	if err != nil || len(files) < 15 {
		t.Fatalf("there are %d files: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".toml"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Parse(filepath.Base(file), data, "testdata")
			var faults Faults
			if !errors.As(err, &faults) || len(faults) == 0 {
				t.Fatalf("it is %v", err)
			}
			for _, f := range faults {
				if f.What == "" || strings.Contains(f.Error(), "\n") {
					t.Errorf("%+v is not one line that says what is wrong", f)
				}
				if strings.Contains(f.Error(), "never") && strings.Contains(f.Error(), "shown") {
					t.Errorf("a secret is shown: %v", f)
				}
			}
			golden := strings.TrimSuffix(file, ".toml") + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(err.Error()+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, readErr := os.ReadFile(golden)
			if readErr != nil {
				t.Fatal(readErr)
			}
			if got := err.Error() + "\n"; got != string(want) {
				t.Errorf("it is told\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestMissingFileIsAFaultWithItsRemedy(t *testing.T) {
	file := filepath.Join(t.TempDir(), "presenced.toml")
	_, err := Load(file)
	want := file + ": open: no such file or directory (`presenced config` prints one to begin with; -c names another file)"
	if err == nil || err.Error() != want {
		t.Errorf("it is %v, want %s", err, want)
	}
}

func TestMisspellingsAreGuessed(t *testing.T) {
	names := []string{"secret", "secrets", "secret_file", "site", "name", "address"}
	for s, want := range map[string]string{
		"sercet": "secret", "secret-file": "secret_file", "adress": "address", "nmae": "name", "Site": "site",
		"": "", "x": "", "building": "", "linger": "",
	} {
		if got := similar(s, names); got != want {
			t.Errorf("%q may be %q, want %q", s, got, want)
		}
	}
}
