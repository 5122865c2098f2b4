package simulation

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"routesync/state"
)

const speaker = "edge1"

// daemon is one life of exaBGP 4.2.21, as its helper and its peers see it: one
// thread that sends, reads its helper and answers in turns (reactor/loop.py).
type daemon struct {
	law   *law
	boot  string
	spawn func(*daemon) *helper // starts a helper
	ended func(*daemon)         // it has ended by itself
	ctx   context.Context
	end   context.CancelFunc
	done  chan struct{}
	wake  chan struct{}

	mu     sync.Mutex
	rng    *rand.Rand
	peers  []*neighbor
	helper *helper
	queue  []func() // commands that wait for their turn
	buffer []byte   // what was read of a line; outlives the helper that wrote it
	starts []time.Time
	lose   int // commands of which no more is heard, because parsing them raises an exception
	refuse int // commands that are answered error
	frozen time.Time
}

// helper is the process below, and its pipes.
type helper struct {
	*process
	stdin, stdout *pipe
}

func newDaemon(law *law, boot string, rng *rand.Rand, peers []*neighbor) *daemon {
	e := &daemon{law: law, boot: boot, rng: rng, peers: peers, done: make(chan struct{}), wake: make(chan struct{}, 1)}
	e.ctx, e.end = context.WithCancel(context.Background())
	return e
}

// run is the main loop.
func (e *daemon) run() {
	defer close(e.done)
	for e.ctx.Err() == nil {
		e.mu.Lock()
		if e.helper == nil {
			e.start()
		}
		busy := e.turn()
		pause := 300*time.Microsecond + time.Duration(e.rng.Int64N(int64(time.Millisecond)))
		frozen := time.Until(e.frozen)
		e.mu.Unlock()
		var later <-chan time.Time
		switch {
		case frozen > 0:
			later = time.After(frozen)
		case busy:
			sleep(e.ctx, pause)
			continue
		}
		select {
		case <-later:
		case <-e.wake:
		case <-e.ctx.Done():
		}
	}
}

// start starts a helper; the sixth in a minute of the clock ends exaBGP
// (reactor/api/processes.py, _start).
func (e *daemon) start() {
	bucket := func(t time.Time) int64 { return t.Unix() & 0xFFFFC0 }
	now := time.Now()
	e.starts = slices.DeleteFunc(e.starts, func(t time.Time) bool { return bucket(t) != bucket(now) })
	e.starts = append(e.starts, now)
	if len(e.starts) > 5 {
		e.end()
		e.ended(e)
		return
	}
	e.helper = e.spawn(e)
}

// turn does one round of the main loop and tells whether there is more to do.
func (e *daemon) turn() bool {
	if time.Now().Before(e.frozen) || e.ctx.Err() != nil {
		return false
	}
	for _, n := range e.peers {
		e.flush(n)
	}
	e.read()
	for i := 0; i < 25 && len(e.queue) > 0; i++ {
		next := e.queue[0]
		e.queue = e.queue[1:]
		next()
	}
	busy := len(e.queue) > 0 || e.helper == nil || e.helper.stdout.unread() > 0
	for _, n := range e.peers {
		busy = busy || n.up && (n.rib.pending() || len(n.eor) > 0)
	}
	return busy
}

// read takes what the helper wrote; one that is dead is replaced.
func (e *daemon) read() {
	if e.helper == nil {
		return
	}
	data, over := e.helper.stdout.take(16 << 10)
	e.buffer = append(e.buffer, data...)
	for {
		line, rest, whole := strings.Cut(string(e.buffer), "\n")
		if !whole {
			break
		}
		e.buffer = []byte(rest)
		e.command(strings.Join(strings.Fields(line), " "), e.helper.process)
	}
	if over {
		e.helper.stdin.close()
		e.helper = nil
	}
}

// say writes to the helper, whichever it is by now.
func (e *daemon) say(lines ...string) {
	if e.helper == nil || !e.helper.alive() {
		return
	}
	e.helper.stdin.put([]byte(strings.Join(lines, "\n") + "\n"))
	e.law.reads(e.helper)
}

// command takes a line: the first name in reverse alphabetical order that the
// line has counts (reactor/api/__init__.py).
func (e *daemon) command(line string, by *process) {
	names := []string{"withdraw route", "withdraw attributes", "version", "teardown", "show neighbor", "show adj-rib out", "show adj-rib in", "reset", "flush adj-rib out", "announce eor", "announce attributes"}
	for _, name := range names {
		if name != line && !strings.HasSuffix(line, " "+name) && !strings.Contains(line, name+" ") {
			continue
		}
		switch name {
		case "version":
			e.say("exabgp 4.2.21", "done")
		case "teardown":
			for _, n := range e.selected(line) {
				e.tearDown(n)
			}
			e.say("done")
		case "reset":
			e.queue = nil // it is not answered
		case "show neighbor", "show adj-rib out", "show adj-rib in":
			e.queue = append(e.queue, func() { e.show(line) })
		case "flush adj-rib out", "announce eor":
			e.established(line, name)
		default:
			if len(e.selected(line)) == 0 {
				e.say("error")
				return
			}
			e.queue = append(e.queue, func() { e.change(line, name, by) })
		}
		return
	}
	e.say("error")
}

func (e *daemon) show(line string) {
	switch {
	case line == "show neighbor 0.0.0.0 summary":
		e.say("Peer            AS        up/down state       |     #sent     #recvd")
	case line == "show neighbor configuration":
		for _, n := range e.peers {
			e.say(n.configuration()...)
		}
	case line == "show neighbor extensive":
		for _, n := range e.peers {
			e.say(n.extensive()...)
		}
	case strings.HasPrefix(line, "show adj-rib out "):
		of := strings.Fields(line)[3]
		for _, n := range e.peers {
			if of != "extensive" && !strings.Contains(n.addr.String(), of) {
				continue
			}
			if lines := n.listing(); len(lines) > 0 {
				e.say(lines...)
			}
		}
	}
	e.say("done")
}

// established gives a command to the peers that are up; if none is, it is
// refused at once.
func (e *daemon) established(line, name string) {
	up := slices.DeleteFunc(e.selected(line), func(n *neighbor) bool { return !n.up })
	if len(up) == 0 {
		e.say("error")
		return
	}
	e.queue = append(e.queue, func() {
		for _, n := range up {
			if name == "flush adj-rib out" {
				n.rib.resend()
				continue
			}
			f := state.IPv4Unicast
			if strings.Contains(line, "ipv6") {
				f = state.IPv6Unicast
			}
			n.eor = append(n.eor, f)
		}
		e.say("done")
	})
}

func (e *daemon) selected(line string) []*neighbor {
	if !strings.HasPrefix(line, "neighbor ") {
		return slices.Clone(e.peers)
	}
	var out []*neighbor
	for _, n := range e.peers {
		if strings.Contains(line, "neighbor "+n.addr.String()+" ") || strings.Contains(line, "neighbor "+n.addr.String()+",") || strings.Contains(line, "neighbor "+n.addr.String()+" ,") {
			out = append(out, n)
		}
	}
	return out
}

// change carries out an announce or a withdraw.
func (e *daemon) change(line, name string, by *process) {
	verb, form, _ := strings.Cut(name, " ")
	withdraw := verb == "withdraw"
	_, rest, _ := strings.Cut(line, name+" ")
	probe := form == "route" && strings.Contains(rest, "239.255.255.0/32")
	if probe {
		e.say("done") // of a family that no neighbor has
		return
	}
	attrs, said, keys, err := parse(rest)
	switch {
	case e.lose > 0:
		e.lose--
		e.law.turnedDown(e.selected(line), keys)
		return
	case e.refuse > 0, err != nil:
		e.refuse = max(0, e.refuse-1)
		e.law.turnedDown(e.selected(line), keys)
		e.say("error")
		return
	}
	for _, n := range e.selected(line) {
		for _, k := range keys {
			if slices.Contains(n.families, k.Family) {
				e.give(n, &change{key: k, attrs: attrs, words: said, withdraw: withdraw, by: by, at: time.Now(), up: n.up})
			}
		}
	}
	e.say("done")
}

// give puts a change into the table of a neighbor.
func (e *daemon) give(n *neighbor, c *change) {
	if c.by != nil {
		e.law.commanded(e.boot, n, c)
	}
	n.rib.add(c, false)
	e.law.changed(n, c)
}

func parse(text string) (attrs state.Attrs, said string, keys []state.Key, err error) {
	said, tail, ok := strings.Cut(text, " nlri ")
	if !ok {
		return attrs, said, nil, fmt.Errorf("%q has no nlri", text)
	}
	values := map[state.Name][]string{}
	words := strings.Fields(said)
	for i := 0; i+1 < len(words); i += 2 {
		values[state.Name(words[i])] = []string{words[i+1]}
	}
	if attrs, err = state.NewAttrs(values); err != nil {
		return attrs, said, nil, err
	}
	for word := range strings.FieldsSeq(tail) {
		p, err := netip.ParsePrefix(word)
		if err != nil || p != p.Masked() {
			return attrs, said, nil, fmt.Errorf("%q is no prefix", word)
		}
		keys = append(keys, state.UnicastKey(p, 0))
	}
	return attrs, " " + said, keys, nil
}

// flush sends some of what waits: each report goes to the helper before the
// UPDATE goes to the peer (reactor/protocol.py, new_update).
func (e *daemon) flush(n *neighbor) {
	if !n.up || time.Now().Before(n.stalled) {
		return
	}
	if len(n.rib.sending) == 0 && len(n.rib.newNLRI) > 0 {
		n.rib.begin()
	}
	if len(n.rib.sending) == 0 {
		for _, f := range n.eor {
			n.updates++
			e.say(n.eorEvent(f))
			e.law.ended(n, f)
		}
		n.eor = nil
		return
	}
	for i := 0; i < 25 && len(n.rib.sending) > 0; i++ {
		update := n.rib.sending[0]
		n.rib.sending = n.rib.sending[1:]
		e.update(n, update)
	}
	if len(n.rib.sending) == 0 {
		n.first = false
	}
}

func (e *daemon) update(n *neighbor, all []*change) {
	f := all[0].key.Family
	if !n.carries(f) {
		return
	}
	var gone, come []string
	for _, c := range all {
		word := fmt.Sprintf(`{ "nlri": "%s" }`, c.key.Prefix())
		switch {
		case !c.withdraw:
			come = append(come, word)
		case !n.first: // the first batch of a session has no withdraws (peer.py, include_withdraw)
			gone = append(gone, word)
		}
	}
	if len(gone) > 0 {
		n.updates++
		e.say(n.withdrawEvent(f, gone))
	}
	if len(come) > 0 {
		n.updates++
		e.say(n.announceEvent(f, all[0].attrs, come))
	}
	for _, c := range all {
		if !c.withdraw || !n.first {
			e.law.sent(e.boot, n, c)
		}
	}
	if len(come) > 0 && poisonous(all[0].attrs) {
		e.falls(n)
	}
}
