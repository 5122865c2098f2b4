// Package routefile reads the bytes of routes.yaml, format version 1, into a
// [state.Desired].
//
// Its invariants:
//
//   - A file is taken whole or not at all: with one fault there is no Desired.
//   - Every fault is reported, all at once and in the order of the file, each
//     with line and column; columns count characters, and a tab is one.
//   - A value means its text. YAML's own reading of numbers and booleans
//     (65000:666 in base 60, 010 in base 8, "no" for false) never applies.
//   - What YAML would take in silence is refused: a key that is there twice, a
//     second document, an alias, a tag, a character that can't be seen.
//   - Nothing is cut short: a file over [MaxSize] is refused.
//   - The order of the routes means nothing.
package routefile
