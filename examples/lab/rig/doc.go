// Package rig starts the real parts of a routesync lab (RabbitMQ, exaBGP,
// BIRD, GoBGP, and a terminal) on loopback and spare ports, and asks them what
// they hold or show. The demo, the benchmark and the integration tests share it.
//
// Its invariants:
//
//   - Nothing that a Lab started outlives it, also when the program that holds
//     the Lab is killed with SIGKILL. Every child runs under a keeper: this
//     same program, executed again, which adopts all of the child's
//     descendants and kills them once the Lab's end of a pipe is gone. So
//     KeeperMain is the first call of main and of TestMain.
//   - Readiness is asked for, never slept for: what RabbitMQ tells systemd,
//     BIRD's control socket, the helper's place in the process table.
//   - What a router holds is what it says it holds. What it was told is on its
//     Tape, every message of it, also what was undone at once.
//   - Nothing is read from or written to the machine's own RabbitMQ, exaBGP,
//     BIRD, GoBGP or tmux: each part has its own folder, configuration, ports or
//     socket and, in RabbitMQ's case, its own port mapper. Everything listens
//     on loopback.
//   - A failed start carries the last lines of the child's log.
//
// It needs Linux: child subreapers and /proc.
package rig
