// Package console is the operator's end of routesync: it reads commands from a
// person at a prompt, or from a script on a pipe, hands them to a speaker, and
// says what became of each.
//
// Its invariants:
//
//   - Every command that was given is answered, also when no answer came: then
//     the answer says that nothing is known.
//   - Commands go to a speaker in the order in which they were typed.
//   - A line with a fault is given to nobody, not even what is right in it.
//   - Nothing that came from the network or a user reaches the terminal with a
//     control character in it.
//   - What is being typed stays whole: all that comes by itself goes through
//     one screen, which writes above the prompt, and holds it back while a pager
//     has the terminal.
//
// The package opens no sockets; what lies behind the terminal is a [Backend].
package console
