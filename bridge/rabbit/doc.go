// Package rabbit keeps two connections to a RabbitMQ broker and moves opaque
// messages over them: it knows AMQP 0-9-1, and nothing of what it carries.
//
// Its invariants:
//
//   - A session that broke in any part is thrown away whole. Delivery tags,
//     confirms, consumers and locks never outlive the connections they came
//     from, so that an acknowledgement cannot reach another message.
//   - A message counts as published when the broker has confirmed it, and, if it
//     is mandatory, when it also did not come back.
//   - Nothing of a broker is deleted or made anew to fit. What exists is used as
//     it was found.
//   - Silence is noticed: a broker that sends nothing for two heartbeats is gone,
//     from the first byte of the handshake on. So is one that owes a confirm for
//     that long without an alarm.
//   - What a slow reader does not take stays with the broker, within the limits
//     that its queues have there.
//   - What the broker refuses is an error that says what is missing; what it does
//     not take for now is another.
//   - Nothing that is logged or returned holds a password.
package rabbit
