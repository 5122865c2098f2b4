// Command lab runs routesync with real parts on one machine: a private
// RabbitMQ, exaBGP with the bridge, and BIRD as the router, all on loopback.
//
//	go run ./examples/lab demo          the main job, shown at the router
//	go run ./examples/lab demo console  the console, shown at a terminal
//	go run ./examples/lab demo flow     routes that end by themselves, at the router
//	go run ./examples/lab demo gitops   plans that are reviewed, guarded, applied and undone
//	go run ./examples/lab test          every check and test there is
//	go run ./examples/lab faults        everything that can go wrong, judged at the router
//	go run ./examples/lab soak          random saves and faults together, for long
//	go run ./examples/lab up            the same lab, left running for a person
//	go run ./examples/lab bench         how fast it is, beside exaBGP, BIRD and the classic system
//
// Its invariants: what is missing is installed or named, never skipped; what a
// step claims is asked of the router; nothing outlives the command. A fault is
// judged by all that the router was told, message by message, and not by what it
// holds at the end alone.
package main
