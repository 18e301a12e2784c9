// Package upgrade keeps stores that earlier versions wrote, and holds this
// version to what it owes them: a store opens with everything that it held and
// goes on from there, so that no visit ends, begins or is called for because
// the program is another one.
package upgrade
