package main

import (
	"archive/tar"
	"bytes"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// user is who the program runs as: nobody that a host has.
const user = 10001

// writeImage writes the image of each architecture's program: all as the OCI
// layout OUT/layout, and each as OUT/ARCH.tar, which `docker load` takes.
func writeImage(version, stage, out string, archs []string, made time.Time) error {
	tag, err := name.NewTag("presenced:" + strings.NewReplacer("+", "-", "~", "-").Replace(version))
	if err != nil {
		return err
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, arch := range archs {
		files, err := root(filepath.Join(stage, arch, "presenced"), filepath.Join(stage, "copyright"), made)
		if err != nil {
			return err
		}
		image, err := imageOf(files, arch, version, made)
		if err != nil {
			return fmt.Errorf("make the image for %s: %w", arch, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}},
		})
		if err := tarball.WriteToFile(filepath.Join(out, arch+".tar"), tag, image); err != nil {
			return fmt.Errorf("write the image for %s: %w", arch, err)
		}
	}
	all, err := layout.Write(filepath.Join(out, "layout"), empty.Index)
	if err != nil {
		return fmt.Errorf("write the layout: %w", err)
	}
	err = all.AppendIndex(index, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": tag.TagStr()}))
	if err != nil {
		return fmt.Errorf("write the layout: %w", err)
	}
	return nil
}

func imageOf(files []byte, arch, version string, made time.Time) (v1.Image, error) {
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(files)), nil
	}, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err = mutate.ConfigFile(image, &v1.ConfigFile{
		OS: "linux", Architecture: arch, Created: v1.Time{Time: made}, Author: "The presenced authors",
		RootFS: v1.RootFS{Type: "layers"},
		Config: v1.Config{
			User:         fmt.Sprintf("%d:%d", user, user),
			Entrypoint:   []string{"/usr/bin/presenced"},
			Cmd:          []string{"serve"},
			WorkingDir:   "/var/lib/presenced",
			StopSignal:   "SIGTERM",
			ExposedPorts: map[string]struct{}{"1813/udp": {}, "9813/tcp": {}},
			Volumes:      map[string]struct{}{"/var/lib/presenced": {}},
			Env: []string{
				"PATH=/usr/bin",
				"CREDENTIALS_DIRECTORY=/run/secrets", // where Compose and Podman put them
				"GOTRACEBACK=crash",                  // a panic ends by a signal, and not with the status of a wrong configuration
			},
			Healthcheck: &v1.HealthConfig{
				Test:     []string{"CMD", "/usr/bin/presenced", "status", "--quiet"},
				Interval: 30 * time.Second, Timeout: 10 * time.Second, StartPeriod: time.Minute, Retries: 3,
			},
			Labels: map[string]string{
				"org.opencontainers.image.title":         "presenced",
				"org.opencontainers.image.description":   "RADIUS accounting of Wi-Fi controllers to Kadence desk check-ins",
				"org.opencontainers.image.version":       version,
				"org.opencontainers.image.created":       made.Format(time.RFC3339),
				"org.opencontainers.image.source":        "https://github.com/presenced/presenced",
				"org.opencontainers.image.documentation": "https://github.com/presenced/presenced/blob/main/docs/containers.md",
				"org.opencontainers.image.licenses":      "Apache-2.0",
			},
		},
	})
	if err != nil {
		return nil, err
	}
	return mutate.Append(image, mutate.Addendum{
		Layer: layer, MediaType: types.OCILayer,
		History: v1.History{Created: v1.Time{Time: made}, CreatedBy: "packages/release", Comment: "all there is"},
	})
}

// root returns the image's files, as a tar archive.
func root(program, copyright string, made time.Time) ([]byte, error) {
	binary, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	licences, err := os.ReadFile(copyright)
	if err != nil {
		return nil, err
	}
	account := fmt.Sprintf("presenced:x:%d:", user)
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, f := range []struct {
		name  string
		mode  int64
		owner int
		text  []byte // nil for a folder
	}{
		{"etc/", 0o755, 0, nil},
		{"etc/group", 0o644, 0, []byte("root:x:0:\n" + account + "\n")},
		{"etc/passwd", 0o644, 0, fmt.Appendf(nil, "root:x:0:0:root:/:/usr/sbin/nologin\n%s%d:presenced daemon:/var/lib/presenced:/usr/sbin/nologin\n", account, user)},
		{"etc/presenced/", 0o755, 0, nil},
		{"etc/ssl/", 0o755, 0, nil},
		{"etc/ssl/certs/", 0o755, 0, nil},
		{"etc/ssl/certs/ca-certificates.crt", 0o644, 0, authorities()},
		{"run/", 0o755, 0, nil},
		{"run/presenced/", 0o1777, user, nil}, // a tmpfs that is mounted over it takes its mode, and belongs to root
		{"run/secrets/", 0o755, 0, nil},
		{"tmp/", 0o1777, 0, nil},
		{"usr/", 0o755, 0, nil},
		{"usr/bin/", 0o755, 0, nil},
		{"usr/bin/presenced", 0o755, 0, binary},
		{"usr/share/", 0o755, 0, nil},
		{"usr/share/doc/", 0o755, 0, nil},
		{"usr/share/doc/presenced/", 0o755, 0, nil},
		{"usr/share/doc/presenced/copyright", 0o644, 0, licences},
		{"var/", 0o755, 0, nil},
		{"var/lib/", 0o755, 0, nil},
		{"var/lib/presenced/", 0o700, user, nil},
	} {
		header := &tar.Header{
			Name: f.name, Mode: f.mode, Uid: f.owner, Gid: f.owner, Size: int64(len(f.text)), ModTime: made,
			Typeflag: tar.TypeReg, Format: tar.FormatPAX,
		}
		if strings.HasSuffix(f.name, "/") {
			header.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(header); err != nil {
			return nil, fmt.Errorf("archive %s: %w", f.name, err)
		}
		if _, err := w.Write(f.text); err != nil {
			return nil, fmt.Errorf("archive %s: %w", f.name, err)
		}
	}
	err = w.Close()
	return archive.Bytes(), err
}

// authorities returns the certificates of those that Mozilla trusts without a
// reserve. One that it trusts only up to some date is left out, for the format
// has no place for the date.
func authorities() []byte {
	var b bytes.Buffer
	for authority := range bundle.Roots() {
		if authority.Constraint == nil {
			pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: authority.Certificate})
		}
	}
	return b.Bytes()
}
