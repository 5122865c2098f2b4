package bridge

import (
	"maps"
	"net/netip"
	"slices"
	"testing"

	"routesync/bridge/journal"
	"routesync/bridge/wire"
)

// What a bridge wrote down and did not give is the owner's value until its
// commander leaves the other one in place.
func TestValueThatWasWrittenAndNotGiven(t *testing.T) {
	for name, refused := range map[string]bool{"not given at all": false, "refused since": true} {
		t.Run(name, func(t *testing.T) { writtenAndNotGiven(t, refused) })
	}
}

func writtenAndNotGiven(t *testing.T, refused bool) {
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)
	d := desired(t, "10.0.0.0/24 "+nh+" med 1")
	w.want(d)
	w.settle()
	k, written := d.Routes[0].Key, attrs(t, nh+" med 2").Canonical()
	w.claims[k] = []journal.Claim{{Owner: "team", Value: written, Peers: w.claims[k][0].Peers}}
	w.boot("boot-1", "run-2")
	for range 10 {
		w.now = w.now.Add(settleDown)
		w.core.tick(w.now)
		w.settle()
	}
	if got := w.claims[k][0].Value; got != written {
		t.Errorf("the journal has %s while nobody commands, want %s", got, written)
	}
	w.lease("team")
	if refused {
		w.exabgp.refuse = func(string) bool { return true }
		w.want(desired(t, "10.0.0.0/24 "+nh+" med 2"))
		w.settle()
		w.exabgp.refuse = nil
		if len(w.replica.set.Refused) != 1 {
			t.Fatalf("refused are %v", w.replica.set.Refused)
		}
	}
	w.plan(d, 0)
	says := wire.Request{Kind: wire.RequestAlive, Owner: "team", From: wire.Commander{ID: "w"}}
	for _, reached := range []bool{true, false} { // too early; it has something left to do
		says.Reached = reached
		w.core.request(says, "", w.now)
		w.now = w.now.Add(settleDown)
		w.core.tick(w.now)
		w.settle()
		if got := w.claims[k][0].Value; got != written {
			t.Errorf("the journal has %s, want %s", got, written)
		}
	}
	says.Reached = true
	w.core.request(says, "", w.now)
	w.core.tick(w.now)
	w.settle()
	if got, want := w.claims[k][0].Value, d.Routes[0].Attrs.Canonical(); got != want {
		t.Errorf("the journal has %s, want %s", got, want)
	}
	if len(w.core.strays) > 0 {
		t.Errorf("strays are left: %v", w.core.strays)
	}
}

// A route that was written down for a peer and not given to it is none of what
// exaBGP had.
func TestPeerThatWasWrittenAndNotGiven(t *testing.T) {
	a, b := testPeer("127.0.0.2", 65001), testPeer("127.0.0.3", 65001)
	w := leasedWorld(t, a, b)
	d := desired(t, "10.0.0.0/24 "+nh+" @127.0.0.3")
	w.want(d)
	w.settle()
	k := d.Routes[0].Key
	w.claims[k][0].Peers = []netip.Addr{a.addr, b.addr}
	w.boot("boot-1", "run-2")
	if got := w.claims[k]; len(got) != 1 || !slices.Equal(got[0].Peers, []netip.Addr{b.addr}) {
		t.Errorf("the journal has %+v, want %s alone", got, b.addr)
	}
}

// Of two owners who ask for the same route with values that a session falls of,
// neither has it again because the other's was found.
func TestQuarantineOfEachOwner(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := newWorld(t, p)
	k := desired(t, "10.0.0.0/24").Routes[0].Key
	c, at := w.core, w.core.findPeer(p.addr)
	values := map[string]string{"team": nh + " med 1", "other": nh + " med 2"}
	for owner, value := range values {
		c.ban(k, &slot{peer: at, claimant: claimant{owner: owner}, attrs: attrs(t, value)}, 2, "test")
	}
	w.settle()
	j := newQuarantine(slices.Collect(maps.Values(c.banned)))
	for owner, value := range values {
		if o := (&op{key: k, attrs: attrs(t, value), claimant: claimant{owner: owner}}); j.objection(o, p.addr) == "" {
			t.Errorf("%s of %s is not in quarantine", value, owner)
		}
	}
	c.lift(k, p.addr, "team")
	if o := (&op{key: k, attrs: attrs(t, values["other"]), claimant: claimant{owner: "other"}}); c.banned.objection(o, p.addr) == "" {
		t.Error("one owner lifts the other's")
	}
}
