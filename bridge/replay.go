package bridge

import (
	"net/netip"
	"slices"
	"time"

	"routesync/bridge/journal"
	"routesync/state"
)

// replay is the announcement of what was confirmed in the life of exaBGP
// before, from the journal: nobody else need be there. Until exaBGP has taken
// it, nobody commands.
type replay struct {
	before []journal.Entry
	open   int // routes that exaBGP has not answered for
}

// shelved is what the journal has of lives of exaBGP that ended.
func shelved(memory journal.Memory, boot string) []journal.Entry {
	if memory.Boot == boot {
		return memory.Before
	}
	last := make(map[state.Key]bool, len(memory.Entries))
	for _, e := range memory.Entries {
		last[e.Key] = true
	}
	left := slices.DeleteFunc(slices.Clone(memory.Before), func(e journal.Entry) bool { return last[e.Key] })
	return append(left, memory.Entries...)
}

// beginReplay announces again what the journal has of the life before, where
// that may still be.
func (c *core) beginReplay() {
	c.phase = replaying
	for k := range c.unclaimed {
		c.claim(k)
	}
	clear(c.unclaimed)
	c.replay.open = 1 // until all of them have begun
	c.outdated()
	for _, e := range c.replay.before {
		for i := range e.Claims {
			c.announceAgain(e.Key, &e.Claims[i])
		}
	}
	c.giveAgain()
	if n := c.replay.open - 1; n > 0 {
		c.log.Info("announcing again what exaBGP does not have any more", "routes", n)
	}
	c.replay.answered(c)
}

// announceAgain begins the replay of one claim. What was to be withdrawn, or has
// come to its end meanwhile, is not revived.
func (c *core) announceAgain(k state.Key, claim *journal.Claim) {
	if claim.Leaving || claim.Value == "" || claim.Owner == "" {
		return
	}
	attrs, err := state.ParseCanonical(claim.Value)
	if err != nil {
		c.log.Warn("not announced again", "route", k.String(), "owner", claim.Owner, "reason", err)
		return
	}
	whose := claimant{owner: claim.Owner}
	if claim.From != (state.Provenance{}) {
		whose.from = &claim.From
	}
	if c.expired(&slot{claimant: whose}) {
		c.log.Info("not announced again, for it has expired", "route", k.String(), "owner", claim.Owner)
		return
	}
	peers := slices.DeleteFunc(slices.Clone(claim.Peers), func(a netip.Addr) bool { return c.findPeer(a) == nil })
	if len(peers) == 0 {
		return // they are no neighbors any more
	}
	c.replay.open++
	c.enqueue(&op{key: k, attrs: attrs, claimant: whose, peers: peers, replay: true})
}

// answered counts a route as answered, and opens the bridge to commands behind
// the last.
func (r *replay) answered(c *core) {
	if r.open--; r.open > 0 {
		return
	}
	if len(r.before) > 0 {
		c.out.replayed = true
		r.before = nil
	}
	c.open()
}

// open begins what had to wait until it was known what is advertised.
func (c *core) open() {
	c.phase, c.aboutNews, c.audits.ended = ready, true, c.now
	c.log.Info("what is advertised is known", "routes", c.table.digest.Count, "since", c.now.Sub(c.begun).Round(time.Millisecond))
	c.sayBanned()
	c.prove()
	for _, begin := range c.early { // it waits for what is proven
		begin()
	}
	c.early = nil
	for _, p := range c.peers {
		p.resumed = false
	}
	c.askReceived()
}

// heardOf is when the commander of an owner last gave a sign of life, as far as
// that is known.
func (c *core) heardOf(owner string) time.Time {
	if l := c.leases[owner]; l != nil {
		return later(l.heard, l.kept)
	}
	if c.phase == replaying {
		return c.watches.lastHeard(owner) // however long exaBGP was gone
	}
	return c.begun
}
