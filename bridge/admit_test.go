package bridge

import (
	"testing"

	"routesync/bridge/rabbit"
	"routesync/bridge/wire"
	"routesync/state"
)

// TestBatchesWaitForRoom: a million routes that are published at once are not all
// under way at once, and none of them is lost or comes before one ahead of it.
func TestBatchesWaitForRoom(t *testing.T) {
	x := scaleWorld(t)
	c := x.w.core
	s := &Server{core: c, open: map[ticket]rabbit.Delivery{}}
	const batches, routes = 70, 1000
	keys := scaleKeys(batches * routes)
	for i := range batches {
		b := wire.Batch{Speaker: "edge1", Boot: "boot-1", Owner: "team", Epoch: x.w.epoch, Seq: int64(i + 1)}
		b.Announce = []wire.Group{{Family: state.IPv4Unicast, Attrs: attrs(t, "next-hop 192.0.2.9"), Keys: keys[i*routes : (i+1)*routes]}}
		body, err := wire.EncodeBatch(b)
		if err != nil {
			t.Fatal(err)
		}
		s.admit(rabbit.Delivery{Exchange: rabbit.CommandExchange, Type: wire.TypeBatch, Body: body})
	}
	if n := len(c.flying); n != flyingMost || len(s.later) != batches-flyingMost/routes {
		t.Errorf("%d changes are under way and %d batches wait", n, len(s.later))
	}
	for range batches {
		if len(c.flying) >= flyingMost+routes {
			t.Fatalf("%d changes are under way", len(c.flying))
		}
		x.run(func(ticket) {})
		s.goOn()
	}
	x.run(func(ticket) {})
	if l := c.leases["team"]; l.Applied != batches || c.table.digest.Count != batches*routes || len(s.later) > 0 {
		t.Errorf("batch %d is applied, %d routes, %d batches wait", l.Applied, c.table.digest.Count, len(s.later))
	}
}
