// Command routesync brings a BGP speaker to the routes of a file, and keeps it
// there. It is the only package that knows every other: each command is one
// file that wires them, and rendering is apart and pure.
//
// Its invariants:
//
//   - Results go to stdout, everything else to stderr.
//   - The exit code says what came of it; see the constants in exit.go.
//   - No output holds the password of a broker.
//   - plan and status hold nothing that could command a speaker.
//   - exaBGP sees no bridge die, since it ends itself when a helper does so too
//     often: its helper only holds the pipes, and starts the bridge, again and
//     again if it must. One that can't begin stays.
package main
