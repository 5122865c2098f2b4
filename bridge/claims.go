package bridge

import (
	"fmt"
	"net/netip"
	"slices"

	"routesync/bridge/journal"
	"routesync/state"
)

// claimant is whose a route is. Routes of a file, which are many, come from
// nobody in particular.
type claimant struct {
	owner string
	from  *state.Provenance // nil unless the route was given by hand
}

func (c claimant) provenance() state.Provenance {
	if c.from == nil {
		return state.Provenance{}
	}
	return *c.from
}

// claim writes down for whom a key is announced. The claim of an announce that
// exaBGP is told, or about to be told, is made before the fact.
func (c *core) claim(k state.Key) {
	entry := journal.Entry{Key: k}
	e := c.table.entry(k)
	defer c.table.release(k, e)
	coming := e.flight
	if coming != nil && (coming.withdraw || coming.accepted) {
		coming = nil // the table has it
	}
	note := func(whose claimant, a netip.Addr) {
		if whose.owner == "" {
			return
		}
		from := whose.provenance()
		for i := range entry.Claims {
			if claim := &entry.Claims[i]; claim.Owner == whose.owner && claim.From == from {
				claim.Peers = append(claim.Peers, a)
				return
			}
		}
		entry.Claims = append(entry.Claims, journal.Claim{Owner: whose.owner, From: from, Peers: []netip.Addr{a}})
	}
	for _, s := range e.slots {
		if s.grade != state.Withdrawing && (coming == nil || !has(coming.targets, s.peer)) {
			note(s.claimant, s.peer.Addr)
		}
	}
	for _, p := range c.peers {
		if left, ours := c.quiet.left(k, p); ours && e.slot(p) == nil && (coming == nil || !has(coming.targets, p)) {
			note(left, p.Addr)
		}
	}
	if coming != nil {
		for _, p := range coming.targets {
			note(coming.claimant, p.Addr)
		}
	}
	c.out.claims = append(c.out.claims, entry)
}

// adoptRoute makes a route that somebody else announces the commander's, or says
// why not: whoever asks has seen whose it was.
func (c *core) adoptRoute(o *op, p *peer, s *slot) string {
	switch {
	case s == nil:
		return fmt.Sprintf("it is not announced at %s any more", p.Addr)
	case s.owner == o.owner:
		return ""
	case s.owner != *o.adopt:
		return fmt.Sprintf("it is announced at %s by %s now", p.Addr, OwnerName(s.owner))
	}
	mine := *s
	mine.claimant = o.claimant
	c.put(o.key, mine)
	c.claim(o.key)
	return ""
}

// claimed is whose the journal says a route is.
func (c *core) claimed(k state.Key, p *peer) claimant {
	for _, claim := range c.claims[k] {
		if !slices.Contains(claim.Peers, p.Addr) {
			continue
		}
		whose := claimant{owner: claim.Owner}
		if claim.From != (state.Provenance{}) {
			whose.from = &claim.From
		}
		return whose
	}
	return claimant{}
}

// reclaim takes claims out of the journal that exaBGP's table does not bear
// out: a command that was never given, or a withdraw that was.
func (c *core) reclaim() {
	for k := range c.claims {
		if c.table.entries[k] == nil {
			c.out.claims = append(c.out.claims, journal.Entry{Key: k})
		}
	}
}
