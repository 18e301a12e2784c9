// Package habits has only tests: they hold the module to the habits that no
// compiler checks, such as a promise above every package and imports that form
// a star.
package habits
