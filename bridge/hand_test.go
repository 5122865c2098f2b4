package bridge

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"routesync/bridge/wire"
	"routesync/state"
)

// testDesk is a person who types, and gives again what was not answered.
type testDesk struct {
	seq     int64
	open    []wire.Typed
	results map[int64]map[int]wire.Result // by number and place
	got     map[int64]map[int]bool        // since they were given last
	mute    bool                          // answers are lost
}

func (d *testDesk) take(t testing.TB, a wire.Answer) {
	body, err := wire.EncodeAnswer(a)
	if err == nil {
		a, err = wire.DecodeAnswer(body)
	}
	if err != nil {
		t.Fatal(err)
	}
	if d.mute || a.ID != "desk" {
		return
	}
	if d.results == nil {
		d.results = map[int64]map[int]wire.Result{}
	}
	if d.results[a.Seq] == nil {
		d.results[a.Seq] = map[int]wire.Result{}
	}
	if d.got[a.Seq] == nil {
		return // it is over
	}
	for _, r := range a.Results {
		d.results[a.Seq][r.Command] = r
		d.got[a.Seq][r.Command] = true
	}
	for len(d.open) > 0 && len(d.got[d.open[0].Seq]) == len(d.open[0].Commands) {
		delete(d.got, d.open[0].Seq)
		d.open = d.open[1:]
	}
}

// types gives commands, "+ prefix attributes [@peer] [expires seconds]" or
// "- prefix", as one message.
func (w *world) types(lines ...string) int64 {
	w.t.Helper()
	w.desk.seq++
	t := wire.Typed{Speaker: "edge1", From: wire.Commander{ID: "desk", Host: "noc1", User: "al", Verb: "console"}, Seq: w.desk.seq, At: w.now.UnixMilli()}
	for _, line := range lines {
		text, seconds, expires := strings.Cut(line, " expires ")
		r := desired(w.t, text[2:]).Routes[0]
		c := wire.Command{Withdraw: text[0] == '-', Attrs: r.Attrs, Peers: r.Peers.Addrs(), Keys: []state.Key{r.Key}}
		if expires {
			d, err := time.ParseDuration(seconds)
			if err != nil {
				w.t.Fatal(err)
			}
			c.Expires = w.now.Add(d).UnixMilli()
		}
		t.Commands = append(t.Commands, c)
	}
	w.desk.open = append(w.desk.open, t)
	w.retype()
	return t.Seq
}

// retype gives again what was not answered.
func (w *world) retype() {
	var after int64
	if w.desk.got == nil {
		w.desk.got = map[int64]map[int]bool{}
	}
	for _, t := range w.desk.open {
		w.desk.got[t.Seq] = map[int]bool{}
		t.After, after = after, t.Seq
		body, err := wire.EncodeTyped(t)
		if err != nil {
			w.t.Fatal(err)
		}
		if t, err = wire.DecodeTyped(body); err != nil {
			w.t.Fatal(err)
		}
		w.core.give(t, "reply", w.now)
	}
}

// answers fails the test unless the results of a message are these, each
// "PEER VERDICT REASON" with commas between peers.
func (w *world) answers(seq int64, want ...string) {
	w.t.Helper()
	w.settle()
	var got []string
	for i := range len(w.desk.results[seq]) {
		var words []string
		for _, o := range w.desk.results[seq][i].Outcomes {
			peer := "none"
			if o.Peer.IsValid() {
				peer = o.Peer.String()
			}
			word := peer + " " + string(o.Verdict)
			if o.Reason != "" {
				word += " " + o.Reason
			}
			words = append(words, word)
		}
		got = append(got, strings.Join(words, ", "))
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("answers to %d:\n%s\nwant:\n%s", seq, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func (w *world) advert(prefix string) state.Advert {
	w.t.Helper()
	adverts := w.replica.set.Routes.Get(desired(w.t, prefix).Routes[0].Key)
	if len(adverts) != 1 {
		w.t.Fatalf("%s has adverts %+v, want one", prefix, adverts)
	}
	return adverts[0]
}

func TestByHand(t *testing.T) {
	a, b := testPeer("127.0.0.2", 65001), testPeer("127.0.0.3", 65000)
	b.negotiated = []state.Family{state.IPv6Unicast}
	w := leasedWorld(t, a, b)

	n := w.types("+ 10.0.0.0/24 "+nh, "+ 10.0.1.0/24 "+nh+" @127.0.0.2", "+ 10.0.2.0/24 "+nh+" @127.0.0.9", "- 10.0.3.0/24")
	w.answers(n,
		"127.0.0.2 sent, 127.0.0.3 unsent the peer did not negotiate ipv4 unicast",
		"127.0.0.2 sent",
		"127.0.0.9 refused 127.0.0.9 is no neighbor of edge1 that the bridge can command",
		"127.0.0.2 unchanged it is not announced there, 127.0.0.3 unchanged it is not announced there")
	w.holds(a, "10.0.0.0/24 "+nh, "10.0.1.0/24 "+nh)
	if ad := w.advert("10.0.0.0/24"); ad.Owner != state.OwnerConsole || ad.From != (state.Provenance{By: "al on noc1 (console)", At: w.now.UnixMilli()}) {
		t.Errorf("announced by %q, %+v", ad.Owner, ad.From)
	}

	n = w.types("+ 10.0.1.0/24 "+nh, "- 10.0.0.0/24", "+ 10.0.0.0/24 "+nh+" med 5", "- 10.0.0.0/24")
	w.answers(n,
		"127.0.0.2 unchanged, 127.0.0.3 unsent the peer did not negotiate ipv4 unicast",
		"127.0.0.2 withdrawn, 127.0.0.3 withdrawn",
		"127.0.0.2 sent, 127.0.0.3 unsent the peer did not negotiate ipv4 unicast",
		"127.0.0.2 withdrawn, 127.0.0.3 withdrawn")
	w.holds(a, "10.0.1.0/24 "+nh)

	w.exabgp.sessionDown(a)
	n = w.types("+ 10.0.4.0/24 " + nh + " @127.0.0.2")
	w.answers(n, "127.0.0.2 held")
	w.exabgp.refuse = func(line string) bool { return strings.Contains(line, "10.0.5.0/24") }
	n = w.types("+ 10.0.5.0/24 "+nh+" @127.0.0.2", "+ 10.0.6.0/24 med 1 @127.0.0.2")
	w.answers(n,
		`127.0.0.2 refused exaBGP answered error: "neighbor 127.0.0.2 announce attributes next-hop 127.0.0.1 nlri 10.0.5.0/24"`,
		"127.0.0.2 refused 10.0.6.0/24 has no next-hop")
	if len(w.replica.set.Refused) > 0 {
		t.Errorf("refused %+v, want none: whoever typed was told", w.replica.set.Refused)
	}
}

// What was typed outlives the bridge, with who typed it.
func TestByHandAfterRespawn(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)
	w.types("+ 10.0.0.0/24 "+nh+" expires 10m", "+ 10.0.1.0/24 "+nh)
	w.settle()
	before := w.advert("10.0.0.0/24")
	w.boot("boot-1", "run-2")
	if after := w.advert("10.0.0.0/24"); after.Owner != before.Owner || after.From != before.From {
		t.Errorf("after a respawn it is %+v, before it was %+v", after, before)
	}
	w.now = w.now.Add(11 * time.Minute)
	w.core.tick(w.now)
	w.settle()
	w.holds(p, "10.0.1.0/24 "+nh)
}

// TestByHandOverRespawn: what is given again, for the bridge died before it could
// answer, is told of when the next one knows that the peer has it.
func TestByHandOverRespawn(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)
	w.desk.mute = true
	n := w.types("+ 10.0.0.0/24 " + nh)
	w.settle()
	w.desk.mute, w.proof = false, nil // the table of the one before counts no more
	w.exabgp.out = nil
	w.core = w.successor("boot-1", "run-2")
	w.retype()
	w.settle()
	w.core.tick(w.now)
	w.answers(n, "127.0.0.2 unchanged")
}

func TestByHandExpires(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)
	pass := func(d time.Duration) {
		w.now = w.now.Add(d)
		w.core.tick(w.now)
		w.settle()
	}
	w.types("+ 10.0.0.0/24 "+nh+" expires 10s", "+ 10.0.1.0/24 "+nh+" expires 10s", "+ 10.0.2.0/24 "+nh+" expires 10s")
	w.settle()
	n := w.types("+ 10.0.1.0/24 "+nh+" expires 20s", "+ 10.0.2.0/24 "+nh+" med 1", "+ 10.0.3.0/24 "+nh+" expires -1s")
	w.answers(n, "127.0.0.2 unchanged it expires 2027-01-15T08:00:20Z now", "127.0.0.2 sent", "none refused it has expired already")
	pass(9 * time.Second)
	w.holds(p, "10.0.0.0/24 "+nh, "10.0.1.0/24 "+nh, "10.0.2.0/24 "+nh+" med 1")
	pass(2 * time.Second)
	w.holds(p, "10.0.1.0/24 "+nh, "10.0.2.0/24 "+nh+" med 1")
	pass(10 * time.Second)
	w.holds(p, "10.0.2.0/24 "+nh+" med 1")
	pass(time.Hour)
	w.holds(p, "10.0.2.0/24 "+nh+" med 1")
	if len(w.core.ending) > 0 || len(w.core.typed.known) > 0 {
		t.Errorf("%d keys are to end, %d messages are known; want none", len(w.core.ending), len(w.core.typed.known))
	}
}

// A route of a file is not touched by hand, nor one by hand by a file; exaBGP's
// own may be.
func TestByHandBesideAFile(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := newWorld(t, p)
	p.cache[desired(t, "10.9.0.0/16").Routes[0].Key] = attrs(t, nh)
	w.exabgp.sessionUp(p)
	w.boot("boot-1", "run-1")
	w.lease("team")
	w.want(desired(t, "10.0.0.0/24 "+nh))
	w.settle()
	n := w.types("- 10.0.0.0/24", "+ 10.0.0.0/24 "+nh+" med 5", "+ 10.0.1.0/24 "+nh, "- 10.9.0.0/16")
	w.answers(n,
		"127.0.0.2 refused it is announced at 127.0.0.2 by owner team, and stays theirs",
		"127.0.0.2 refused it is announced at 127.0.0.2 by owner team, and stays theirs",
		"127.0.0.2 sent", "127.0.0.2 withdrawn "+ownReason)
	if o := w.desk.results[n][0].Outcomes[0]; o.Owner != "team" {
		t.Errorf("kept by %q, want team", o.Owner)
	}
	plan := w.plan(desired(t, "10.0.0.0/24 "+nh, "10.0.1.0/24 "+nh+" med 7"), 0)
	if len(plan.Foreign) != 1 || plan.Foreign[0].Wanted == nil {
		t.Errorf("foreign %+v, want the route by hand, which the file wants too", plan.Foreign)
	}
	w.core.request(wire.Request{Kind: wire.RequestLease, Owner: state.OwnerConsole}, "q", w.now)
	if g := w.core.out.grants[len(w.core.out.grants)-1].answer; g.Refused == "" {
		t.Error("a file can command for owner console")
	}
}

// A message that comes again is answered again, and not carried out again.
func TestByHandOnce(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)
	w.desk.mute = true
	first := w.types("+ 10.0.0.0/24 " + nh)
	w.settle()
	w.core.give(wire.Typed{Speaker: "edge1", From: wire.Commander{ID: "other"}, Seq: 1, Commands: []wire.Command{
		{Withdraw: true, Keys: []state.Key{desired(t, "10.0.0.0/24").Routes[0].Key}}}}, "q", w.now)
	w.settle()
	w.desk.mute = false
	w.retype()
	w.answers(first, "127.0.0.2 sent")
	w.holds(p)
}

// One that is lost keeps those behind it waiting until it comes.
func TestByHandInOrder(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)
	w.types("+ 10.0.9.0/24 " + nh)
	w.settle()
	lost := w.core
	w.core = newCore(identity{Speaker: "edge1"}, w.memory(), w.core.log)
	w.types("+ 10.0.0.0/24 " + nh) // nobody ever sees it
	w.core = lost
	key := []state.Key{desired(t, "10.0.0.0/24").Routes[0].Key}
	w.desk.seq++
	behind := wire.Typed{Speaker: "edge1", From: wire.Commander{ID: "desk"}, Seq: w.desk.seq, After: w.desk.seq - 1, Commands: []wire.Command{{Withdraw: true, Keys: key}}}
	w.desk.open = append(w.desk.open, behind)
	w.core.give(behind, "reply", w.now)
	w.settle()
	if len(w.desk.results[behind.Seq]) > 0 {
		t.Fatal("a message was carried out before the one it follows")
	}
	w.retype()
	w.answers(behind.Seq, "127.0.0.2 withdrawn")
	w.holds(p, "10.0.9.0/24 "+nh)
}

// TestRandomHands runs a file and hands side by side, with everything that goes
// wrong between them. In the end the peers hold what the file says, and of the
// rest what was typed last.
func TestRandomHands(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a, b := testPeer("127.0.0.2", 65001), testPeer("127.0.0.3", 65000)
		w := newWorld(t, a, b)
		w.exabgp.sessionUp(a)
		w.exabgp.sessionUp(b)
		w.settle()
		w.lease("team")
		last := desired(t)
		typed := map[string]string{} // what was typed last
		for i := range rapid.IntRange(1, 14).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"file", "type", "type", "type", "lose", "flap", "die", "mute", "time"}).Draw(rt, "step") {
			case "file":
				last = drawFile(rt, t)
				w.commandIfSettled(last)
			case "type":
				var lines []string
				for range rapid.IntRange(1, 4).Draw(rt, "lines") {
					prefix := fmt.Sprintf("10.1.%d.0/24", rapid.IntRange(0, 2).Draw(rt, "prefix"))
					line := rapid.SampledFrom([]string{"- %s", "+ %s " + nh, "+ %s " + nh + " med 1", "+ %s " + nh + " expires 90s"}).Draw(rt, "line")
					lines = append(lines, fmt.Sprintf(line, prefix))
					typed[prefix] = lines[len(lines)-1]
				}
				w.types(lines...)
			case "lose":
				w.loseSome(rt)
			case "flap":
				w.flap(rapid.SampledFrom(w.exabgp.peers).Draw(rt, "peer"))
			case "die":
				w.exabgp.flush()
				w.boot("boot-1", fmt.Sprint("run-", i))
				w.leaseIfReady()
			case "mute":
				w.desk.mute = !w.desk.mute
			case "time":
				w.now = w.now.Add(time.Minute)
				w.core.tick(w.now)
			}
			w.some(rt)
			w.oneInFlight(rt)
		}
		w.exabgp.lose, w.desk.mute = nil, false
		w.exabgp.allUp()
		w.settle()
		w.retype()
		w.converge(rt, last)
		w.now = w.now.Add(time.Hour) // and everything that expires has
		for range 3 {
			w.core.tick(w.now)
			w.settle()
			w.now = w.now.Add(time.Minute)
		}
		if len(w.desk.open) > 0 {
			rt.Fatalf("not answered: %+v", w.desk.open)
		}
		for _, p := range w.exabgp.peers {
			want := map[state.Key]state.Attrs{}
			for _, r := range last.Routes {
				if r.Peers.All() || slices.Contains(r.Peers.Addrs(), p.addr) {
					want[r.Key] = r.Attrs
				}
			}
			for _, line := range typed {
				if line[0] == '+' && !strings.Contains(line, "expires") {
					r := desired(t, line[2:]).Routes[0]
					want[r.Key] = r.Attrs
				}
			}
			// An answer that exaBGP lost may have cost a typed command, or it came
			// after its end, and
			// whoever typed it was told.
			for _, results := range w.desk.results {
				for _, r := range results {
					for _, o := range r.Outcomes {
						if o.Verdict == wire.Refused && (o.Peer == p.addr || !o.Peer.IsValid()) {
							for _, k := range o.Keys {
								delete(want, k)
								if strings.HasPrefix(k.String(), "10.1.") {
									delete(p.holds, k)
								}
							}
						}
					}
				}
			}
			if !maps.Equal(want, p.holds) {
				rt.Fatalf("peer %s holds %v, want %v (typed %v)", p.addr, p.holds, want, typed)
			}
		}
	})
}

// What is told exaBGP once more, because it did not send it, leaves to the route the
// time that was given to it meanwhile.
func TestTermsOutlastWhatIsToldAgain(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)
	w.types("+ 10.0.0.0/24 " + nh)
	w.settle()
	k := desired(t, "10.0.0.0/24").Routes[0].Key
	again := func() {
		w.core.againAt(k, w.core.table.find(k, w.core.findPeer(p.addr)))
		w.settle()
	}
	w.exabgp.stuck = true
	again()
	w.types("+ 10.0.0.0/24 " + nh + " expires 90s")
	w.settle()
	w.now = w.now.Add(againPause)
	w.core.step(w.now)
	again()
	w.exabgp.stuck = false
	w.settle()
	if s := w.core.table.find(k, w.core.findPeer(p.addr)); s.provenance().Expires == 0 {
		t.Errorf("the route is there for ever: %+v", s.provenance())
	}
}

// What is told exaBGP once more is given up if the route was announced or withdrawn
// since: that has its turn first, behind a change at another peer.
func TestWhatIsToldAgainIsOvertaken(t *testing.T) {
	const prefix = "10.0.0.0/24"
	k := keyOf(t, prefix)
	begin := func(t *testing.T) (w *world, a, b *fakePeer, again, giveUp func()) {
		a, b = testPeer("127.0.0.2", 65001), testPeer("127.0.0.3", 65001)
		w = leasedWorld(t, a, b)
		w.types("+ " + prefix + " " + nh)
		w.settle()
		w.exabgp.stuck = true
		again = func() { w.core.againAt(k, w.core.table.find(k, w.core.findPeer(a.addr))) }
		giveUp = func() {
			w.settle()
			w.now = w.now.Add(sendPatience)
			w.core.tick(w.now)
			w.settle()
		}
		return w, a, b, again, giveUp
	}
	t.Run("a withdraw by an announce", func(t *testing.T) {
		w, a, b, again, giveUp := begin(t)
		w.types("- " + prefix + " @127.0.0.2")
		w.types("+ " + prefix + " " + nh + " med 1 @127.0.0.3")
		giveUp()
		w.types("+ " + prefix + " " + nh)
		again()
		w.exabgp.stuck = false
		w.settle()
		w.holds(a, prefix+" "+nh)
		w.holds(b, prefix+" "+nh)
	})
	t.Run("an announce by a withdraw", func(t *testing.T) {
		w, a, b, again, giveUp := begin(t)
		w.types("+ " + prefix + " " + nh + " med 1 @127.0.0.3")
		w.settle()
		w.types("- " + prefix)
		again()
		giveUp()
		giveUp()
		w.exabgp.stuck = false
		w.settle()
		w.holds(a)
		w.holds(b)
	})
}

func TestOverAt(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)
	w.types("+ 10.0.0.0/24 "+nh+" expires 10s", "+ 10.0.0.0/24 "+nh+" expires 20s")
	w.settle()
	k := desired(t, "10.0.0.0/24").Routes[0].Key
	w.core.step(w.now.Add(15 * time.Second))
	if owners, ends := w.core.overAt(k); len(owners) != 0 || !ends {
		t.Errorf("over at %v, ends %v; the second announce is in force", owners, ends)
	}
	w.core.step(w.now.Add(25 * time.Second))
	if owners, _ := w.core.overAt(k); !slices.Equal(owners[state.OwnerConsole], []netip.Addr{p.addr}) {
		t.Errorf("over at %v, want the peer", owners)
	}
}

// A peer that goes down, or turns out not to take the family, before it was
// sent a route: the answer says which of the two it was.
func TestByHandAnswersWhatHappenedMeanwhile(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)
	w.exabgp.stuck = true
	n := w.types("+ 10.0.0.0/24 " + nh)
	w.settle()
	w.exabgp.sessionDown(p)
	w.answers(n, "127.0.0.2 held")

	p.negotiated = []state.Family{state.IPv6Unicast}
	w.exabgp.sessionUp(p)
	n = w.types("+ 10.0.1.0/24 " + nh)
	w.answers(n, "127.0.0.2 unsent the peer did not negotiate ipv4 unicast")
}

// A route that expired and is typed again at once ends when that says, and not
// at the next try of the withdraw before.
func TestByHandExpiresAgain(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)
	pass := func(d time.Duration) {
		w.now = w.now.Add(d)
		w.core.tick(w.now)
		w.settle()
	}
	w.types("+ 10.0.0.0/24 " + nh + " expires 1s")
	w.settle()
	w.now = w.now.Add(2 * time.Second)
	w.core.tick(w.now)
	w.types("+ 10.0.0.0/24 " + nh + " expires 3s")
	w.settle()
	w.holds(p, "10.0.0.0/24 "+nh)
	pass(4 * time.Second)
	w.holds(p)
}

// stick begins the session of a peer anew, and exaBGP sends nothing over it.
func (w *world) stick(p *fakePeer) {
	w.exabgp.stuck = true
	w.exabgp.sessionDown(p)
	w.exabgp.sessionUp(p)
	w.settle()
}

// A route that exaBGP holds, and of which it was not said yet that it was sent,
// is not confirmed.
func TestByHandUnchangedIsNotSent(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)
	w.types("+ 10.0.0.0/24 " + nh)
	w.settle()
	w.stick(p)
	n := w.types("+ 10.0.0.0/24 " + nh)
	w.answers(n) // it may come yet
	w.now = w.now.Add(sendPatience)
	w.core.tick(w.now)
	w.answers(n, "127.0.0.2 unsent "+unsentReason)
}

// Who types can't say what acts on the terminals of those who look.
func TestByHandIsPrintable(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)
	w.core.give(wire.Typed{Speaker: "edge1", From: wire.Commander{ID: "x", User: "al\x1b[2J\n", Host: "h"}, Seq: 1, Commands: []wire.Command{
		{Attrs: attrs(t, nh), Keys: []state.Key{desired(t, "10.0.0.0/24").Routes[0].Key}}}}, "q", w.now)
	w.settle()
	if by, want := w.advert("10.0.0.0/24").From.By, `al\u001b[2J\u000a on h ()`; by != want {
		t.Errorf("given by %q, want %q", by, want)
	}
}

// What becomes known of a route at one peer, while it is announced to another,
// does not make the journal forget for whom that is.
func TestClaimsOfWhatIsInFlightStay(t *testing.T) {
	a, b := testPeer("127.0.0.2", 65001), testPeer("127.0.0.3", 65000)
	w := leasedWorld(t, a, b)
	key := desired(t, "10.0.0.0/24").Routes[0].Key
	w.types("+ 10.0.0.0/24 " + nh + " @127.0.0.2")
	w.settle()
	a.change(key, attrs(t, nh), true)
	w.settle()
	w.exabgp.flush()
	a.change(key, attrs(t, nh), false) // it comes back by itself
	w.exabgp.flush()
	w.types("+ 10.0.0.0/24 " + nh + " @127.0.0.3")
	w.settle()
	w.boot("boot-1", "run-2")
	for _, ad := range w.replica.set.Routes.Get(key) {
		if ad.Owner != state.OwnerConsole {
			t.Errorf("after a respawn the route is of %q at %v, want %s", ad.Owner, ad.At, state.OwnerConsole)
		}
	}
	w.types("- 10.0.0.0/24")
	w.settle()
	w.holds(a)
	w.holds(b)
}

// What was sent while exaBGP refused to do the same was somebody else's doing,
// and is so all the same.
func TestSeenAndRefused(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)
	key := desired(t, "10.0.0.0/24").Routes[0].Key
	w.types("+ 10.0.0.0/24 " + nh)
	w.settle()
	w.exabgp.refuse = func(string) bool { return true }
	p.change(key, attrs(t, nh), true)
	w.exabgp.flush()
	w.types("- 10.0.0.0/24")
	w.settle()
	if adverts := w.replica.set.Routes.Get(key); len(adverts) > 0 {
		t.Errorf("the route is %+v, and is withdrawn", adverts)
	}
	p.change(key, attrs(t, nh+" med 5"), false)
	w.exabgp.flush()
	w.types("+ 10.0.0.0/24 " + nh + " med 5")
	w.settle()
	if adverts := w.replica.set.Routes.Get(key); len(adverts) != 1 || adverts[0].Attrs != attrs(t, nh+" med 5") {
		t.Errorf("the route is %+v, and was announced with med 5", adverts)
	}
}

// The answers to a long script are not all remembered; that its commands were
// carried out is, and nobody's command is carried out twice for it.
func TestAnswersAreBounded(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)
	w.desk.mute = true
	w.types("+ 10.9.0.0/24 " + nh)
	w.settle()
	keys := make([]state.Key, 3000)
	for i := range keys {
		keys[i] = state.UnicastKey(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 100, byte(i >> 8), byte(i)}), 32), 0)
	}
	for n := range int64(50) {
		w.core.give(wire.Typed{Speaker: "edge1", From: wire.Commander{ID: "script"}, Seq: n + 1, Commands: []wire.Command{{Withdraw: true, Keys: keys}}}, "q", w.now)
		w.step()
	}
	if n := w.core.typed.kept; n > answersKept {
		t.Errorf("the answers about %d routes are remembered", n)
	}
	w.core.give(wire.Typed{Speaker: "edge1", From: wire.Commander{ID: "other"}, Seq: 1, Commands: []wire.Command{
		{Withdraw: true, Keys: []state.Key{desired(t, "10.9.0.0/24").Routes[0].Key}}}}, "q", w.now)
	w.settle()
	w.desk.mute = false
	w.retype()
	w.settle()
	w.holds(p) // and not announced again
	w.now = w.now.Add(time.Hour)
	w.core.tick(w.now)
	if n := len(w.core.typed.last) + len(w.core.typed.known) + w.core.typed.kept; n > 0 {
		t.Errorf("%d things are remembered for ever", n)
	}
}

// A route of a file ends when the file says, whether or not anybody watches
// any more; one with a lease, when its commander has been silent for so long.
func TestRouteOfAFileEnds(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)
	pass := func(d time.Duration) {
		w.now = w.now.Add(d)
		w.core.tick(w.now)
		w.settle()
	}
	d := desired(t, "10.0.0.0/24 "+nh, "10.0.1.0/24 "+nh, "10.0.2.0/24 "+nh)
	d.Routes[0].Expires = w.now.Add(time.Minute).UnixMilli()
	d.Routes[1].Lease = (10 * time.Minute).Milliseconds()
	w.want(d)
	w.settle()
	w.plan(d, 0)
	if ad := w.advert("10.0.1.0/24"); ad.From.Lease != d.Routes[1].Lease || ad.Owner != "team" {
		t.Errorf("the lease is not with the route: %+v", ad)
	}

	// Another end is told, and exaBGP is not bothered with it.
	w.exabgp.wrote = nil
	d.Routes[0].Expires += time.Minute.Milliseconds()
	w.plan(d, 1)
	w.want(d)
	w.settle()
	w.plan(d, 0)
	if len(w.exabgp.wrote) > 0 {
		t.Errorf("exaBGP was told %q", w.exabgp.wrote)
	}
	pass(90 * time.Second)
	w.holds(p, "10.0.0.0/24 "+nh, "10.0.1.0/24 "+nh, "10.0.2.0/24 "+nh)
	pass(time.Minute)
	w.holds(p, "10.0.1.0/24 "+nh, "10.0.2.0/24 "+nh)
	w.exabgp.wrote = nil
	w.want(d) // by a commander whose clock is late
	w.settle()
	if len(w.exabgp.wrote) > 0 || len(w.replica.set.Refused) != 1 || w.replica.set.Refused[0].Reason != "it has expired, by the clock of the bridge" {
		t.Errorf("exaBGP was told %q; refused %+v", w.exabgp.wrote, w.replica.set.Refused)
	}
	pass(2 * expireAgain)
	if len(w.replica.set.Refused) > 0 {
		t.Errorf("refused for ever: %+v", w.replica.set.Refused)
	}

	alive := wire.Request{Kind: wire.RequestAlive, Owner: "team", From: wire.Commander{ID: "w"}}
	pass(5 * time.Minute)
	w.core.request(alive, "", w.now)
	alive.From.ID = "somebody who held it before"
	pass(9 * time.Minute)
	w.core.request(alive, "", w.now)
	w.holds(p, "10.0.1.0/24 "+nh, "10.0.2.0/24 "+nh)
	w.boot("boot-1", "run-2") // a new bridge waits for its commander anew
	pass(9 * time.Minute)
	w.holds(p, "10.0.1.0/24 "+nh, "10.0.2.0/24 "+nh)
	pass(2 * time.Minute)
	w.holds(p, "10.0.2.0/24 "+nh)
}

// A file takes over routes of others as they are, and only those that it has
// seen to be theirs.
func TestAdopt(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := newWorld(t, p)
	p.cache[desired(t, "10.9.0.0/16").Routes[0].Key] = attrs(t, nh)
	w.exabgp.sessionUp(p)
	w.boot("boot-1", "run-1")
	w.lease("team")
	w.types("+ 10.0.0.0/24 "+nh+" expires 10m", "+ 10.0.1.0/24 "+nh)
	w.settle()
	w.exabgp.wrote = nil
	adopt := func(from string, prefixes ...string) {
		var keys []state.Key
		for _, prefix := range prefixes {
			keys = append(keys, desired(t, prefix).Routes[0].Key)
		}
		w.seq++
		b := wire.Batch{Speaker: "edge1", Boot: "boot-1", Owner: "team", Epoch: w.epoch, Seq: w.seq, Adopt: []wire.Adoption{{Family: state.IPv4Unicast, From: from, Keys: keys}}}
		w.core.batch(b, ticket(w.seq))
		w.settle()
	}
	adopt(state.OwnerConsole, "10.0.0.0/24")
	adopt("", "10.9.0.0/16", "10.0.1.0/24")
	for prefix, owner := range map[string]string{"10.0.0.0/24": "team", "10.9.0.0/16": "team", "10.0.1.0/24": state.OwnerConsole} {
		if ad := w.advert(prefix); ad.Owner != owner {
			t.Errorf("%s is of %q, want %q", prefix, ad.Owner, owner)
		}
	}
	if ad := w.advert("10.0.0.0/24"); ad.From != (state.Provenance{}) {
		t.Errorf("an adopted route is still %+v", ad.From)
	}
	if len(w.exabgp.wrote) > 0 || len(w.replica.set.Refused) != 1 || !strings.Contains(w.replica.set.Refused[0].Reason, "by owner console now") {
		t.Errorf("exaBGP was told %q; refused %+v", w.exabgp.wrote, w.replica.set.Refused)
	}
	w.boot("boot-1", "run-2")
	w.lease("team")
	w.plan(desired(t, "10.0.0.0/24 "+nh, "10.9.0.0/16 "+nh), 0)
}

// What was announced by hand goes with its exaBGP if the journal, of an earlier
// release, does not say what it was; and that is said, once.
func TestByHandGoesWithExaBGP(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)
	w.types("+ 10.0.0.0/24 "+nh, "+ 10.0.1.0/24 "+nh)
	w.settle()
	for _, claims := range w.claims {
		claims[0].Value = ""
	}
	w.exabgp.restart()
	w.boot("boot-2", "run-2")
	if want := "went with it: 10.0.0.0/24, 10.0.1.0/24"; !strings.Contains(w.core.fault, want) {
		t.Errorf("the bridge says %q, want %q in it", w.core.fault, want)
	}
	w.exabgp.restart()
	w.boot("boot-3", "run-3")
	if w.core.fault != "" {
		t.Errorf("the bridge says %q, though nothing is gone", w.core.fault)
	}
}

// What was typed long ago is not carried out: whoever typed it was told that no
// answer came, and has gone, and if it was carried out then, that is forgotten.
func TestByHandTooLate(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)
	w.desk.mute = true
	n := w.types("+ 10.0.0.0/24 " + nh)
	w.settle()
	w.types("- 10.0.0.0/24")
	w.settle()
	w.desk.mute = false
	w.now = w.now.Add(answersKeptFor)
	w.core.tick(w.now)
	w.retype()
	w.answers(n, "none refused it was typed 15m0s ago, by the clock of the bridge")
	w.holds(p)
}

// A route that is not sent is reported so, also when a change of it that exaBGP
// refused was under way at the time.
func TestUnsentBehindARefusal(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := leasedWorld(t, p)
	w.types("+ 10.0.0.0/24 " + nh)
	w.settle()
	w.stick(p)
	w.exabgp.refuse = func(string) bool { return true }
	w.types("+ 10.0.0.0/24 " + nh + " med 5")
	lines := w.core.take().lines
	pass := func() {
		w.now = w.now.Add(time.Minute)
		w.core.tick(w.now)
	}
	pass()
	for _, line := range lines {
		w.exabgp.write(line)
	}
	w.settle()
	pass()
	w.settle()
	if at := w.advert("10.0.0.0/24").At; at[0].Grade != state.Unsent {
		t.Errorf("the route is %+v, want unsent", at)
	}
}
