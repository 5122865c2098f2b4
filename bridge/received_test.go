package bridge

import (
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"unique"

	"github.com/google/go-cmp/cmp"

	"routesync/bridge/wire"
	"routesync/state"
)

func TestReceivedRoutes(t *testing.T) {
	a := receiving("127.0.0.2", 65001)
	w := newWorld(t, a, testPeer("127.0.0.3", 65002))
	w.exabgp.sessionUp(a)
	w.settle()
	hear := func(prefix string, words ...string) {
		var with state.Attrs
		if len(words) > 0 {
			with = attrs(t, words[0])
		}
		w.exabgp.hear(a, desired(t, prefix).Routes[0].Key, with)
		w.settle()
	}
	hear("10.0.0.0/24", nh+" med 1")
	if w.core.rcv.pending != nil {
		t.Error("something is kept though nobody follows")
	}
	l := w.listen(t)
	w.publish(l)
	expect := func(what string, want ...string) {
		t.Helper()
		w.settle()
		w.publish(l)
		if d := cmp.Diff(want, l.heard()); d != "" {
			t.Errorf("%s:\n%s", what, d)
		}
	}
	expect("the table first", "table")
	if d := cmp.Diff([]string{
		`127.0.0.2 ipv4 unicast 10.0.0.0/24 next-hop 127.0.0.1 med 1`, `127.0.0.2 up true missing ""`,
		`127.0.0.3 up false missing "exaBGP does not report what this peer announces: add receive { parsed; update; } and neighbor-changes; to its api"`,
	}, inWords(l.replica.table)); d != "" {
		t.Error(d)
	}
	hear("10.0.0.0/24", nh+" med 2")
	hear("2001:db8::/32", "next-hop 2001:db8::1")
	hear("10.0.0.0/24")
	expect("changes in their order", "announce 127.0.0.2 10.0.0.0/24 next-hop 127.0.0.1 med 2",
		"announce 127.0.0.2 2001:db8::/32 next-hop 2001:db8::1", "withdraw 127.0.0.2 10.0.0.0/24")
	hear("10.1.0.0/24", nh)
	hear("10.2.0.0/24", nh)
	expect("those that are alike together", "announce 127.0.0.2 10.1.0.0/24,10.2.0.0/24 next-hop 127.0.0.1")

	hear("10.3.0.0/24", nh)
	late := w.listen(t)
	hear("10.4.0.0/24", nh)
	w.publish(l, late)
	if d := cmp.Diff([]string{"table"}, late.heard()); d != "" {
		t.Errorf("a late reader is told what its table has:\n%s", d)
	}
	expect("others in the meantime", "announce 127.0.0.2 10.3.0.0/24,10.4.0.0/24 next-hop 127.0.0.1")
	if d := tableDiff(l.replica.table, late.replica.table); d != "" {
		t.Error(d)
	}

	w.exabgp.sessionDown(a)
	expect("session down", "down 127.0.0.2 peer reset")
	w.exabgp.sessionUp(a)
	hear("10.0.0.0/24", nh)
	expect("session up", "up 127.0.0.2", "announce 127.0.0.2 10.0.0.0/24 next-hop 127.0.0.1")
	if n := w.core.about().Peers; *n[0].Received != 1 || n[1].Received != nil {
		t.Errorf("counts %v, %v", n[0].Received, n[1].Received)
	}
}

// TestReceivedAfterRespawn: a bridge that is started again reads the table out
// of exaBGP, and what comes meanwhile is newer.
func TestReceivedAfterRespawn(t *testing.T) {
	a := receiving("127.0.0.2", 65001)
	down := receiving("127.0.0.3", 65002)
	w := newWorld(t, a, down)
	w.exabgp.sessionUp(a)
	w.exabgp.sessionUp(down)
	k := func(prefix string) state.Key { return desired(t, prefix).Routes[0].Key }
	for i := range 8 {
		w.exabgp.hear(a, k(fmt.Sprintf("10.0.%d.0/24", i)), attrs(t, nh))
	}
	w.exabgp.hear(down, k("10.9.0.0/24"), attrs(t, nh))
	w.exabgp.sessionDown(down)
	w.settle()
	l := w.listen(t)
	w.publish(l)

	w.core = newCore(identity{Speaker: "edge1", Boot: "boot-1", Run: "run-2"}, w.memory(), w.core.log)
	w.exabgp.out = nil
	w.core.hello(w.now)
	for len(w.exabgp.listing) == 0 {
		if !w.step() {
			w.t.Fatal("the table is not asked for")
		}
	}
	l.ask()
	w.exabgp.hear(a, k("10.0.1.0/24"), attrs(t, nh+" med 5"))
	w.exabgp.hear(a, k("10.0.7.0/24"), state.Attrs{})
	w.step()
	w.publish(l)
	if got := l.replica.table.Peers[a.addr].Missing; !strings.Contains(got, "not read yet") {
		t.Errorf("missing %q", got)
	}
	w.settle()
	w.publish(l)
	checkReceived(t, w, l)
	if got := l.replica.table.Peers[down.addr]; len(got.Routes) != 0 || got.Missing != "" {
		t.Errorf("the table of a session that is down: %+v", got)
	}
}

// TestReceivedUnread: what can't be read from text is said.
func TestReceivedUnread(t *testing.T) {
	a := receiving("127.0.0.2", 65001)
	w := newWorld(t, a)
	w.exabgp.sessionUp(a)
	w.settle()
	w.core = newCore(identity{Speaker: "edge1", Boot: "boot-1", Run: "run-2"}, w.memory(), w.core.log)
	w.exabgp.out = nil
	w.core.hello(w.now)
	for len(w.exabgp.listing) == 0 {
		w.step()
	}
	w.exabgp.listing = append([]string{"neighbor 127.0.0.2 local-ip 127.0.0.1 local-as 65000 peer-as 65001 router-id 1.1.1.1 family-allowed in-open l2vpn evpn x"}, w.exabgp.listing...)
	w.settle()
	l := w.listen(t)
	w.publish(l)
	if got := l.replica.table.Peers[a.addr].Missing; !strings.Contains(got, "1 of l2vpn evpn") {
		t.Errorf("missing %q", got)
	}
	w.exabgp.sessionDown(a)
	w.exabgp.sessionUp(a)
	w.exabgp.say(strings.Replace(a.envelope("update", map[string]any{"direction": "receive"}), `"direction":"receive"`, `"peer": "127.0.0.2", "direction": "receive", !`, 1))
	w.settle()
	w.publish(l)
	if got := l.replica.table.Peers[a.addr].Missing; !strings.Contains(got, "report of 1 UPDATEs") {
		t.Errorf("missing %q", got)
	}
	w.exabgp.sessionDown(a)
	w.exabgp.sessionUp(a)
	w.settle()
	w.publish(l)
	if got := l.replica.table.Peers[a.addr]; got.Missing != "" || !got.Up {
		t.Errorf("after a new session: %+v", got)
	}
}

// TestReceivedBound: what waits for a publisher is bounded, and nothing is lost
// without a word.
func TestReceivedBound(t *testing.T) {
	a := receiving("127.0.0.2", 65001)
	w := newWorld(t, a)
	w.core.rcv.limit, w.core.rcv.size = 10, 4
	w.exabgp.sessionUp(a)
	w.settle()
	l := w.listen(t)
	w.publish(l)
	l.heard()
	k := func(i int) state.Key { return desired(t, fmt.Sprintf("10.%d.%d.0/24", i/256, i%256)).Routes[0].Key }
	for i := range 100 {
		w.exabgp.hear(a, k(i%3), attrs(t, fmt.Sprintf("%s med %d", nh, i)))
		w.settle()
	}
	if n := len(w.core.rcv.pending); n > 13 {
		t.Errorf("%d changes of 3 routes wait", n)
	}
	w.publish(l)
	if said := l.heard(); !strings.Contains(said[0], "overtaken") || len(said) > 14 {
		t.Errorf("said %q", said)
	}
	checkReceived(t, w, l)
	// Ever new routes that do not stay: nothing overtakes them.
	for i := range 100 {
		w.exabgp.hear(a, k(1000+i), attrs(t, nh))
		w.exabgp.hear(a, k(1000+i), state.Attrs{})
		w.settle()
	}
	if n := len(w.core.rcv.pending); n > 40 {
		t.Errorf("%d changes wait, of routes that are gone", n)
	}
	w.publish(l)
	if said := strings.Join(l.heard(), "\n"); !strings.Contains(said, "gap") {
		t.Errorf("no gap in %q", said)
	}
	checkReceived(t, w, l)
}

// TestReceivedTooLong: exaBGP is not asked for a listing that would stop it.
func TestReceivedTooLong(t *testing.T) {
	a := receiving("127.0.0.2", 65001)
	w := newWorld(t, a)
	w.exabgp.sessionUp(a)
	w.settle()
	w.core = newCore(identity{Speaker: "edge1", Boot: "boot-1", Run: "run-2"}, w.memory(), w.core.log)
	w.core.tooLong = func() string { return "so it is" }
	w.exabgp.out = nil
	w.core.hello(w.now)
	w.settle()
	l := w.listen(t)
	w.publish(l)
	if got := l.replica.table.Peers[a.addr].Missing; !strings.Contains(got, "so it is") {
		t.Errorf("missing %q", got)
	}
	w.exabgp.hear(a, desired(t, "10.0.0.0/24").Routes[0].Key, attrs(t, nh))
	w.settle()
	w.publish(l)
	if n := len(l.replica.table.Peers[a.addr].Routes); n != 1 {
		t.Errorf("%d routes, and one has come since", n)
	}
	w.exabgp.sessionDown(a)
	w.exabgp.sessionUp(a)
	w.settle()
	w.publish(l)
	checkReceived(t, w, l)
}

func TestListingTooLong(t *testing.T) {
	for chunk, want := range map[string]bool{"10000": true, "1": false, "": false, "x": false} {
		why := ListingTooLong(func(name string) string {
			if name == "exabgp_api_chunk" {
				return chunk
			}
			return ""
		})()
		// Whatever runs this test, its memory is known.
		if want && why != "" || strings.Contains(why, "is not known") {
			t.Errorf("chunk %q: %q", chunk, why)
		}
	}
}

func TestCompacted(t *testing.T) {
	a, b := netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.3")
	route := func(kind wire.ChangeKind, p netip.Addr, id, text string) arrival {
		return arrival{kind: kind, peer: p, key: state.AnyKey{Family: "f", ID: id}, text: text}
	}
	other := func(kind wire.ChangeKind, p netip.Addr, text string) arrival {
		return arrival{kind: kind, peer: p, text: text}
	}
	got := compacted([]arrival{
		route(wire.Announce, a, "1", "void"), route(wire.Announce, b, "1", "over"), other(wire.Incomplete, a, "void"),
		other(wire.Down, a, "void"), other(wire.Up, a, "last up"),
		route(wire.Announce, a, "1", "over"), route(wire.Announce, a, "2", "2"), route(wire.Withdraw, a, "1", "1"),
		{kind: wire.EndOfRIB, peer: a, key: state.AnyKey{Family: "f"}, text: "eor"},
		other(wire.Incomplete, a, "over"), route(wire.Withdraw, b, "1", "b1"), other(wire.Complete, a, "complete"),
	})
	var words []string
	for _, x := range got {
		words = append(words, x.text)
	}
	if d := cmp.Diff([]string{"last up", "2", "1", "eor", "b1", "complete"}, words); d != "" {
		t.Error(d)
	}
}

// TestBytesPerRoute: what a bridge keeps of a received route.
func TestBytesPerRoute(t *testing.T) {
	const routes = 100_000
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	in := &inbound{}
	in.begin(true)
	shared := unique.Make(state.SeenAttrs{Attrs: attrs(t, nh)})
	family := state.IPv4Unicast.String()
	for i := range routes {
		in.announce(state.AnyKey{Family: family, ID: fmt.Sprintf("20.%d.%d.0/24", i>>8, i&255)}, shared)
	}
	per := (heap() - before) / routes
	runtime.KeepAlive(in)
	t.Logf("%d bytes a route", per)
	if per > 200 {
		t.Errorf("%d bytes a route", per)
	}
}
