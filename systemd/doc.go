// Package systemd holds the units that run presenced: the service, the sockets
// that keep its ports open, and its user. It promises that they stay valid and
// narrow: its tests run systemd's own tools over them.
package systemd
