// Package rpki tells whether the RPKI lets an AS originate a prefix (RFC 6811),
// by a file of validated ROA payloads (VRPs) as rpki-client and routinator write
// it. It opens nothing, and asks no clock.
//
// Its invariants:
//
//   - A file is taken whole or not at all: with one entry that can't be read there
//     is no [Table], and none of an empty list either. That nothing is known is
//     never the same as that nothing is wrong.
//   - A VRP that has expired allows nothing and forbids nothing.
package rpki
