package bridge

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"routesync/bridge/exabgp"
	"routesync/state"
)

// phase is how much the bridge knows of its exaBGP. What comes before ready is
// read from exaBGP, never assumed: a bridge may be started again under an
// exaBGP that announces a full table.
type phase uint8

const (
	silent    phase = iota // nothing was asked yet
	asked                  // the version was asked for; what comes before it is old
	resuming               // what the bridge before knew is compared with what exaBGP counts
	reading                // neighbors and table are being read
	replaying              // what the life before had is being announced again
	ready                  // the advertised set is complete
)

const (
	askAgain = 10 * time.Second
	// lookAgain is how often exaBGP is asked for its neighbors without cause: no
	// event tells that one whose session is down was taken out of the
	// configuration, and an event may be unreadable.
	lookAgain = time.Minute
)

// hello begins the conversation with exaBGP.
func (c *core) hello(now time.Time) {
	c.step(now)
	c.waited, c.begun = now, now
	c.out.begin = true
	c.sayGone()
	if c.begins != "" {
		c.trouble(c.begins)
	}
	c.ask()
}

// sayGone says what nobody will announce again: a file's commander does so by
// itself.
func (c *core) sayGone() {
	if len(c.gone) == 0 {
		return
	}
	c.trouble("exaBGP was started again, and what was announced by hand went with it: " + named(c.gone))
	c.gone = nil
}

// named names the first of some keys, and counts the others.
func named(keys []state.Key) string {
	const most = 10
	slices.SortFunc(keys, state.CompareKeys)
	var words []string
	for _, k := range keys[:min(most, len(keys))] {
		words = append(words, k.String())
	}
	if more := len(keys) - len(words); more > 0 {
		words = append(words, fmt.Sprintf("%d more", more))
	}
	return strings.Join(words, ", ")
}

func (c *core) ask() {
	c.phase, c.askedAt, c.named, c.cleared = asked, c.now, false, false
	c.out.lines = append(c.out.lines, exabgp.Version)
}

// revisit asks again for what exaBGP did not say, and from time to time for
// what may have changed without a word.
func (c *core) revisit() {
	if c.quiet != nil && c.phase == asked {
		c.beginQuietly()
		return
	}
	if c.now.Sub(c.askedAt) < askAgain {
		return
	}
	switch {
	case c.phase == asked:
		c.trouble(c.unheard())
		c.ask()
	case c.phase == ready && c.now.Sub(c.looked) < lookAgain && c.hasYoung():
		c.askSessions()
	case c.phase == ready && c.now.Sub(c.looked) >= lookAgain:
		c.looked = c.now
		c.askNeighbors()
		if c.quiet != nil {
			c.windows.add(&exchange{line: exabgp.ShowRIB, ask: c.auditQuietly})
		}
		if c.hasUnsent() {
			c.suspect()
		}
	case c.phase == resuming && len(c.windows.out) == 0 && len(c.windows.waiting) == 0:
		c.startOver()
	case c.phase == reading && len(c.windows.out) == 0 && len(c.windows.waiting) == 0:
		c.askedAt = c.now
		c.read()
	}
}

// versionLine takes a line while the version is awaited. Everything before the
// version's own two lines was meant for the helper before this one. It may still
// be owed any number of answers, some of them to barriers; so what it gave and
// exaBGP has not done is dropped, and the version asked for once more. What was
// done shows in exaBGP's table.
func (c *core) versionLine(l exabgp.Line) {
	if l.Kind == exabgp.Text {
		if c.quiet != nil {
			c.askedAt = c.now // it has not come to its end
		}
		c.release(l.Text)
		return
	}
	if l.Kind == exabgp.Error && c.dialect.Release == "" && c.foreign == "" {
		c.out.lines = append(c.out.lines, exabgp.Version6)
	}
	if l.Kind != exabgp.Done || !c.named {
		return
	}
	c.named = false
	if !c.cleared {
		c.cleared = true
		c.out.lines = append(c.out.lines, exabgp.Reset, exabgp.Version)
		return
	}
	c.askedAt = c.now
	c.log.Info("exaBGP answers", "version", c.dialect.Release)
	if c.past.usable(c) {
		c.phase = resuming
		c.askNeighbors()
		return
	}
	c.startOver()
}

// release takes what may be exaBGP's word on its release.
func (c *core) release(text string) {
	v, ok := exabgp.ParseVersion(text)
	if ok {
		c.dialect, c.foreign, c.named = exabgp.DialectOf(v), "", true
		if !c.dialect.Answers() {
			c.befriend()
		}
		return
	}
	if !ok {
		v, ok = exabgp.ParseVersion6(text)
	}
	if ok && c.dialect.Release == "" && c.foreign == "" {
		c.foreign = v
		c.trouble(c.unheard())
	}
}

// speakerLacks is what exaBGP as a whole is short of.
func (c *core) speakerLacks() []string {
	if c.quiet != nil {
		return append(slices.Clone(c.lacks), c.dialect.String()+unsaidLack)
	}
	lacks := slices.Clone(c.lacks)
	if c.amnesia != "" {
		lacks = append(lacks, c.amnesia)
	}
	if c.audits.skipped != "" {
		lacks = append(lacks, c.audits.skipped)
	}
	if c.foreign != "" {
		lacks = append(lacks, c.unheard())
	}
	return lacks
}

// unheard says why exaBGP can't be talked to.
func (c *core) unheard() string {
	if c.foreign != "" {
		return "exaBGP " + c.foreign + " speaks another version of its API: set exabgp_api_version=4 in its environment"
	}
	return "exaBGP does not answer; is exabgp.api.ack on, and is this process its helper?"
}

// read asks for all that there is to know before the set is complete.
func (c *core) read() {
	c.askNeighbors()
	c.windows.add(&exchange{line: exabgp.ShowRIB, ask: c.learnTable})
}

// learnTable takes the answer to "show adj-rib out extensive". It is what
// exaBGP was told, by whoever; the journal says which of it was for whom.
func (c *core) learnTable(body []string, ok bool) {
	if !ok {
		c.trouble("exaBGP does not show its table; the bridge can't say what is advertised")
		return
	}
	if !c.met {
		return // whose table it is is not known; all is asked for again
	}
	if c.quiet != nil {
		c.remember()
	}
	unknown := 0
	for _, line := range body {
		r, err := c.dialect.ParseRIB(line)
		if err != nil {
			unknown++
			c.log.Debug("a line of exaBGP's table", "line", line, "error", err)
			continue
		}
		p := c.findPeer(r.Peer)
		if p == nil || p.resumed || c.quiet != nil && c.table.find(r.Key, p) != nil {
			continue
		}
		s := slot{peer: p, claimant: c.claimed(r.Key, p), attrs: r.Attrs}
		if given := c.claimedValue(r.Key, p); given != (state.Attrs{}) && given != r.Attrs && !p.Same(r.Key.Family, r.Attrs, given) {
			s.given = given
		}
		s.grade, s.reason = c.expect(r.Key, p)
		if old := c.table.find(r.Key, p); old != nil && old.grade == state.Sent && old.attrs == r.Attrs {
			s.grade = state.Sent
		}
		c.put(r.Key, s)
	}
	if unknown > 0 {
		c.log.Info("exaBGP's table has routes that routesync can't name; they are left alone", "routes", unknown)
	}
	c.recallLatecomers()
	c.recallAside()
	c.reclaim()
	c.claims = nil
	c.log.Info("exaBGP's table is read", "routes", c.table.digest.Count, "peers", len(c.peers))
	c.beginReplay()
}

// prove has exaBGP send again what this bridge has not seen it send, because a
// bridge before it may have: the peer gets UPDATEs that change nothing, and the
// reports of them prove what it holds.
func (c *core) prove() { c.proveAt(c.peers...) }

func (c *core) proveAt(peers ...*peer) {
	var at []netip.Addr
	for _, p := range peers {
		switch {
		case !p.up || p.resumed || !c.hasUnproven(p):
		case p.FlushResets():
			c.log.Warn("what this peer holds can't be proven until its session restarts", "peer", p.Addr)
		default:
			p.heard, p.unsettled, p.resent = c.now, true, c.now
			at = append(at, p.Addr)
		}
	}
	c.flush(at...)
}

// flush has exaBGP send peers everything again.
func (c *core) flush(peers ...netip.Addr) {
	if len(peers) == 0 {
		return
	}
	down := func() bool {
		return !slices.ContainsFunc(peers, func(a netip.Addr) bool { p := c.findPeer(a); return p != nil && p.up })
	}
	for _, line := range c.dialect.Flush(peers...) {
		c.windows.add(&exchange{line: line, void: down, ask: func([]string, bool) {}})
	}
}

func (c *core) hasUnproven(p *peer) bool {
	for _, e := range c.table.entries {
		s := e.slot(p)
		switch {
		case s == nil:
		case s.grade == state.Accepted:
			return true
		case s.grade == state.Unsent && s.reason == unsentReason: // said before exaBGP had anything to send
			return true
		}
	}
	return false
}
