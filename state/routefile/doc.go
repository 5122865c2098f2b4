// Package routefile reads the bytes of routes.yaml, format version 1, and of the
// files that it leads to, into a [state.Desired].
//
// Its invariants:
//
//   - The files are taken whole or not at all: with one fault in any of them there
//     is no Desired.
//   - Every fault is reported, all at once and in the order of the files, each
//     with the file that it is in, line and column; columns count characters, and
//     a tab is one.
//   - It opens nothing: whoever asks gives the bytes, by [Files].
//   - A value means its text. YAML's own reading of numbers and booleans
//     (65000:666 in base 60, 010 in base 8, "no" for false) never applies.
//   - What YAML would take in silence is refused: a key that is there twice, a
//     second document, an alias, a tag, a character that can't be seen.
//   - Nothing is cut short: files over [MaxSize] are refused, and a list of
//     prefixes with a bad line is no shorter list.
//   - The order of the routes means nothing, nor does the file that they are in.
package routefile
