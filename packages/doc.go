// Package packages makes what a release consists of, and says what it promises:
// the same sources give the same files, byte for byte. The .deb and the .rpm
// install a service that waits to be configured, keep the port open while it
// is upgraded, and leave nothing behind that they were not asked to keep; the
// image runs closed. Its tests hold the files to it; with the build tag whole
// they also run them, by other people's programs.
package packages
