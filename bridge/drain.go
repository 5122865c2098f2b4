package bridge

import (
	"fmt"
	"hash/fnv"

	"routesync/bridge/exabgp"
)

// drainSize is how many questions a drain has. Of two bridges the same ones
// would come by chance once in 16 million times.
const drainSize = 24

// drain finds where the answers end that exaBGP owes to the helpers before this
// one. A barrier does not: theirs look the same, and taking one of those for
// one's own would have the answers to their commands taken for answers to one's
// questions, and a table for another. So it is a row of questions, with a
// barrier or without, that no other bridge asks in this order.
type drain struct {
	asked, heard string // a letter a question: b of a barrier, d of another one, e for error
	barrier      bool   // a barrier's header was seen
	tries        int
}

// begin returns the questions. Those of a drain that was begun before count for
// nothing from here on.
func (d *drain) begin(run string) []string {
	d.tries++
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %d", run, d.tries)
	bits := h.Sum64()
	bits ^= bits >> 32 // FNV's low bits mix best
	asked, lines := make([]byte, drainSize), make([]string, drainSize)
	for i := range asked {
		asked[i], lines[i] = 'd', exabgp.Nothing
		if bits>>i&1 == 1 {
			asked[i], lines[i] = 'b', exabgp.Barrier
		}
	}
	d.asked, d.heard = string(asked), ""
	return lines
}

// answer takes done or error, and tells whether it is the last one.
func (d *drain) answer(k exabgp.Kind) bool {
	letter := "d"
	switch {
	case k == exabgp.Error:
		letter = "e"
	case d.barrier:
		letter = "b"
	}
	d.barrier = false
	d.heard += letter
	d.heard = d.heard[max(0, len(d.heard)-drainSize):]
	return d.heard == d.asked
}
