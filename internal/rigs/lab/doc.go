// Package lab is a real Wi-Fi network on one machine, for tests: hostapd as the
// controller, wpa_supplicant as the stations, FreeRADIUS as authentication
// server and as proxy, and presenced as a process among them. The ports are
// wired (802.1X needs no radio), or it is an [Air] of simulated radios in a
// machine of its own; everything that crosses them is real.
//
// It promises to leave nothing behind: the tests of a package run in
// namespaces of their own, which end with them however they end, and need no
// privilege where the kernel lets users make namespaces. Where it cannot run,
// its tests are skipped and say what is missing.
package lab
