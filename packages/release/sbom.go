package main

import (
	"errors"
	"io"
	"runtime/debug"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

const rootsModule = "golang.org/x/crypto/x509roots/fallback"

// writeSBOM writes the bill of materials of a release: what is linked into the
// program, by which of it, and what the image has beside.
func writeSBOM(w io.Writer, all []module, version string, made time.Time) error {
	bom := cdx.NewBOM()
	var components []cdx.Component
	var dependencies []cdx.Dependency
	refs := map[string]string{}
	for _, m := range all {
		if m.main {
			m.version = version
		}
		c := m.component()
		refs[m.path] = c.BOMRef
		if m.main {
			c.Type, c.Name = cdx.ComponentTypeApplication, "presenced"
			bom.Metadata = &cdx.Metadata{Timestamp: made.Format(time.RFC3339), Component: &c}
			continue
		}
		components = append(components, c)
	}
	for _, m := range all {
		needs := []string{}
		for _, path := range m.needs {
			needs = append(needs, refs[path])
		}
		dependencies = append(dependencies, cdx.Dependency{Ref: refs[m.path], Dependencies: &needs})
	}
	version, err := rootsVersion()
	if err != nil {
		return err
	}
	roots := module{path: rootsModule, version: version, licence: "MPL-2.0"}.component()
	roots.Type, roots.Name = cdx.ComponentTypeData, "Mozilla's certificates of authorities"
	roots.Description = "in the container image alone"
	components = append(components, roots)
	bom.Components, bom.Dependencies = &components, &dependencies

	e := cdx.NewBOMEncoder(w, cdx.BOMFileFormatJSON)
	e.SetPretty(true)
	e.SetEscapeHTML(false)
	return e.EncodeVersion(bom, cdx.SpecVersion1_6)
}

func (m module) component() cdx.Component {
	version := m.version
	if m.main && version != "" {
		version = "v" + version
	}
	url := "pkg:golang/" + m.path + "@" + version
	return cdx.Component{
		Type: cdx.ComponentTypeLibrary, BOMRef: url, PackageURL: url, Name: m.path, Version: m.version, Scope: cdx.ScopeRequired,
		Licenses: &cdx.Licenses{{Expression: m.licence}},
	}
}

// rootsVersion is the version of the module that the certificates come from.
func rootsVersion() (string, error) {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == rootsModule {
				return m.Version, nil
			}
		}
	}
	return "", errors.New("read the version of the certificates: this program does not say what it was built from")
}
