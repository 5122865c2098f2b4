package bridge

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"routesync/state"
)

// fakeExaBGP is as much of exaBGP as the core sees: it answers lines, keeps
// an Adj-RIB-Out for each neighbor and reports what it sends. Its table and what
// its peers hold are the truth that tests compare with.
type fakeExaBGP struct {
	t testing.TB
	// release is what it speaks, that of 4.2 if none is set. "6" is 6.0 with its
	// own API, and "3.4.8" answers nothing.
	release string
	peers   []*fakePeer
	out     []string // for the helper
	wrote   []string // route commands that came
	given   []string // all lines
	// lose tells whether the answer to a command is lost, and the command with
	// it: exaBGP 4.2 gives none when parsing raises an unexpected exception.
	lose func(line string) bool
	// refuse tells whether a command is answered with error.
	refuse    func(line string) bool
	garble    string               // a question that is answered error
	hide      func(state.Key) bool // what is never sent
	stuck     bool                 // no peer takes anything
	now       time.Time            // for what a peer does by itself
	clock     func() time.Time     // nil if sessions have no age
	uncounted bool                 // exaBGP does not count what it sends
	// listing is what is left of the answer to a question for what was received,
	// which comes piece by piece, and behind it what was asked since.
	listing, behind []string
}

// add makes a neighbor as a new configuration does.
func (f *fakeExaBGP) add(p *fakePeer) *fakePeer {
	p.cache, p.holds, p.negotiated = map[state.Key]state.Attrs{}, map[state.Key]state.Attrs{}, p.families
	p.seen = map[state.Key]state.Attrs{}
	f.peers = append(f.peers, p)
	return p
}

type fakePeer struct {
	addr       netip.Addr
	localAS    uint32
	peerAS     uint32
	families   []state.Family
	negotiated []state.Family
	noAPI      bool
	seen       map[state.Key]state.Attrs // what 3.4 lists: sent in this session, or put away in the last
	receives   bool
	received   map[state.Key]state.Attrs // exaBGP's Adj-RIB-In
	up         bool
	cache      map[state.Key]state.Attrs // exaBGP's Adj-RIB-Out
	holds      map[state.Key]state.Attrs // what the peer has
	pending    []change
	fresh      bool               // nothing was sent in this session yet
	spelled    map[state.Key]bool // in whose words something is that goes without saying
	hidden     map[state.Key]bool // in the cache, and not listed or sent again

	manualEOR bool
	graceful  bool                      // it keeps what it has when the session ends, until the end-of-RIB
	stale     map[state.Key]state.Attrs // and was not announced again
	dropped   []state.Key               // at an end-of-RIB
	ended     []state.Family            // of which there was one in this session
	updates   int                       // that were sent in this session
	began     time.Time                 // when it came up
	poison
}

type change struct {
	key      state.Key
	withdraw bool
	eor      state.Family // the end-of-RIB of a family, and no route
}

func newFake(t testing.TB, peers ...*fakePeer) *fakeExaBGP {
	for _, p := range peers {
		p.cache, p.holds = map[state.Key]state.Attrs{}, map[state.Key]state.Attrs{}
		p.seen = map[state.Key]state.Attrs{}
		if p.negotiated == nil {
			p.negotiated = p.families
		}
	}
	return &fakeExaBGP{t: t, peers: peers}
}

func testPeer(addr string, peerAS uint32) *fakePeer {
	return &fakePeer{addr: netip.MustParseAddr(addr), localAS: 65000, peerAS: peerAS, families: []state.Family{state.IPv4Unicast, state.IPv6Unicast}}
}

func (f *fakeExaBGP) say(lines ...string) { f.out = append(f.out, lines...) }

func (f *fakeExaBGP) write(line string) {
	line = strings.TrimSpace(line)
	f.given = append(f.given, line)
	switch {
	case len(f.listing) > 0:
		f.behind = append(f.behind, line)
	case f.garble != "" && line == f.garble:
		f.say("error")
	case f.release == "3.4.8":
		f.writeSilent(line)
	case f.release == "6" && line == "system version":
		f.say(`{"version": "6.0.0", "application": "exabgp"}`, "done")
	case f.release == "6":
		f.say("error")
	case line == "reset":
		if f.sixth() {
			f.say("done")
		}
	case line == "version":
		f.say("exabgp "+cmp.Or(f.release, "4.2.21"), "done")
	case line == "show neighbor 0.0.0.0 summary":
		header := "Peer            AS        up/down state       |     #sent     #recvd"
		if f.sixth() {
			header += "    #pfx_in"
		}
		f.say(header, "done")
	case line == "show neighbor configuration":
		for _, p := range f.peers {
			f.say(p.configuration()...)
		}
		f.say("done")
	case line == "show neighbor extensive":
		for _, p := range f.peers {
			f.say(f.indented(f.extensive(p))...)
		}
		f.say("done")
	case strings.HasPrefix(line, "show adj-rib out ") && strings.HasSuffix(line, "extensive"):
		_, of, _ := strings.Cut(strings.TrimSuffix(line, " extensive"), "show adj-rib out ")
		if line == "show adj-rib out extensive" {
			of = ""
		}
		for _, p := range f.peers {
			if !strings.Contains(p.addr.String()+" ", of) {
				continue
			}
			for _, k := range p.shown() {
				f.say(fmt.Sprintf("neighbor %s local-ip 127.0.0.1 local-as %d peer-as %d router-id 1.1.1.1 family-allowed in-open %s %s%s",
					p.addr, p.localAS, p.peerAS, k.Family, k, words(p.cache[k])))
			}
		}
		f.say("done")
	case line == "show adj-rib in extensive":
		f.listReceived()
	case f.sixth() && strings.HasPrefix(line, "flush adj-rib out"): // whatever comes behind it
		for _, p := range f.peers {
			p.resend()
		}
		f.say("done")
	case strings.HasSuffix(line, "flush adj-rib out") && !f.sixth():
		if f.release == "" && !slices.ContainsFunc(f.selected(line), func(p *fakePeer) bool { return p.up }) {
			if !f.tells("down") {
				f.t.Fatalf("exaBGP ends itself at %q", line)
			}
			// The session fell while the command was on its way, which nobody can
			// know: that is a limit of it (see README).
			f.say("error")
			return
		}
		for _, p := range f.selected(line) {
			p.resend()
		}
		f.say("done")
	case strings.HasSuffix(line, " teardown 4"):
		for _, p := range f.selected(line) {
			f.resets(p)
		}
		f.say("done")
	case strings.Contains(line, " announce eor "):
		f.endOfRIB(line)
	case strings.Contains(line, "239.255.255.0/32"):
		if len(f.selected(line)) == 0 {
			f.say("error")
			return
		}
		f.say("done")
	default:
		f.route(line)
	}
}

// tells tells whether the bridge has not read yet that a session is in a state.
func (f *fakeExaBGP) tells(state string) bool {
	return slices.ContainsFunc(f.out, func(line string) bool { return strings.Contains(line, `"state":"`+state+`"`) })
}

func (f *fakeExaBGP) sixth() bool { return strings.HasPrefix(f.release, "6") }

// resolved is what a route is to exaBGP before it looks at what it has.
func (f *fakeExaBGP) resolved(a state.Attrs) state.Attrs {
	if f.release != "" && a.NextHop() == "self" {
		a, _ = a.With(state.NextHop, []string{"127.0.0.1"})
	}
	return a
}

// indented is a listing of sessions as the release has it.
func (f *fakeExaBGP) indented(lines []string) []string {
	for i, line := range lines {
		switch heading := len(line) > 2 && line[:2] == "  " && line[2] != ' '; {
		case heading && f.release != "", f.sixth() && strings.HasPrefix(line, "   "):
			lines[i] = "    " + strings.TrimLeft(line, " ")
		}
	}
	return lines
}

func (f *fakeExaBGP) selected(line string) []*fakePeer {
	var out []*fakePeer
	for _, p := range f.peers {
		named := strings.Contains(line+" ", "neighbor "+p.addr.String()+" ") || strings.Contains(line, "neighbor "+p.addr.String()+",")
		if !p.noAPI && (named || !strings.HasPrefix(line, "neighbor")) {
			out = append(out, p)
		}
	}
	return out
}

func (f *fakeExaBGP) route(line string) {
	f.wrote = append(f.wrote, line)
	if f.lose != nil && f.lose(line) {
		return
	}
	if f.refuse != nil && f.refuse(line) {
		if f.sixth() {
			f.say("error: Unexpected error: it is refused")
		}
		f.say("error")
		return
	}
	if len(f.selected(line)) == 0 {
		f.say("error")
		return
	}
	_, command, _ := strings.Cut(" "+line, "nnounce attributes ")
	withdraw := strings.Contains(line, "withdraw attributes ")
	if withdraw {
		_, command, _ = strings.Cut(line, "withdraw attributes ")
	}
	attrs, nlri := f.parse(line, command)
	attrs = f.resolved(attrs)
	for _, p := range f.selected(line) {
		for _, k := range nlri {
			if !slices.Contains(p.families, k.Family) {
				continue
			}
			p.say(k, strings.Contains(command, " local-preference 100 ") || strings.Contains(command, " origin igp "))
			p.change(k, attrs, withdraw)
		}
	}
	f.say("done")
}

// say notes the words of a command: to exaBGP other words are other attributes.
func (p *fakePeer) say(k state.Key, spelled bool) {
	if p.spelled == nil {
		p.spelled = map[state.Key]bool{}
	}
	if p.spelled[k] != spelled {
		delete(p.cache, k)
	}
	p.spelled[k] = spelled
}

func (p *fakePeer) change(k state.Key, attrs state.Attrs, withdraw bool) {
	if withdraw {
		delete(p.cache, k)
		delete(p.hidden, k)
		p.pending = append(p.pending, change{key: k, withdraw: true})
		return
	}
	if p.cache[k] == attrs {
		return // cache hit: nothing is sent
	}
	p.cache[k] = attrs
	delete(p.hidden, k) // what takes the place of what is hidden is not (rib/cache.py, update_cache)
	p.pending = append(p.pending, change{key: k})
}

func (f *fakeExaBGP) parse(line, command string) (state.Attrs, []state.Key) {
	head, tail, _ := strings.Cut(command, " nlri ")
	values := map[state.Name][]string{}
	var name state.Name
	for _, w := range strings.Fields(strings.NewReplacer("[", "", "]", "").Replace(head)) {
		if slices.Contains(state.Names(), state.Name(w)) {
			name = state.Name(w)
			continue
		}
		values[name] = append(values[name], w)
	}
	attrs, err := state.NewAttrs(values)
	if err != nil {
		f.t.Fatalf("exaBGP was given %q: %v", line, err)
	}
	var keys []state.Key
	for _, w := range strings.Fields(tail) {
		prefix, err := state.ParsePrefix(w)
		if err != nil {
			f.t.Fatalf("exaBGP was given %q: %v", line, err)
		}
		keys = append(keys, state.UnicastKey(prefix, 0))
	}
	return attrs, keys
}

func words(a state.Attrs) string {
	var b strings.Builder
	b.WriteString(" next-hop " + a.NextHop())
	for n, v := range a.All() {
		if n != state.NextHop {
			b.WriteString(" " + string(n) + " " + strings.Join(v, " "))
		}
	}
	return b.String()
}

// flush sends what is pending to the peers that are up, as a later turn of
// exaBGP's loop does.
func (f *fakeExaBGP) flush() {
	f.list(2)
	for _, p := range f.peers {
		if !p.up || f.stuck {
			continue
		}
		pending := p.pending
		p.pending, p.writes = nil, len(pending)
		for _, c := range pending {
			if f.fails(p, c) {
				break
			}
			f.send(p, c)
		}
		if len(pending) > 0 {
			p.fresh = false
		}
	}
}

func (f *fakeExaBGP) send(p *fakePeer, c change) {
	if c.eor != 0 {
		p.end(c.eor)
		afi, safi, _ := strings.Cut(c.eor.String(), " ")
		p.updates++
		f.say(p.envelope("update", map[string]any{"direction": "send", "message": map[string]any{"eor": map[string]any{"afi": afi, "safi": safi}}}))
		return
	}
	if !slices.Contains(p.negotiated, c.key.Family) || f.hide != nil && f.hide(c.key) {
		return
	}
	nlri := []map[string]string{{"nlri": c.key.Prefix().String()}}
	if c.withdraw {
		if p.fresh {
			return // the first batch of a session has no withdraws
		}
		delete(p.holds, c.key)
		p.withdrew++
		f.swallowWithdraw(p, c.key)
		delete(p.stale, c.key)
		if f.release == "3.4.8" {
			delete(p.seen, c.key)
			return
		}
		f.event(p, map[string]any{"withdraw": map[string]any{c.key.Family.String(): nlri}})
		return
	}
	attrs, ok := p.cache[c.key]
	if !ok {
		return
	}
	p.holds[c.key] = attrs
	delete(p.stale, c.key)
	if f.release == "3.4.8" {
		p.seen[c.key] = attrs
		return
	}
	block := map[string]any{"origin": "igp"}
	if p.localAS != p.peerAS {
		block["as-path"] = []uint32{p.localAS}
		if f.release != "" {
			block["as-path"] = map[string]any{"0": map[string]any{"element": "as-sequence", "value": []uint32{p.localAS}}}
		}
	} else {
		block["local-preference"] = 100
	}
	for n, v := range attrs.All() {
		switch n {
		case state.MED:
			block["med"] = json.Number(v[0])
		case state.Community:
			var list [][]json.Number
			for _, x := range v {
				a, b, _ := strings.Cut(x, ":")
				list = append(list, []json.Number{json.Number(a), json.Number(b)})
			}
			block["community"] = list
		}
	}
	f.event(p, map[string]any{"attribute": block, "announce": map[string]any{c.key.Family.String(): map[string]any{attrs.NextHop(): nlri}}})
	f.swallow(p, c.key, attrs)
}

func (f *fakeExaBGP) event(p *fakePeer, update map[string]any) {
	if !f.uncounted {
		p.updates++
	}
	f.say(p.envelope("update", map[string]any{"direction": "send", "message": map[string]any{"update": update}}))
}

func (p *fakePeer) envelope(kind string, more map[string]any) string {
	n := map[string]any{
		"address": map[string]any{"local": "127.0.0.1", "peer": p.addr.String()},
		"asn":     map[string]any{"local": p.localAS, "peer": p.peerAS},
	}
	maps.Copy(n, more)
	b, err := json.Marshal(map[string]any{"type": kind, "pid": 1, "ppid": 1, "neighbor": n})
	if err != nil {
		panic(err)
	}
	return `{ "exabgp": "4.0.1", ` + string(b[1:])
}

func (f *fakeExaBGP) sessionUp(p *fakePeer) {
	if f.release == "3.4.8" {
		p.resurrect()
	}
	p.up, p.fresh, p.ended, p.updates, p.began = true, true, nil, 0, f.time()
	p.keepStale()
	p.received = map[state.Key]state.Attrs{} // not when the session goes down
	f.say(p.envelope("state", map[string]any{"state": "up"}))
	p.pending = nil
	p.resend()
}

// shown are the routes that exaBGP lists, and sends again.
func (p *fakePeer) shown() []state.Key {
	shown := slices.SortedFunc(maps.Keys(p.cache), state.CompareKeys)
	return slices.DeleteFunc(shown, func(k state.Key) bool { return p.hidden[k] })
}

func (p *fakePeer) resend() {
	for _, k := range p.shown() {
		p.pending = append(p.pending, change{key: k})
	}
}

func (f *fakeExaBGP) sessionDown(p *fakePeer) { f.sessionLost(p, "peer reset") }

func (f *fakeExaBGP) sessionLost(p *fakePeer, reason string) {
	p.up, p.pending = false, nil
	p.keepStale()
	f.say(p.envelope("state", map[string]any{"state": "down", "reason": reason}))
}

func (p *fakePeer) configuration() []string {
	lines := []string{
		"neighbor " + p.addr.String() + " {", "  router-id 1.1.1.1;", "  local-address 127.0.0.1;",
		fmt.Sprintf("  local-as %d;", p.localAS), fmt.Sprintf("  peer-as %d;", p.peerAS),
		"  adj-rib-in true;", "  adj-rib-out true;", fmt.Sprintf("  manual-eor %t;", p.manualEOR), "  capability {", "    asn4 enable;", "    route-refresh disable;", "    add-path disable;", "  }", "  family {",
	}
	if p.graceful {
		lines = slices.Insert(lines, len(lines)-2, "    graceful-restart 120;")
	}
	for _, fam := range p.families {
		lines = append(lines, "    "+fam.String()+";")
	}
	lines = append(lines, "  }")
	if !p.noAPI {
		lines = append(lines, "  api {", "    processes [ routesync ];", "    neighbor-changes;", "    send {", "      parsed;", "      update;", "    }")
		if p.receives {
			lines = append(lines, "    receive {", "      parsed;", "      update;", "    }")
		}
		lines = append(lines, "  }")
	}
	return append(lines, "}")
}

func (f *fakeExaBGP) time() time.Time {
	if f.clock == nil {
		return time.Time{}
	}
	return f.clock()
}

func (f *fakeExaBGP) extensive(p *fakePeer) []string {
	stateWord, since := "IDLE", "   down for                     0:00:03"
	if age := int(f.time().Sub(p.began).Seconds()); p.up && age > 0 { // 0 is taken for none (command/neighbor.py, extensive)
		stateWord, since = "ESTABLISHED", fmt.Sprintf("   up for                       %d:%02d:%02d", age/3600, age/60%60, age%60)
	} else if p.up {
		stateWord = "ESTABLISHED"
	}
	lines := []string{"Neighbor " + p.addr.String(), "", "  Session                         Local",
		"   local                      127.0.0.1", "   state                    " + stateWord, since, "",
		"  Setup                           Local          Remote", "   AS                             65000           65001",
		"  Capability                      Local          Remote", "   asn4:                        enabled         enabled", "",
		"  Families                        Local          Remote        Add-Path"}
	for _, fam := range p.families {
		remote := "n/a"
		if p.up {
			remote = "disabled"
			if slices.Contains(p.negotiated, fam) {
				remote = "enabled"
			}
		}
		lines = append(lines, fmt.Sprintf("   %-20s %15s %15s %15s", fam.String()+":", "enabled", remote, "disabled"))
	}
	return append(lines, "", "  Message Statistic                Sent        Received",
		fmt.Sprintf("   %-20s %15d %15d %15s", "update:", p.updates, 0, ""), "")
}
