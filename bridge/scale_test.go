package bridge

import (
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"routesync/bridge/journal"
	"routesync/bridge/wire"
	"routesync/state"
)

// echo is exaBGP at its fastest: it takes every command of plain prefixes, and
// sends what it takes at once.
type echo struct {
	w        *world
	peer     *fakePeer
	counter  int
	commands int
}

// carryOut takes what the core wants, and gives back what exaBGP says.
func (x *echo) carryOut(e effects) []string {
	var said []string
	for _, line := range e.lines {
		head, prefixes, route := strings.Cut(line, " nlri ")
		if !route || strings.HasPrefix(line, "show") {
			x.w.exabgp.out = nil
			x.w.exabgp.write(line)
			said = append(said, x.w.exabgp.out...)
			continue
		}
		x.commands++
		said = append(said, "done")
		family := "ipv4 unicast"
		if strings.Contains(prefixes, ":") {
			family = "ipv6 unicast"
		}
		list := `[ { "nlri": "` + strings.ReplaceAll(prefixes, " ", `" }, { "nlri": "`) + `" } ]`
		update := `"attribute": { "origin": "igp", "as-path": [ 65000 ], "confederation-path": [] }, "announce": { "` + family + `": { "192.0.2.9": ` + list + ` } }`
		if strings.Contains(head, "withdraw") {
			update = `"withdraw": { "` + family + `": ` + list + ` }`
		}
		x.counter++
		said = append(said, fmt.Sprintf(`{ "exabgp": "4.0.1", "time": 1795658988.2114873, "host" : "vm", "pid" : 1, "ppid" : 1, "counter": %d, "type": "update", `+
			`"neighbor": { "address": { "local": "127.0.0.1", "peer": "%s" }, "asn": { "local": 65000, "peer": 65001 } , "direction": "send", "message": { "update": { %s } } } }`,
			x.counter, x.peer.addr, update))
	}
	return said
}

// run goes on until exaBGP and the core have nothing to say to each other.
func (x *echo) run(acked func(ticket)) {
	for {
		e := x.w.core.take()
		for _, t := range e.acks {
			acked(t)
		}
		said := x.carryOut(e)
		if len(said) == 0 && len(e.lines) == 0 {
			return
		}
		for _, line := range said {
			x.w.core.line(line, x.w.now)
		}
	}
}

func scaleKeys(n int) []state.Key {
	keys := make([]state.Key, n)
	for i := range keys {
		a := netip.AddrFrom4([4]byte{byte(11 + i>>16), byte(i >> 8), byte(i), 0})
		keys[i] = state.UnicastKey(netip.PrefixFrom(a, 24), 0)
	}
	return keys
}

// scaleWorld is a core with one peer that is up, and a lease.
func scaleWorld(t testing.TB) *echo {
	p := testPeer("127.0.0.2", 65001)
	p.up = true
	w := &world{t: t, exabgp: newFake(t, p), now: time.Unix(1_800_000_000, 0)}
	w.core = newCore(identity{Speaker: "edge1", Boot: "boot-1", Run: "run-1"}, journal.Memory{}, slog.New(slog.DiscardHandler))
	w.core.hello(w.now)
	x := &echo{w: w, peer: p}
	x.run(func(ticket) {})
	w.lease("team")
	return x
}

// give sends keys as a commander does, so many batches ahead of their answers.
func (x *echo) give(keys []state.Key, withdraw bool, ahead int) {
	all := make([]state.Change, len(keys))
	all[0].Wanted = &state.Wanted{Terms: &state.Terms{Attrs: attrs(x.w.t, "next-hop 192.0.2.9")}}
	all[0].Advert = &state.Advert{}
	if withdraw {
		all[0].Wanted = nil
	}
	for i, k := range keys {
		all[i] = all[0]
		all[i].Key = k
	}
	open := 0
	for b := range batches(all, batchFirst, batchMost) {
		x.w.seq++
		b.Speaker, b.Boot, b.Owner, b.Epoch, b.Seq = "edge1", "boot-1", "team", x.w.epoch, x.w.seq
		body, err := wire.EncodeBatch(b)
		if err != nil {
			x.w.t.Fatal(err)
		}
		if b, err = wire.DecodeBatch(body); err != nil {
			x.w.t.Fatal(err)
		}
		x.w.core.step(x.w.now)
		x.w.core.batch(b, ticket(x.w.seq))
		if open++; open == ahead {
			x.run(func(ticket) { open-- })
		}
	}
	x.run(func(ticket) {})
}

// tell has the readers told all that is new, and returns how many bytes it was.
func (x *echo) tell() int {
	n := 0
	for x.w.core.news() {
		body, err := wire.EncodeUpdate(x.w.core.update())
		if err != nil {
			x.w.t.Fatal(err)
		}
		n += len(body)
	}
	return n
}

// BenchmarkLife takes a table from nothing to nothing: announced and confirmed at
// one peer, told, copied to a new reader, idle, and withdrawn.
func BenchmarkLife(b *testing.B) {
	for _, routes := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprintf("routes=%d", routes), func(b *testing.B) {
			for range b.N {
				life(b, routes)
			}
		})
	}
}

func life(b *testing.B, routes int) {
	keys := scaleKeys(routes)
	x := scaleWorld(b)
	c := x.w.core
	before := heap()
	b.ReportAllocs()
	b.ResetTimer()
	last := b.Elapsed()
	phase := func(name string) {
		now := b.Elapsed()
		b.ReportMetric(float64((now-last).Nanoseconds())/float64(routes), name+"-ns/route")
		last = now
	}
	holds := func(n int) {
		if c.table.digest.Count != uint64(n) || c.busy() {
			b.Fatalf("%d routes, busy: %t", c.table.digest.Count, c.busy())
		}
	}
	x.give(keys, false, 16)
	holds(routes)
	phase("announce")
	told := x.tell()
	phase("tell")
	copied := 0
	for _, part := range c.snapshot() {
		body, err := wire.EncodeUpdate(part)
		if err != nil {
			b.Fatal(err)
		}
		copied += len(body)
	}
	phase("snapshot")
	commands := x.commands
	c.tick(x.w.now.Add(time.Second))
	phase("tick")
	x.w.now = x.w.now.Add(time.Minute)
	c.tick(x.w.now)
	phase("prove")
	c.tick(x.w.now.Add(time.Second))
	phase("idle")
	b.StopTimer()
	b.ReportMetric(float64(heap()-before)/float64(routes), "live-B/route")
	b.StartTimer()
	last = b.Elapsed()
	x.give(keys, true, 16)
	holds(0)
	phase("withdraw")
	b.ReportMetric(float64(told)/float64(routes), "told-B/route")
	b.ReportMetric(float64(copied)/float64(routes), "snapshot-B/route")
	b.ReportMetric(float64(commands)/float64(routes)*1000, "commands/kroute")
}

// heap is how many bytes are in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestCostOfARoute counts what does not depend on the machine. Each bound is near
// what it is, which was 35 allocations before they were counted.
func TestCostOfARoute(t *testing.T) {
	const routes = 20_000
	x := scaleWorld(t)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	x.give(scaleKeys(routes), false, 16)
	x.tell()
	commands := x.commands
	x.give(scaleKeys(routes), true, 16)
	x.tell()
	runtime.ReadMemStats(&after)
	if n := float64(after.Mallocs-before.Mallocs) / routes; n > 9 {
		t.Errorf("%.1f allocations for a route that is announced, confirmed, told and withdrawn", n)
	}
	if commands > routes/200 {
		t.Errorf("%d commands for %d routes", commands, routes)
	}
}
