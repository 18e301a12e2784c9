package daemon

import "runtime/debug"

// release is the version of the package that this program comes in, which the
// linker is told when one is made.
var release string

// Version says what this program was built from: the package's version, or as
// the Go toolchain noted it the module's, or the commit; and the toolchain.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	if release != "" {
		return release + " " + info.GoVersion
	}
	is, revision, dirty := info.Main.Version, "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+changes"
		}
	}
	if is == "" || is == "(devel)" {
		is = "devel"
		if revision != "" {
			is += "-" + revision + dirty
		}
	}
	return is + " " + info.GoVersion
}
