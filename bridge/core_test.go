package bridge

import (
	"cmp"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"routesync/bridge/journal"
	"routesync/bridge/wire"
	"routesync/state"
)

// world is a core between a fake exaBGP and a reader, without a broker.
type world struct {
	t        testing.TB
	core     *core
	exabgp   *fakeExaBGP
	replica  *replica
	now      time.Time
	claims   map[state.Key][]journal.Claim // the journal
	banned   map[place]journal.Quarantined // of the same
	proof    *journal.Proof                // of the claims
	before   map[state.Key][]journal.Claim // what it has of the life before
	life     string                        // whose the claims are
	owners   map[string]journal.Owner      // what it has of them
	tried    map[string]map[state.Key][]journal.Claim
	epoch    int64
	seq      int64
	acked    []ticket
	rejected []wire.Rejected
	desk     testDesk
	revision state.Revision // of the file that batches are for
	wanted   *state.Desired // that the commander has; nil for none
}

func newWorld(t testing.TB, peers ...*fakePeer) *world {
	w := &world{
		t: t, exabgp: newFake(t, peers...), now: time.Unix(1_800_000_000, 0),
		claims: map[state.Key][]journal.Claim{}, before: map[state.Key][]journal.Claim{},
		owners: map[string]journal.Owner{}, tried: map[string]map[state.Key][]journal.Claim{}, banned: map[place]journal.Quarantined{},
	}
	w.exabgp.clock = func() time.Time { return w.now }
	w.boot("boot-1", "run-1")
	return w
}

// leasedWorld is one in which every session is up, and the team commands.
func leasedWorld(t testing.TB, peers ...*fakePeer) *world {
	w := newWorld(t, peers...)
	for _, p := range peers {
		w.exabgp.sessionUp(p)
	}
	w.settle()
	w.lease("team")
	return w
}

// boot starts a bridge, the first or one after another died.
func (w *world) boot(boot, run string) {
	w.exabgp.out = nil
	w.core = w.successor(boot, run)
	w.settle()
	w.snapshot()
}

// successor is a bridge that has just begun.
func (w *world) successor(boot, run string) *core {
	c := newCore(identity{Speaker: "edge1", Boot: boot, Run: run}, w.memory(), slog.New(slog.DiscardHandler))
	if c.past != nil {
		c.past.kept = true
	}
	w.replica = newReplica("edge1")
	for _, p := range w.exabgp.peers {
		p.hidden = nil // what exaBGP does not list was never there, to a bridge that comes later
	}
	c.hello(w.now)
	return c
}

// memory is what a bridge reads from the journal.
func (w *world) memory() journal.Memory {
	entries := func(of map[state.Key][]journal.Claim) (all []journal.Entry) {
		for _, k := range slices.SortedFunc(maps.Keys(of), state.CompareKeys) {
			all = append(all, journal.Entry{Key: k, Claims: of[k]})
		}
		return all
	}
	memory := journal.Memory{Boot: w.life, Epoch: w.epoch, Entries: entries(w.claims), Before: entries(w.before), Quarantined: slices.Collect(maps.Values(w.banned)), Proof: w.proof}
	for _, name := range slices.Sorted(maps.Keys(w.owners)) {
		memory.Owners = append(memory.Owners, w.owners[name])
	}
	for _, name := range slices.Sorted(maps.Keys(w.tried)) {
		memory.Tried = append(memory.Tried, journal.Tried{Owner: name, Entries: entries(w.tried[name])})
	}
	return memory
}

// write is what the journal does with what the core wants.
func (w *world) write(e effects) {
	if e.begin && w.life != w.core.boot {
		maps.Copy(w.before, w.claims)
		clear(w.claims)
		w.life, w.proof = w.core.boot, nil
	}
	for _, o := range e.owners {
		if w.owners[o.Name] = o; o.Trial == nil {
			delete(w.tried, o.Name)
		}
	}
	for _, t := range e.tried {
		if w.tried[t.Owner] == nil {
			w.tried[t.Owner] = map[state.Key][]journal.Claim{}
		}
		for _, x := range t.Entries {
			w.tried[t.Owner][x.Key] = x.Claims
		}
	}
	if len(e.claims) > 0 || e.proof != nil {
		w.proof = e.proof
	}
	for _, entry := range e.claims {
		w.claims[entry.Key] = entry.Claims
		if len(entry.Claims) == 0 {
			delete(w.claims, entry.Key)
		}
	}
	if e.replayed {
		clear(w.before)
	}
	if e.epoch > 0 {
		w.epoch = e.epoch
	}
	for _, x := range e.banned {
		w.banned[place{x.Key, x.Peer}] = x
		if x.Reason == "" {
			delete(w.banned, place{x.Key, x.Peer})
		}
	}
}

func (w *world) snapshot() {
	w.t.Helper()
	for _, part := range w.core.snapshot() {
		if err := w.replica.apply(&part); err != nil {
			w.t.Fatalf("snapshot: %v", err)
		}
	}
}

// step carries out what the core wants and brings it one batch of lines.
func (w *world) step() bool {
	e := w.core.take()
	w.write(e)
	for _, line := range e.lines {
		w.exabgp.write(line)
	}
	w.acked = append(w.acked, e.acks...)
	w.rejected = append(w.rejected, e.rejected...)
	for _, a := range e.answers {
		w.desk.take(w.t, a.answer)
	}
	lines := w.exabgp.out
	w.exabgp.out = nil
	for _, line := range lines {
		w.core.line(line, w.now)
	}
	return len(lines) > 0 || len(e.lines) > 0
}

// settle runs until nothing happens any more.
func (w *world) settle() {
	for range 10000 {
		if w.step() {
			continue
		}
		w.exabgp.flush()
		if len(w.exabgp.out) == 0 {
			w.read()
			return
		}
	}
	w.t.Fatal("the core does not come to rest")
}

// read brings the reader up to date.
func (w *world) read() {
	for w.core.news() {
		w.apply(w.core.update())
	}
}

func (w *world) apply(u wire.Update) {
	w.t.Helper()
	body, err := wire.EncodeUpdate(u)
	if err != nil {
		w.t.Fatal(err)
	}
	back, err := wire.DecodeUpdate(body)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.replica.apply(&back); err == errGap {
		w.snapshot()
	} else if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) lease(owner string) {
	w.t.Helper()
	if g := w.asks(wire.Request{Owner: owner, From: wire.Commander{ID: "w", Host: "h", Verb: "watch"}}); g.Refused != "" {
		w.t.Fatalf("no lease: %s", g.Refused)
	}
}

// asks asks for a lease, of team if it does not say of whom. Who is granted it
// commands from then on.
func (w *world) asks(r wire.Request) wire.Grant {
	r.Kind, r.Owner = wire.RequestLease, cmp.Or(r.Owner, "team")
	w.core.request(r, "q", w.now)
	g := w.core.out.grants[len(w.core.out.grants)-1].answer
	if g.Refused == "" {
		w.epoch, w.seq = g.Epoch, 0
	}
	return g
}

// present says that the commander is there, and whether anything is left to do.
func (w *world) present() {
	l := w.core.leases["team"]
	if l == nil || w.wanted == nil || w.now.Sub(l.told) < aliveEvery {
		return
	}
	w.read()
	plan, err := state.Diff(w.wanted, &w.replica.set)
	w.core.request(wire.Request{Kind: wire.RequestAlive, Owner: "team", From: l.Holder, Revision: w.revision, Reached: err == nil && len(plan.Changes) == 0}, "", w.now)
}

// want sends the difference to a desired set, as a commander would, in small
// batches.
func (w *world) want(desired *state.Desired) *state.Plan {
	w.t.Helper()
	return w.wantIn(desired, 3, 3)
}

func (w *world) wantIn(desired *state.Desired, first, most int) *state.Plan {
	w.t.Helper()
	w.wanted = desired
	w.read()
	plan, err := state.Diff(desired, &w.replica.set)
	if err != nil {
		w.t.Fatal(err)
	}
	for b := range batches(plan.Changes, first, most) {
		w.seq++
		b.Speaker, b.Boot, b.Owner, b.Epoch, b.Seq = "edge1", w.core.boot, desired.Owner, w.epoch, w.seq
		b.Revision = w.revision
		body, err := wire.EncodeBatch(b)
		if err != nil {
			w.t.Fatal(err)
		}
		if b, err = wire.DecodeBatch(body); err != nil {
			w.t.Fatal(err)
		}
		w.core.step(w.now)
		w.core.batch(b, ticket(w.seq))
	}
	return plan
}

func attrs(t testing.TB, text string) state.Attrs {
	t.Helper()
	values := map[state.Name][]string{}
	fields := strings.Fields(text)
	for i := 0; i+1 < len(fields); i += 2 {
		values[state.Name(fields[i])] = strings.Split(fields[i+1], ",")
	}
	a, err := state.NewAttrs(values)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// desired makes a set of "prefix attributes" lines; a line may end in "@peer".
func desired(t testing.TB, lines ...string) *state.Desired {
	t.Helper()
	d := &state.Desired{Owner: "team", Speakers: []string{"edge1"}}
	for _, line := range lines {
		line, peer, some := strings.Cut(line, " @")
		prefix, rest, _ := strings.Cut(line, " ")
		p, err := state.ParsePrefix(prefix)
		if err != nil {
			t.Fatal(err)
		}
		w := state.Wanted{Key: state.UnicastKey(p, 0), Terms: &state.Terms{Attrs: attrs(t, rest)}}
		if some {
			w.Peers = state.NewPeers([]netip.Addr{netip.MustParseAddr(peer)})
		}
		d.Routes = append(d.Routes, w)
	}
	slices.SortStableFunc(d.Routes, func(a, b state.Wanted) int { return state.CompareKeys(a.Key, b.Key) })
	return d
}

// holds fails the test unless a peer holds exactly what the lines say.
func (w *world) holds(p *fakePeer, lines ...string) {
	w.t.Helper()
	want := map[state.Key]state.Attrs{}
	for _, r := range desired(w.t, lines...).Routes {
		want[r.Key] = r.Attrs
	}
	if len(want) != len(p.holds) {
		w.t.Errorf("peer %s holds %v, want %v", p.addr, p.holds, want)
	}
	for k, a := range want {
		if p.holds[k] != a {
			w.t.Errorf("peer %s holds %s %v, want %v", p.addr, k, p.holds[k], a)
		}
	}
}

// plan fails the test unless a plan has as many changes.
func (w *world) plan(d *state.Desired, changes int) *state.Plan {
	w.t.Helper()
	plan, err := state.Diff(d, &w.replica.set)
	if err != nil {
		w.t.Fatal(err)
	}
	if len(plan.Changes) != changes {
		w.t.Errorf("plan has %d changes, want %d: %+v", len(plan.Changes), changes, plan.Changes)
	}
	return plan
}

func (w *world) grade(prefix, a, peer string) state.At {
	at, _ := w.replica.set.Grade(desired(w.t, prefix).Routes[0].Key, attrs(w.t, a), "team", netip.MustParseAddr(peer))
	return at
}

const nh = "next-hop 127.0.0.1"

func TestAnnounceReplaceWithdraw(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)

	d := desired(t, "10.0.0.0/24 "+nh, "10.0.1.0/24 "+nh+" med 5", "2001:db8::/32 next-hop 2001:db8::1")
	w.want(d)
	w.settle()
	w.holds(p, "10.0.0.0/24 "+nh, "10.0.1.0/24 "+nh+" med 5", "2001:db8::/32 next-hop 2001:db8::1")
	w.plan(d, 0)
	if at := w.grade("10.0.0.0/24", nh, "127.0.0.2"); at.Grade != state.Sent {
		t.Errorf("grade %v, want sent", at.Grade)
	}

	w.exabgp.wrote = nil
	d = desired(t, "10.0.1.0/24 "+nh+" med 6", "2001:db8::/32 next-hop 2001:db8::1")
	w.want(d)
	w.settle()
	w.holds(p, "10.0.1.0/24 "+nh+" med 6", "2001:db8::/32 next-hop 2001:db8::1")
	w.plan(d, 0)
	if len(w.exabgp.wrote) != 2 || !strings.Contains(w.exabgp.wrote[0], " announce ") || !strings.Contains(w.exabgp.wrote[1], " withdraw ") {
		t.Errorf("commands %q, want one announce and then one withdraw", w.exabgp.wrote)
	}
	if len(w.core.table.entries) != 2 || len(w.core.flying) != 0 {
		t.Errorf("%d entries, %d in flight; want 2, 0", len(w.core.table.entries), len(w.core.flying))
	}
}

func TestPeerDownIsHeldAndSentAtSessionUp(t *testing.T) {
	a, b := testPeer("127.0.0.2", 65001), testPeer("127.0.0.3", 65000)
	w := newWorld(t, a, b)
	w.exabgp.sessionUp(a)
	w.settle()
	w.lease("team")
	d := desired(t, "10.0.0.0/24 "+nh)
	w.want(d)
	w.settle()
	if at := w.grade("10.0.0.0/24", nh, "127.0.0.3"); at.Grade != state.Held {
		t.Errorf("grade at the peer that is down: %v, want held", at.Grade)
	}
	w.exabgp.sessionUp(b)
	w.settle()
	if at := w.grade("10.0.0.0/24", nh, "127.0.0.3"); at.Grade != state.Sent {
		t.Errorf("grade after session up: %v, want sent", at.Grade)
	}
	w.exabgp.sessionDown(a)
	w.settle()
	if at := w.grade("10.0.0.0/24", nh, "127.0.0.2"); at.Grade != state.Held {
		t.Errorf("grade after session down: %v, want held", at.Grade)
	}
	w.plan(d, 0)
}

func TestFamilyThatIsNotNegotiatedIsUnsent(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	p.negotiated = []state.Family{state.IPv4Unicast}
	w := leasedWorld(t, p)
	w.want(desired(t, "2001:db8::/32 next-hop 2001:db8::1"))
	w.settle()
	at := w.grade("2001:db8::/32", "next-hop 2001:db8::1", "127.0.0.2")
	if at.Grade != state.Unsent || !strings.Contains(at.Reason, "did not negotiate ipv6 unicast") {
		t.Errorf("at %+v, want unsent for the family", at)
	}
}

func TestForeignRouteIsLeftAlone(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := newWorld(t, p)
	k := desired(t, "10.9.0.0/16").Routes[0].Key
	p.cache[k] = attrs(t, nh)
	w.exabgp.sessionUp(p)
	w.settle()
	w.lease("team")

	plan := w.plan(desired(t), 0)
	if len(plan.Foreign) != 1 || plan.Foreign[0].Key != k {
		t.Errorf("foreign %+v, want 10.9.0.0/16", plan.Foreign)
	}
	// A commander that does not look is refused by the bridge.
	b := wire.Batch{Speaker: "edge1", Boot: "boot-1", Owner: "team", Epoch: w.epoch, Seq: 1,
		Withdraw: []wire.Group{{Family: k.Family, Keys: []state.Key{k}, Peers: []netip.Addr{p.addr}}}}
	w.core.batch(b, 1)
	w.settle()
	if len(p.holds) != 1 || len(w.replica.set.Refused) != 1 {
		t.Errorf("peer holds %v, refused %v; want the route kept and the withdraw refused", p.holds, w.replica.set.Refused)
	}
}

func TestLostAnswerIsFoundAndOnlyTheCulpritRefused(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)
	w.exabgp.lose = func(line string) bool { return strings.Contains(line, "10.0.1.0/24") }
	d := desired(t, "10.0.0.0/24 "+nh, "10.0.1.0/24 "+nh, "10.0.2.0/24 "+nh, "10.0.3.0/24 "+nh+" med 5")
	w.want(d)
	w.settle()
	w.holds(p, "10.0.0.0/24 "+nh, "10.0.2.0/24 "+nh, "10.0.3.0/24 "+nh+" med 5")
	if r := w.replica.set.Refused; len(r) != 1 || !strings.Contains(r[0].Reason, "no answer") {
		t.Errorf("refused %+v, want the one that got no answer", r)
	}
	w.plan(d, 1)
	if int64(len(w.acked)) != w.seq {
		t.Errorf("%d batches acknowledged of %d", len(w.acked), w.seq)
	}
}

func TestRespawnTakesUpWhereItWas(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := newWorld(t, p)
	static := desired(t, "10.9.0.0/16").Routes[0].Key
	p.cache[static] = attrs(t, nh)
	w.exabgp.sessionUp(p)
	w.settle()
	w.lease("team")
	d := desired(t, "10.0.0.0/24 "+nh, "10.0.1.0/24 "+nh)
	w.want(d)
	w.settle()

	w.exabgp.wrote = nil
	w.boot("boot-1", "run-2")
	if len(w.exabgp.wrote) != 0 {
		t.Errorf("a respawned bridge changed routes: %q", w.exabgp.wrote)
	}
	plan := w.plan(d, 0)
	if len(plan.Foreign) != 1 {
		t.Errorf("foreign %+v, want the static route alone", plan.Foreign)
	}
	if at := w.grade("10.0.0.0/24", nh, "127.0.0.2"); at.Grade != state.Sent {
		t.Errorf("grade after respawn %+v, want sent, proven anew", at)
	}
	w.lease("team")
	w.want(desired(t, "10.0.1.0/24 "+nh))
	w.settle()
	w.holds(p, "10.9.0.0/16 "+nh, "10.0.1.0/24 "+nh)
}

func TestBatchesOutOfOrderAreAnswered(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := newWorld(t, p)
	w.lease("team")
	group := []wire.Group{{Family: state.IPv4Unicast, Attrs: attrs(t, nh), Keys: []state.Key{desired(t, "10.0.0.0/24").Routes[0].Key}}}
	for _, tc := range []struct {
		name   string
		change func(*wire.Batch)
		reason string
	}{
		{"boot", func(b *wire.Batch) { b.Boot = "boot-0" }, wire.RejectBoot},
		{"old epoch", func(b *wire.Batch) { b.Epoch-- }, wire.RejectFenced},
		{"no lease", func(b *wire.Batch) { b.Owner = "other" }, wire.RejectNoLease},
		{"gap", func(b *wire.Batch) { b.Seq = 2 }, wire.RejectGap},
		{"wrong speaker", func(b *wire.Batch) { b.Speaker = "edge2" }, wire.RejectMalformed},
	} {
		b := wire.Batch{Speaker: "edge1", Boot: "boot-1", Owner: "team", Epoch: w.epoch, Seq: 1, Announce: group}
		tc.change(&b)
		w.rejected = nil
		w.core.batch(b, 7)
		w.settle()
		if len(w.rejected) != 1 || w.rejected[0].Reason != tc.reason || len(w.exabgp.wrote) != 0 {
			t.Errorf("%s: rejected %+v, wrote %q; want %s and nothing", tc.name, w.rejected, w.exabgp.wrote, tc.reason)
		}
	}
}

func TestNeighborWithoutAPIIsReported(t *testing.T) {
	a, b := testPeer("127.0.0.2", 65001), testPeer("127.0.0.3", 65001)
	b.noAPI = true
	w := newWorld(t, a, b)
	peers := w.replica.about.Peers
	if len(peers) != 2 || len(peers[0].Lacks) != 0 || len(peers[1].Lacks) == 0 || len(peers[1].Families) != 0 {
		t.Errorf("peers %+v, want the second to lack an api and to be no target", peers)
	}
}

func TestExaBGPThatStopsAnsweringIsSaid(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)
	w.want(desired(t, "10.0.0.0/24 "+nh))
	w.core.take() // what it says never arrives
	w.core.tick(w.now)
	if w.core.fault != "" {
		t.Errorf("fault %q at once", w.core.fault)
	}
	w.core.tick(w.now.Add(answerPause))
	if !strings.Contains(w.core.fault, "has not answered for 10s; 1 changes wait") {
		t.Errorf("fault %q, want a word about exaBGP's silence", w.core.fault)
	}
}
