// Package watch emits the settled bytes of one file and of those that it leads
// to, each time they change.
//
// Its invariants:
//
//   - What is emitted was read twice, some time apart, and was the same.
//   - A file that a process has open for writing is not emitted, however long
//     that takes, where the system tells: on Linux, in a file of one's own on a
//     local file system. Elsewhere a writer that pauses looks like one that is
//     done, and so does one that died.
//   - The bytes emitted are the bytes that were compared: nothing is read again.
//   - Nothing is emitted twice in a row, unless it was saved again. The last content
//     of a burst of saves is always emitted, unless it is the one that was emitted
//     last.
//   - The directories on the way to the file are watched, not the file: it may
//     be replaced, reached by symbolic links that are swapped, or not be there.
//   - A file that is asked for when a content is emitted is a part of it from then
//     on, and is read, compared and watched as the first is: all that is emitted
//     together was there together.
//   - Notifications make it fast, not right: a slow poll finds what they miss.
package watch
