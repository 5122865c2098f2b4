// Package simulation runs watchers, a broker, a bridge, exaBGP and its peers in
// one process and on a clock of their own, through random histories of saves
// and faults. It has only tests: the watchers' loop, the wire and the bridge are
// the real ones, and what stands around them misbehaves as RabbitMQ and
// exaBGP are known to.
//
// Every history asserts, at every command and every UPDATE:
//
//   - Nothing is announced that no file asked for when it was announced, and
//     nothing that had expired or was withdrawn comes back by itself.
//   - Nothing is withdrawn that all files asked for all the time.
//   - A route is touched only for the owner that announced it.
//   - Behind the first change of one epoch comes no change of an older one.
//   - exaBGP is given no change of an NLRI while it still has to send another.
//   - What a watcher takes for sent was sent.
//   - The bridge reads what exaBGP says, and ends only if it is killed or exaBGP
//     is gone.
//
// And at its end, when the faults are over: what the peers hold, what exaBGP
// holds and what the watchers know is what the files say, within a bound; then
// nothing more is commanded; and nothing is left running.
package simulation
