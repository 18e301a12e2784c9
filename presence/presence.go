// Package presence decides who is here and what follows from it. Its
// decisions are functions of what was heard and a time; its state is what the
// [Store] holds. It promises that a record which was acknowledged is never
// lost, that a repeat never counts twice, that leaving is believed slowly, and
// that every conclusion has a reason.
package presence
