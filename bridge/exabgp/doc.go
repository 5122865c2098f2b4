// Package exabgp speaks exaBGP's dialects: routes to commands, lines to
// answers and events, and the pipe that carries the lines. It decides nothing.
// [Dialect] has what differs between releases; the words without one are common
// to all that answer. [Silent] is for 3.4, which does not.
//
// Its invariants:
//
//   - Every function on a line is total: any text gives a value or an error,
//     and nothing that exaBGP said is lost on the way. What this version can't
//     name is kept as text (Others, Unknown).
//   - What is rendered was valid in package state and gets exactly one answer,
//     done or error, of every release but 3.4.
//   - Two routes with different attributes render to attribute lists that
//     exaBGP itself holds to be different. It compares the text it would print
//     (bgp/message/update/attribute/attributes.py, index), and that text loses
//     part of some attributes; those are rendered raw. Of a label it says
//     nothing; that is told in another attribute, which is not sent.
//   - The goroutine that reads the pipe waits for nothing. exaBGP 4.2 writes to
//     its helper from its only thread, so a helper that stops reading stops BGP
//     (reactor/api/processes.py, write).
//
// Facts are those of exaBGP 3.4.8, 4.2.21, 5.0.13 and the unreleased 6.0, checked live;
// testdata holds lines that each of them wrote. File names are those of 4.2
// unless another release is named.
package exabgp
