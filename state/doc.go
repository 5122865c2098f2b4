// Package state says what a route is, when two routes are equal, and what
// separates the set that a file asks for from the set that a speaker
// advertises.
//
// It is pure: values in, values out; no I/O, no clock, no logging. Its
// invariants:
//
//   - A value that was parsed is canonical, so that equal means ==.
//   - Text that does not say one thing exactly is refused, never mended.
//   - Everything that is put in order is put in the same order every time.
//   - Nothing is diffed against a set that is not known to be complete.
package state
