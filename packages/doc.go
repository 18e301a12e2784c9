// Package packages makes the .deb and the .rpm. They install a service that
// waits to be configured, keep the port open while it is upgraded, and leave
// nothing behind that they were not asked to keep; the same sources give the
// same packages, byte for byte.
package packages
