package bridge

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"routesync/bridge/wire"
	"routesync/state"
)

// receiving is a peer whose routes are reported.
func receiving(addr string, as uint32) *fakePeer {
	p := testPeer(addr, as)
	p.receives, p.received = true, map[state.Key]state.Attrs{}
	return p
}

// hear has a peer announce a route, or withdraw it if there are no attributes.
func (f *fakeExaBGP) hear(p *fakePeer, k state.Key, a state.Attrs) {
	nlri := []map[string]string{{"nlri": k.Prefix().String()}}
	update := map[string]any{"withdraw": map[string]any{k.Family.String(): nlri}}
	delete(p.received, k)
	if a != (state.Attrs{}) {
		p.received[k] = a
		block := map[string]any{"origin": "igp"}
		if med, ok := a.Get(state.MED); ok {
			block["med"] = json.Number(med[0])
		}
		update = map[string]any{"attribute": block, "announce": map[string]any{k.Family.String(): map[string]any{a.NextHop(): nlri}}}
	}
	f.say(p.envelope("update", map[string]any{"direction": "receive", "message": map[string]any{"update": update}}))
}

// listReceived begins to answer the question for what was received. It lists
// what peers announced whose sessions are down, as exaBGP does.
func (f *fakeExaBGP) listReceived() {
	for _, p := range f.peers {
		for _, k := range slices.SortedFunc(maps.Keys(p.received), state.CompareKeys) {
			f.listing = append(f.listing, fmt.Sprintf("neighbor %s local-ip 127.0.0.1 local-as %d peer-as %d router-id 1.1.1.1 family-allowed in-open %s %s%s",
				p.addr, p.localAS, p.peerAS, k.Family, k, words(p.received[k])))
		}
	}
	f.listing = append(f.listing, "done")
}

// list goes on with the listing.
func (f *fakeExaBGP) list(lines int) {
	n := min(lines, len(f.listing))
	f.say(f.listing[:n]...)
	f.listing = f.listing[n:]
	for len(f.listing) == 0 && len(f.behind) > 0 {
		line := f.behind[0]
		f.behind = f.behind[1:]
		f.write(line)
	}
}

// listener is a reader of received routes without a broker.
type listener struct {
	t       testing.TB
	w       *world
	replica receivedReplica
	// told is what the notices add up to; nil before the first table.
	told *ReceivedTable
	said []string
	// missed tells that a message was lost and no gap was said since.
	missed bool
}

func (w *world) listen(t testing.TB) *listener {
	l := &listener{t: t, w: w, replica: receivedReplica{speaker: "edge1"}}
	l.ask()
	return l
}

// ask asks for the table, as a follower does after a gap.
func (l *listener) ask() {
	l.w.core.request(wire.Request{Kind: wire.RequestReceived}, fmt.Sprintf("%p", l), l.w.now)
}

func (l *listener) renew() {
	l.w.core.request(wire.Request{Kind: wire.RequestFollowReceived}, fmt.Sprintf("%p", l), l.w.now)
}

// carry brings a message to a listener, if it is for it.
func (l *listener) carry(m telling) {
	l.t.Helper()
	if m.kind != wire.TypeReceived || m.to != "" && m.to != fmt.Sprintf("%p", l) {
		return
	}
	body, err := m.encode()
	if err != nil {
		l.t.Fatal(err)
	}
	back, err := wire.DecodeReceived(body)
	if err != nil {
		l.t.Fatal(err)
	}
	n, err := l.replica.apply(&back)
	if err != nil {
		l.t.Fatal(err)
	}
	if n.Gap != "" {
		l.missed = false
		l.say("gap: " + n.Gap)
		l.ask()
	}
	if n.Overtaken > 0 {
		l.say(fmt.Sprintf("%d overtaken", n.Overtaken))
	}
	if n.Table {
		l.missed = false
		if l.told == nil {
			l.told = copied(l.replica.table)
		}
		l.say("table")
	}
	for i := range n.Changes {
		c := &n.Changes[i]
		l.told.change(c)
		words := []string{string(c.Kind), c.Peer.String(), strings.Join(c.IDs, ","), c.Attrs.String(), c.Reason}
		l.say(strings.Join(slices.DeleteFunc(words, func(s string) bool { return s == "" }), " "))
	}
	if l.replica.whole {
		if d := tableDiff(l.replica.table, l.told); d != "" {
			l.t.Fatalf("what was told is not what the table has (-table +told):\n%s", d)
		}
	}
}

func (l *listener) say(line string) { l.said = append(l.said, line) }

func (l *listener) heard() []string {
	said := l.said
	l.said = nil
	return said
}

func copied(t *ReceivedTable) *ReceivedTable {
	c := &ReceivedTable{Peers: map[netip.Addr]*ReceivedPeer{}}
	for a, p := range t.Peers {
		c.Peers[a] = &ReceivedPeer{Up: p.Up, Missing: p.Missing, Routes: maps.Clone(p.Routes)}
	}
	return c
}

func tableDiff(a, b *ReceivedTable) string { return cmp.Diff(inWords(a), inWords(b)) }

func inWords(t *ReceivedTable) []string {
	var lines []string
	for a, p := range t.Peers {
		lines = append(lines, fmt.Sprintf("%s up %t missing %q", a, p.Up, p.Missing))
		for k, attrs := range p.Routes {
			lines = append(lines, fmt.Sprintf("%s %s %s %s", a, k.Family, k, attrs.Value()))
		}
	}
	slices.Sort(lines)
	return lines
}

// publish brings everything that there is to publish to listeners.
func (w *world) publish(to ...*listener) {
	for range 1000 {
		told := w.core.tell()
		if len(told) == 0 {
			return
		}
		for _, m := range told {
			for _, l := range to {
				l.carry(m)
			}
		}
	}
	w.t.Fatal("there is no end of it")
}

// checkReceived compares what a listener has with what exaBGP has.
func checkReceived(t interface {
	Helper()
	Fatalf(string, ...any)
}, w *world, l *listener) {
	t.Helper()
	want := map[string]string{}
	for _, p := range w.exabgp.peers {
		for k, a := range p.received {
			if p.up {
				want[fmt.Sprintf("%s %s", p.addr, k)] = a.String()
			}
		}
	}
	got := map[string]string{}
	for a, p := range l.replica.table.Peers {
		for k, attrs := range p.Routes {
			got[fmt.Sprintf("%s %s", a, k)] = attrs.Value().String()
		}
		if p.Missing != "" {
			t.Fatalf("table of %s: %s", a, p.Missing)
		}
	}
	if d := cmp.Diff(want, got); d != "" || !l.replica.whole {
		t.Fatalf("whole %t; (-exaBGP +reader):\n%s", l.replica.whole, d)
	}
}
