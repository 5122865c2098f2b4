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
//
// There are two ways. The whole way, [Load], has yaml.v3 make a tree of each file,
// and reads that. It says what a file means. The short way is for many routes, and
// for files of which a line was changed: a [Loader] cuts the text in parts, and
// leaves most of them out of what yaml.v3 has to read (parts.go, plain.go):
//
//   - An item is plain if it is written in one of the few usual ways, and the line
//     after it can't go on with it. Then the state of a YAML parser behind it does
//     not depend on how many such items there are: all but the first of a run of
//     them are left out, and what remains, the skeleton, means the same but for its
//     lines (sheet.go).
//   - yaml.v3 and the whole way's own code read the skeleton. Where they come upon
//     the first item of a run, and it is there what it was taken for, the run is
//     made into routes: items with the same keys below the prefix are read once,
//     by the whole way's code, from nodes as yaml.v3 would have made them (maker.go,
//     plainnode.go). A run that nobody came upon was no list.
//   - Lines that were there at the last reading, in a list that means the same, are
//     the routes that they were, moved by so many lines (merge.go).
//
// The invariant between the two is that nobody can tell which was gone: what the
// short way returns is what the whole way would have, and wherever it finds a
// fault, or does not find what it needs, the whole way is gone from the start.
package routefile
