package bridge

import (
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"routesync/bridge/exabgp"
	"routesync/bridge/wire"
	"routesync/state"
)

// text brings messages of the queue to-exabgp, with tickets from 1 on.
func (w *world) text(bodies ...string) {
	w.t.Helper()
	for i, body := range bodies {
		w.core.classic([]byte(body), "queue to-exabgp", ticket(i+1), w.now)
	}
}

func TestClassicCommands(t *testing.T) {
	a, b := testPeer("127.0.0.2", 65001), testPeer("127.0.0.3", 65000)
	w := leasedWorld(t, a, b)
	w.acked = nil
	w.text(
		"announce route 10.0.0.0/24 next-hop 127.0.0.1",
		"announce route 10.0.1.0/24 next-hop 127.0.0.1 med 5\r\n# a comment\n\nannounce route 10.0.2.0/24 next-hop 127.0.0.1\n",
		"neighbor 127.0.0.3 announce attributes next-hop 127.0.0.1 nlri 10.0.3.0/24 10.0.4.0/24",
	)
	w.settle()
	w.holds(a, "10.0.0.0/24 "+nh, "10.0.1.0/24 "+nh+" med 5", "10.0.2.0/24 "+nh)
	w.holds(b, "10.0.0.0/24 "+nh, "10.0.1.0/24 "+nh+" med 5", "10.0.2.0/24 "+nh, "10.0.3.0/24 "+nh, "10.0.4.0/24 "+nh)
	if len(w.acked) != 3 {
		t.Errorf("acknowledged %v, want all three", w.acked)
	}
	if ad := w.advert("10.0.1.0/24"); ad.Owner != state.OwnerClassic || ad.From.By != "queue to-exabgp" {
		t.Errorf("announced by %q, %+v", ad.Owner, ad.From)
	}
	w.text("withdraw route 10.0.1.0/24 next-hop 192.0.2.99\nwithdraw route 10.0.9.0/24", "withdraw attributes next-hop 127.0.0.1 nlri 10.0.3.0/24")
	w.settle()
	w.holds(a, "10.0.0.0/24 "+nh, "10.0.2.0/24 "+nh)
	w.holds(b, "10.0.0.0/24 "+nh, "10.0.2.0/24 "+nh, "10.0.4.0/24 "+nh)
}

// What is wrong is reported and not passed on; the lines beside it go on.
func TestClassicRefuses(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)
	w.want(desired(t, "10.9.0.0/16 "+nh))
	w.settle()
	w.exabgp.wrote, w.acked = nil, nil
	for line, want := range map[string]string{
		"announce route 10.0.300.0/24 next-hop 127.0.0.1":              "10.0.300.0/24",
		"announce route 10.0.0.0/24 next-hop 127.0.0.1 med 4294967296": "over 4294967295",
		"shutdown": "shutdown is no announce or withdraw of routes",
		"announce route 10.0.0.0/24 next-hop 127.0.0.1 name version":     "name",
		"neighbor 127.0.0.9 announce route 10.0.0.0/24 next-hop 1.1.1.1": "127.0.0.9 is no neighbor of edge1",
		"announce route 10.0.0.0/24":                                     "next-hop",
		"withdraw route 10.9.0.0/16":                                     "stays theirs",
		"announce route 10.9.0.0/16 next-hop 127.0.0.1":                  "stays theirs",
		"announce route 10.0.0.0/24 next-hop 2001:db8::1":                "family",
		"\xff\xfe": "ASCII",
		"announce route 10.0.0.0/24 next-hop 127.0.0.1; shutdown":         "shutdown",
		"announce route 10.0.0.0/24 next-hop 127.0.0.1 community 1:99999": "1:99999",
	} {
		w.core.fault, w.acked = "", nil
		w.text(line)
		w.settle()
		if !strings.Contains(strings.ToLower(w.core.fault), strings.ToLower(want)) {
			t.Errorf("%q: reported %q, want %q in it", line, w.core.fault, want)
		}
		if len(w.acked) != 1 {
			t.Errorf("%q was not acknowledged, and comes again for ever", line)
		}
	}
	if len(w.exabgp.wrote) > 0 {
		t.Errorf("exaBGP was told %q", w.exabgp.wrote)
	}
	w.holds(p, "10.9.0.0/16 "+nh)
	w.text("announce route 10.0.0.0/33 next-hop 127.0.0.1\nannounce route 10.0.5.0/24 next-hop 127.0.0.1")
	w.settle()
	w.holds(p, "10.9.0.0/16 "+nh, "10.0.5.0/24 "+nh)
}

// Before exaBGP's table is read nothing is done, and nothing lost.
func TestClassicBeforeReady(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := newWorld(t, p)
	w.exabgp.sessionUp(p)
	w.core = newCore(identity{Speaker: "edge1", Boot: "boot-1", Run: "run-2"}, w.memory(), w.core.log)
	w.core.hello(w.now)
	w.text("announce route 10.0.0.0/24 next-hop 127.0.0.1")
	w.core.give(wire.Typed{Speaker: "edge1", From: wire.Commander{ID: "desk"}, Seq: 1, Commands: []wire.Command{
		{Keys: []state.Key{desired(t, "10.0.1.0/24").Routes[0].Key}, Attrs: attrs(t, nh)}}}, "q", w.now)
	if len(w.acked) > 0 {
		t.Error("acknowledged before anything was done")
	}
	w.settle()
	w.holds(p, "10.0.0.0/24 "+nh, "10.0.1.0/24 "+nh)
	if len(w.acked) != 1 {
		t.Errorf("acknowledged %v, want one", w.acked)
	}
}

func rangeOf(block, n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("10.%d.%d.0/24", block+1, i))
	}
	return all
}

// Refusals of what comes over the queue do not pile up.
func TestClassicRefusalsAreBounded(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)
	w.exabgp.refuse = func(string) bool { return true }
	for i := range 3 {
		for _, prefix := range rangeOf(i, 100) {
			w.text("announce route " + prefix + " next-hop 127.0.0.1")
		}
		w.settle()
	}
	if n := len(w.replica.set.Refused); n != refusalsByHand || n != len(w.core.refused) {
		t.Errorf("%d refusals at the reader, %d at the bridge, want %d", n, len(w.core.refused), refusalsByHand)
	}
}

// bodies takes what waits for the queue from-exabgp.
func (w *world) bodies() []string {
	var all []string
	for {
		some := w.core.classicBodies(3)
		if len(some) == 0 {
			return all
		}
		for _, b := range some {
			all = append(all, string(b))
		}
	}
}

// receives has a peer announce or withdraw routes: "+10.0.0.0/24", "-...".
func (w *world) receives(p *fakePeer, routes ...string) {
	for _, r := range routes {
		f, prefix := desired(w.t, r[1:]).Routes[0].Key.Family.String(), r[1:]
		nlri := []map[string]string{{"nlri": prefix}}
		update := map[string]any{"withdraw": map[string]any{f: nlri}}
		if r[0] == '+' {
			update = map[string]any{"attribute": map[string]any{"origin": "igp", "med": 5}, "announce": map[string]any{f: map[string]any{"192.0.2.9": nlri}}}
		}
		w.exabgp.say(p.envelope("update", map[string]any{"direction": "receive", "message": map[string]any{"update": update}}))
	}
	w.settle()
}

func TestClassicReceived(t *testing.T) {
	p := testPeer("127.0.0.2", 65000)
	p.receives = true
	for format, want := range map[ClassicFormat][]string{
		ClassicText: {"announce 192.168.41.4/32", "announce 192.168.41.5/32", "withdraw 192.168.41.5/32"},
		ClassicAll:  {"announce 192.168.41.4/32", "announce ipv6 unicast 2001:db8::/32", "announce 192.168.41.5/32", "withdraw 192.168.41.5/32"},
		ClassicJSON: {
			`{"kind":"announce","peer":"127.0.0.2","at_unix_ms":1800000000000,"family":"ipv4 unicast","attributes":{"med":["5"],"next-hop":["192.0.2.9"]},"nlri":["192.168.41.4/32"]}`,
			`{"kind":"announce","peer":"127.0.0.2","at_unix_ms":1800000000000,"family":"ipv6 unicast","attributes":{"med":["5"],"next-hop":["192.0.2.9"]},"nlri":["2001:db8::/32"]}`,
			`{"kind":"announce","peer":"127.0.0.2","at_unix_ms":1800000000000,"family":"ipv4 unicast","attributes":{"med":["5"],"next-hop":["192.0.2.9"]},"nlri":["192.168.41.5/32"]}`,
			`{"kind":"withdraw","peer":"127.0.0.2","at_unix_ms":1800000000000,"family":"ipv4 unicast","nlri":["192.168.41.5/32"]}`,
		},
	} {
		t.Run(string(format), func(t *testing.T) {
			w := leasedWorld(t, p)
			w.core.texts.format = format
			w.receives(p, "+192.168.41.4/32", "+2001:db8::/32", "+192.168.41.5/32", "-192.168.41.5/32")
			if got := w.bodies(); !slices.Equal(got, want) {
				t.Errorf("from-exabgp has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// After the broker was away the whole table comes again, and no withdraw that
// nobody was told of is lost.
func TestClassicRepeats(t *testing.T) {
	p := testPeer("127.0.0.2", 65000)
	p.receives = true
	w := leasedWorld(t, p)
	w.core.texts.format = ClassicText
	w.receives(p, "+10.0.0.0/24", "+10.0.1.0/24", "+10.0.2.0/24")
	w.bodies()
	w.receives(p, "-10.0.1.0/24", "-10.0.2.0/24", "+10.0.2.0/24")
	w.core.repeat()
	got := w.bodies()
	slices.Sort(got[1:])
	if want := []string{"withdraw 10.0.1.0/24", "announce 10.0.0.0/24", "announce 10.0.2.0/24"}; !slices.Equal(got, want) {
		t.Errorf("from-exabgp has %q, want %q", got, want)
	}
	w.exabgp.sessionDown(p)
	w.settle()
	w.exabgp.sessionUp(p)
	w.receives(p, "+10.0.0.0/24")
	if got, want := w.bodies(), []string{"announce 10.0.0.0/24"}; !slices.Equal(got, want) {
		t.Errorf("after a new session from-exabgp has %q, want %q", got, want)
	}
}

// A queue that nobody reads takes no more memory than the tables.
func TestClassicOutIsBounded(t *testing.T) {
	p := testPeer("127.0.0.2", 65000)
	p.receives = true
	w := leasedWorld(t, p)
	w.core.texts.format = ClassicText
	peer := w.core.findPeer(p.addr)
	flap := func(n int) {
		for i := range n {
			k := state.AnyKey{Family: "ipv4 unicast", ID: fmt.Sprintf("10.%d.%d.0/24", i>>8&255, i&255)}
			w.core.receive(peer, &exabgp.Update{Reached: []exabgp.Reached{{Keys: []state.AnyKey{k}}}})
			w.core.receive(peer, &exabgp.Update{Lost: []state.AnyKey{k}})
		}
	}
	for range 10 {
		flap(1000)
	}
	if n := len(w.core.texts.pending); n > changesMax {
		t.Errorf("%d changes wait for 1000 routes that flap", n)
	}
	if got := w.bodies(); len(got) == 0 || got[len(got)-1] != "withdraw 10.3.231.0/24" {
		t.Errorf("the last of %d is not the last withdraw", len(got))
	}
	flap(3 * changesMax)
	w.receives(p, "+10.255.0.0/24")
	if n := len(w.core.texts.pending); n > 2*changesMax {
		t.Errorf("%d changes wait", n)
	}
	if got := w.bodies(); got[len(got)-1] != "announce 10.255.0.0/24" {
		t.Errorf("the last of %d is %q, not the route that is there", len(got), got[len(got)-1])
	}
}

// A peer that a command names twice is one peer, and is not waited for twice.
func TestClassicNamesAPeerTwice(t *testing.T) {
	a, b := testPeer("127.0.0.2", 65001), testPeer("127.0.0.3", 65000)
	w := leasedWorld(t, a, b)
	w.acked = nil
	w.text("neighbor 127.0.0.2, neighbor 127.0.0.2 peer-as 65001 announce route 10.0.0.0/24 next-hop 127.0.0.1")
	w.settle()
	w.holds(a, "10.0.0.0/24 "+nh)
	if w.core.busy() {
		t.Error("the route is still waited for")
	}
	w.now = w.now.Add(time.Hour)
	w.core.tick(w.now)
	w.settle()
	if at := w.advert("10.0.0.0/24").At; len(at) != 1 || at[0].Grade != state.Sent {
		t.Errorf("the route is %+v, want sent at one peer", at)
	}
}

// What a report repeats of a line is bounded: status carries it to every reader.
func TestClassicReportIsBounded(t *testing.T) {
	w := leasedWorld(t, testPeer("127.0.0.2", 65001))
	for _, line := range []string{
		strings.Repeat("\x01", 100_000),
		"announce route " + strings.Repeat("x", 100_000) + " next-hop 127.0.0.1",
		"announce route 10.0.0.0/24 next-hop 127.0.0.1" + strings.Repeat(" \x1b", 10_000),
	} {
		w.text(line)
		w.settle()
		if n := len(w.core.fault); n == 0 || n > 4000 {
			t.Errorf("a line of %d bytes is reported in %d", len(line), n)
		}
	}
}

// However many commands on one route wait behind each other, they need no stack.
func TestClassicManyOfOneRoute(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)
	defer debug.SetMaxStack(debug.SetMaxStack(8 << 20))
	w.text(strings.Repeat("announce route 10.0.0.0/24 next-hop 127.0.0.1\n", 50_000))
	w.settle()
	w.holds(p, "10.0.0.0/24 "+nh)
}

// After the broker was away a reader of everything is told of the sessions that
// ended meanwhile.
func TestClassicRepeatsSessions(t *testing.T) {
	p := testPeer("127.0.0.2", 65000)
	p.receives = true
	w := leasedWorld(t, p)
	w.core.texts.format = ClassicJSON
	w.receives(p, "+10.0.0.0/24")
	w.bodies()
	w.exabgp.sessionDown(p)
	w.settle()
	w.core.repeat()
	if got := w.bodies(); len(got) != 1 || !strings.Contains(got[0], `"down"`) {
		t.Errorf("from-exabgp has %q, want that the session is down", got)
	}
}

// Everything that was told is withdrawn at once: a reader that is slow learns of
// each, for nothing else tells it.
func TestClassicMassWithdraw(t *testing.T) {
	p := testPeer("127.0.0.2", 65000)
	p.receives = true
	w := leasedWorld(t, p)
	w.core.texts.format = ClassicText
	peer := w.core.findPeer(p.addr)
	const routes = 6 * changesMax
	keys := make([]state.AnyKey, routes)
	for i := range keys {
		keys[i] = state.AnyKey{Family: state.IPv4Unicast.String(), ID: fmt.Sprintf("10.%d.%d.%d/32", i>>16, i>>8&255, i&255)}
	}
	w.core.receive(peer, &exabgp.Update{Reached: []exabgp.Reached{{Keys: keys}}})
	w.bodies()
	w.core.receive(peer, &exabgp.Update{Lost: keys})
	if got := w.bodies(); len(got) != routes || got[0] != "withdraw 10.0.0.0/32" {
		t.Errorf("from-exabgp has %d lines, want %d", len(got), routes)
	}
}
