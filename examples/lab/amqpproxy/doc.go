// Package amqpproxy stands between clients and an AMQP 0-9-1 broker, and breaks
// what passes: it cuts, delays, drops or doubles the n-th message, confirm,
// delivery or acknowledgement, and freezes or mutes either direction.
//
// Its invariants:
//
//   - What no rule is about passes byte by byte as it came. Frames of one channel
//     and direction keep their order.
//   - A message is a method, its header and its bodies (AMQP 0-9-1, section 4.2.6).
//     It passes, is dropped or doubled as a whole, and what it counts as is decided
//     when it is whole.
//   - A rule counts from the moment it is armed, and strikes once.
//   - A direction that has swallowed something swallows everything from then on,
//     the end of the stream included: a stream with a hole can't be mended. So
//     a muted connection stays half-open until its own side gives it up.
//   - What was sent before a cut arrives.
//   - Run owns all goroutines: nothing is left of the connections when it returns.
package amqpproxy
