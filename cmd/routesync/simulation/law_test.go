package simulation

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"routesync/bridge/wire"
	"routesync/state"
)

// law is what must never happen. It watches what files ask for, what exaBGP is
// told and what its peers get.
type law struct {
	mu    sync.Mutex
	trace []line
	begun time.Time
	broke string // the first that did

	versions []*version
	last     map[place]*last
	asks     map[ask]time.Time // when it was last published
	newest   map[command]int64 // epoch of a batch that a bridge got
	valid    map[taking]int64  // epoch of the last that was the newest then
	epochs   map[gift]int64    // of the last change of a route
	hand     map[place]bool    // changed by hand, or turned down, since a bridge gave a change
	sentIn   map[delivery]bool
	poison   bool // there are routes with which a session falls
	commands int  // of routes, of helpers
	batches  int
}

type line struct {
	at     time.Time
	format string
	args   []any
}

// version is a file while a watcher has it in force.
type version struct {
	desired  *state.Desired
	from, to time.Time // to is zero while it is
}

// place is a key at a peer.
type place struct {
	peer netip.Addr
	key  state.Key
}

// last is what a bridge last told exaBGP of a place.
type last struct {
	attrs     state.Attrs // of the last announce
	withdrawn bool
	aside     bool      // by a search for what the session falls of, it may be
	since     time.Time // when it became so
	left      time.Time // when it was last withdrawn
}

// ask is a change at a peer as batches have it; the zero Attrs is a withdraw.
type ask struct {
	boot, owner string
	at          place
	attrs       state.Attrs
}

// command is what one bridge is told for one owner.
type command struct {
	by    *process
	owner string
}

// taking is an ask that one bridge got.
type taking struct {
	by  *process
	ask ask
}

// gift is a route that one bridge changes at one peer.

type gift struct {
	owner string
	by    *process
	place place
}

type delivery struct {
	boot string
	peer netip.Addr
	route
}

func newLaw() *law {
	return &law{
		begun: time.Now(), last: map[place]*last{}, asks: map[ask]time.Time{}, newest: map[command]int64{}, valid: map[taking]int64{}, epochs: map[gift]int64{},
		hand: map[place]bool{}, sentIn: map[delivery]bool{},
	}
}

func (l *law) note(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.say(format, args...)
}

func (l *law) say(format string, args ...any) {
	l.trace = append(l.trace, line{time.Now(), format, args})
}

func (l *law) fail(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.breach(format, args...)
}

func (l *law) breach(format string, args ...any) {
	if l.broke == "" {
		l.broke = fmt.Sprintf(format, args...)
	}
	l.say("BROKEN: "+format, args...)
}

func (l *law) broken() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.broke
}

// story is the last lines of the trace.
func (l *law) story() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b strings.Builder
	for _, x := range l.trace[max(0, len(l.trace)-400):] {
		fmt.Fprintf(&b, "%12s  %s\n", x.at.Sub(l.begun).Round(time.Microsecond), fmt.Sprintf(x.format, x.args...))
	}
	return b.String()
}

// inForce: a watcher acts on a file from now on.
func (l *law) inForce(d *state.Desired) *version {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := &version{desired: d, from: time.Now()}
	l.versions = append(l.versions, v)
	return v
}

func (l *law) replaced(v *version) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if v.to.IsZero() {
		v.to = time.Now()
	}
}

// during calls f with the versions that were in force at some time since.
func (l *law) during(since time.Time, f func(*version) bool) bool {
	for _, v := range l.versions {
		if (v.to.IsZero() || v.to.After(since)) && f(v) {
			return true
		}
	}
	return false
}

// published is shown every batch.
func (l *law) published(body []byte) {
	b, err := wire.DecodeBatch(body)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		return // one of nobody's
	}
	l.batches++
	l.say("batch %s %d/%d: %d announce, %d withdraw", b.Owner, b.Epoch, b.Seq, len(b.Announce), len(b.Withdraw))
	for _, id := range asksOf(b) {
		l.asks[id] = time.Now()
	}
}

// late is how long a command may be on its way to exaBGP.
const late = 8 * time.Second

// commanded looks at a change that a helper gives, before it is in the table.
func (l *law) commanded(boot string, n *neighbor, given *change) {
	c := given.valued()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.commands++
	delete(l.hand, place{n.addr, c.key})
	now, at := time.Now(), place{n.addr, c.key}
	word := "announce"
	if c.withdraw {
		word = "withdraw"
	}
	l.say("%s: %s %s %s at %s", c.by.name, word, c.key, c.attrs, n.addr)
	if c.key == static() || c.key == elsewhere() {
		l.breach("%s %s at %s: it is not ours", word, c.key, n.addr)
	}
	l.inFlight(n, c, now)
	if !c.withdraw || !l.poison || n.up {
		l.inOrder(boot, c, at)
	}
	if !c.withdraw {
		l.announced(boot, n, c, at, now)
	} else {
		l.withdrawn(boot, n, c, at, now)
	}
}

func (l *law) announced(boot string, n *neighbor, c *change, at place, now time.Time) {
	was := l.last[at]
	since := time.Time{}
	if was != nil {
		since = was.left
	}
	asked := l.during(since, func(v *version) bool {
		w := v.desired.Find(c.key, n.addr)
		return w != nil && w.Attrs == c.attrs && (w.Expires == 0 || w.Expires > now.Add(-late).UnixMilli())
	})
	if !asked && !l.askedLater(boot, ownerOf(c.attrs), at, c.attrs, state.Attrs{}) {
		l.breach("announce %s %s at %s: no file asks for it", c.key, c.attrs, n.addr)
	}
	if had, there := n.rib.seen[c.key]; there && ownerOf(had) != "" && ownerOf(had) != ownerOf(c.attrs) {
		l.breach("announce %s %s at %s: it is a route of %s", c.key, c.attrs, n.addr, ownerOf(had))
	}
	if was == nil || was.withdrawn || was.attrs != c.attrs {
		left := time.Time{}
		if was != nil {
			left = was.left
		}
		l.last[at] = &last{attrs: c.attrs, since: now, left: left}
	}
}

func (l *law) withdrawn(boot string, n *neighbor, c *change, at place, now time.Time) {
	was := l.last[at]
	if was == nil {
		l.breach("withdraw %s at %s: it was never announced", c.key, at.peer)
		return
	}
	if was.withdrawn {
		return // nothing that exaBGP has can go with it
	}
	aside := l.poison && !n.up // of a search
	if !aside && !l.mayGo(at, was, now) && !l.askedLater(boot, ownerOf(was.attrs), at, state.Attrs{}, was.attrs) {
		l.breach("withdraw %s at %s: every file since asks for it", c.key, at.peer)
	}
	left := now
	if aside || l.isOver(at, was.attrs) {
		left = was.left // no file took it back
	}
	l.last[at] = &last{attrs: was.attrs, withdrawn: true, aside: aside, since: now, left: left}
}

// askedLater tells whether a batch asked for one value of a route at a peer behind
// the last that asked for another.
func (l *law) askedLater(boot, owner string, at place, value, than state.Attrs) bool {
	asked, is := l.asks[ask{boot, owner, at, value}]
	return is && !asked.Before(l.asks[ask{boot, owner, at, than}])
}

// mayGo tells whether some file since did not ask for a route, or it is over.
func (l *law) mayGo(at place, was *last, now time.Time) bool {
	return l.during(was.since, func(v *version) bool {
		if v.desired.Owner != ownerOf(was.attrs) {
			return false
		}
		w := v.desired.Find(at.key, at.peer)
		return w == nil || w.Expires != 0 && w.Expires <= now.UnixMilli()
	}) || l.isOver(at, was.attrs)
}

// patience is after what time the bridge does not wait any more for exaBGP to
// send a route.
const patience = 5 * time.Second

// inFlight: exaBGP could send the two in the wrong order.
func (l *law) inFlight(n *neighbor, c *change, now time.Time) {
	before := n.rib.unsent(c.key)
	if before == nil || !n.up || !n.carries(c.key.Family) || before.by != c.by || !before.up || n.first {
		return
	}
	if (before.withdraw != c.withdraw || valueOf(before.attrs) != c.attrs) && now.Sub(before.at) < patience {
		l.breach("%s at %s: a change of it is in flight, given %s ago", c.key, n.addr, now.Sub(before.at))
	}
}

// inOrder: a batch of an older epoch that came behind one of a newer is never
// carried out, and no change of a route comes behind one of a newer epoch.
func (l *law) inOrder(boot string, c *change, at place) {
	was := l.last[at]
	attrs, owner := c.attrs, ownerOf(c.attrs)
	if c.withdraw {
		attrs = state.Attrs{}
		if was != nil {
			owner = ownerOf(was.attrs)
		}
	}
	if was != nil && was.aside && !c.withdraw && was.attrs == c.attrs {
		return // a search brings it back, which is no batch's work
	}
	if was != nil && was.withdrawn == c.withdraw && (c.withdraw || was.attrs == c.attrs) {
		return // it is as it was told before, to this exaBGP or the last
	}
	if _, asked := l.asks[ask{boot, owner, at, attrs}]; !asked || c.withdraw && l.wasToEnd(at) {
		return
	}
	now, taken := l.valid[taking{c.by, ask{boot, owner, at, attrs}}]
	if !taken { // but what a bridge before it got is in the journal
		now, taken = l.valid[taking{nil, ask{boot, owner, at, attrs}}]
	}
	if !taken {
		l.breach("%s at %s: asked for by a batch of an epoch that was over", c.key, at.peer)
	}
	if last := l.epochs[gift{owner, c.by, at}]; now < last {
		l.breach("%s at %s: epoch %d asked for it, behind a change of epoch %d", c.key, at.peer, now, last)
	}
	l.epochs[gift{owner, c.by, at}] = now
}

// taken is shown every batch that a bridge is about to get.
func (l *law) taken(by *process, body []byte) {
	b, err := wire.DecodeBatch(body)
	if err != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	newest := command{by, b.Owner}
	if b.Epoch < l.newest[newest] {
		return
	}
	l.newest[newest] = b.Epoch
	for _, id := range asksOf(b) {
		l.valid[taking{by, id}], l.valid[taking{nil, id}] = b.Epoch, b.Epoch
	}
}

func asksOf(b wire.Batch) []ask {
	var all []ask
	add := func(g wire.Group, attrs state.Attrs) {
		peers := g.Peers
		if len(peers) == 0 {
			peers = peerAddrs()
		}
		for _, k := range g.Keys {
			for _, a := range peers {
				all = append(all, ask{b.Boot, b.Owner, place{a, k}, attrs})
			}
		}
	}
	for _, g := range b.Announce {
		add(g, g.Attrs)
	}
	for _, g := range b.Withdraw {
		add(g, state.Attrs{})
	}
	return all
}

// wasToEnd tells whether a route was to be gone by now, whatever it had: a bridge may
// have been told when, and died before it gave exaBGP what it was to be until then.
func (l *law) wasToEnd(at place) bool {
	return l.during(time.Time{}, func(v *version) bool {
		w := v.desired.Find(at.key, at.peer)
		return w != nil && w.Expires != 0 && w.Expires <= time.Now().UnixMilli()
	})
}

// isOver tells whether a route has expired that had these attributes: then the
// bridge withdraws it by itself.
func (l *law) isOver(at place, attrs state.Attrs) bool {
	return l.during(time.Time{}, func(v *version) bool {
		w := v.desired.Find(at.key, at.peer)
		return w != nil && w.Attrs == attrs && w.Expires != 0 && w.Expires <= time.Now().UnixMilli()
	})
}

// changed notes a change that is in the table.
func (l *law) changed(n *neighbor, c *change) {
	if c.by == nil {
		l.mu.Lock()
		l.hand[place{n.addr, c.key}] = true
		l.mu.Unlock()
		l.note("by hand: %s withdraw %t %s at %s", c.key, c.withdraw, c.attrs, n.addr)
	}
}

// turnedDown: exaBGP does not take a command.
func (l *law) turnedDown(peers []*neighbor, keys []state.Key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range peers {
		for _, k := range keys {
			l.hand[place{n.addr, k}] = true
		}
	}
}

// sent: exaBGP writes an UPDATE to a peer.
func (l *law) sent(boot string, n *neighbor, waited *change) {
	c := waited.valued()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.say("UPDATE to %s: %s withdraw %t %s", n.addr, c.key, c.withdraw, c.attrs)
	had, there := n.holds[c.key]
	n.take(c)
	if now, is := n.holds[c.key]; is != there || now != had {
		n.moved = time.Now()
	}
	if c.withdraw {
		return
	}
	l.sentIn[delivery{boot, n.addr, route{c.key, c.attrs}}] = true
	ever := c.key == static() || ownerOf(c.attrs) == "" || l.during(time.Time{}, func(v *version) bool {
		w := v.desired.Find(c.key, n.addr)
		return w != nil && w.Attrs == c.attrs
	})
	if !ever {
		l.breach("%s got %s %s, which nobody ever asked for", n.addr, c.key, c.attrs)
	}
}

// ended: exaBGP writes an End-of-RIB to a peer.
func (l *law) ended(n *neighbor, f state.Family) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.say("End-of-RIB to %s: %s", n.addr, f)
	for _, k := range n.endOfRIB(f) {
		n.moved = time.Now()
		was := l.last[place{n.addr, k}]
		if was != nil && !was.withdrawn && !poisonous(was.attrs) && !l.hand[place{n.addr, k}] && !l.mayGo(place{n.addr, k}, was, time.Now()) {
			l.breach("End-of-RIB to %s drops %s, which every file asks for", n.addr, k)
		}
	}
}

// reads: the bridge must read what exaBGP says.
func (l *law) reads(h *helper) {
	if n := h.stdin.unread(); n > 64<<10 && !h.stopped() {
		l.fail("exaBGP blocks: %d bytes wait for the bridge", n)
	}
}

// claims compares what a watcher takes for sent with what was.
func (l *law) claims(who, boot string, a *state.Advertised) {
	if !a.Complete {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for k, adverts := range a.Routes.All() {
		for _, advert := range adverts {
			for _, at := range advert.At {
				if at.Grade == state.Sent && !l.sentIn[delivery{boot, at.Peer, route{k, advert.Attrs}}] {
					l.breach("%s takes %s %s for sent to %s, and it was not", who, k, advert.Attrs, at.Peer)
				}
			}
		}
	}
}
