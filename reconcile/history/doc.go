// Package history keeps on record what was done to the routes of an owner: when,
// by whom, what, and what was seen of it at each peer.
//
// An entry is a directory with a number, DIR/OWNER/00000014, and its files are of
// lines of JSON:
//
//	entry.jsonl                 who did it, and why
//	edge1.1.changes.jsonl       what was sent to a speaker, the first time
//	edge1.1.outcome.jsonl       what was seen of it, replaced as more is seen
//
// Large ones are compressed, and end in .gz. Its invariants:
//
//   - What is sent is on record before it is confirmed. Without an outcome it was
//     sent, or was about to be, and its confirmation was not seen.
//   - A file is there whole or not at all, and what was said is not changed. The last
//     line has the digest of all before it: a damaged file is named, and nothing that
//     is in it is believed.
//   - Two processes never have the same number.
//   - Nothing waits for the disk: who sends goes on, and what could not be kept is
//     counted where the record goes on.
package history
