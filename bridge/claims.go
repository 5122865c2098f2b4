package bridge

import (
	"fmt"
	"maps"
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

// claim writes down for whom a key is announced, and how. What exaBGP is told, or
// about to be told, is written before the fact: a withdraw too, so that a route
// does not come back with the exaBGP that was told to withdraw it. While the table
// is being read it is not known yet what all peers have: until then the journal
// stays as the bridge before left it, for the next one if this one dies.
func (c *core) claim(k state.Key) {
	if c.phase == reading {
		c.unclaimed[k] = struct{}{}
		return
	}
	claims := c.scratch[:0]
	e := c.table.entry(k)
	defer c.table.release(k, e)
	flight, coming := e.flight, e.flight
	if coming != nil && coming.accepted {
		coming = nil // the table has it
	}
	note := func(whose claimant, attrs state.Attrs, leaving, aside bool, p *peer) {
		if whose.owner == "" && c.quiet != nil {
			return
		}
		claim := journal.Claim{Owner: whose.owner, From: whose.provenance(), Value: attrs.Canonical(), Leaving: leaving, Aside: aside}
		if flight.at(p) {
			claim.Launch, claim.Spelled = flight.launch, flight.launch != 0 && flight.spelled
		} else if p.doubts.doubts(k) {
			claim.Launch = c.launches.proven + 1
		}
		claims = withClaim(claims, &claim, p.alone())
	}
	goes := func(p *peer) bool { return coming != nil && coming.withdraw && has(coming.targets, p) }
	comes := func(p *peer) bool { return coming != nil && !coming.withdraw && has(coming.targets, p) }
	for _, s := range e.slots {
		withdrawing := s.grade == state.Withdrawing
		if (!withdrawing || flight.at(s.peer) && flight.withdraw) && !comes(s.peer) {
			aside := s.aside || goes(s.peer) && coming.aside != nil
			note(s.claimant, s.asked(), withdrawing || s.leaves || goes(s.peer) && !aside, aside, s.peer)
		}
	}
	for _, p := range c.peers {
		if o := e.waiting.again(p); o != nil && e.slot(p) == nil && !comes(p) {
			note(o.claimant, o.attrs, false, false, p)
			continue
		}
		left, ours := c.quiet.left(k, p)
		if !ours { // but it may come back by itself
			left, ours = c.lost[place{k, p.Addr}]
		}
		if ours && e.slot(p) == nil && !comes(p) {
			note(left, state.Attrs{}, true, false, p)
		}
		if left, is := c.tardy[place{k, p.Addr}]; is && e.slot(p) == nil && !comes(p) {
			note(left.claimant, left.attrs, true, false, p)
		}
		if comes(p) {
			note(coming.claimant, coming.attrs, false, false, p)
		}
	}
	if len(c.away) > 0 {
		claims = c.claimsAway(k, claims)
	}
	delete(c.table.strangers, k)
	c.scratch = claims
	c.out.claims = append(c.out.claims, journal.Entry{Key: k, Claims: c.shareClaims(claims)})
}

// claimsAway are claims with those at neighbors that may come back, and the route with
// them.
func (c *core) claimsAway(k state.Key, claims []journal.Claim) []journal.Claim {
	for _, a := range slices.SortedFunc(maps.Keys(c.away), netip.Addr.Compare) {
		if left, ours := c.lost[place{k, a}]; ours {
			claims = withClaim(claims, &journal.Claim{Owner: left.owner, From: left.provenance(), Leaving: true}, []netip.Addr{a})
		}
	}
	return claims
}

// withClaim are claims with one more, at one more peer, which must not be changed.
func withClaim(claims []journal.Claim, more *journal.Claim, at []netip.Addr) []journal.Claim {
	for i := range claims {
		if x := &claims[i]; alikeButPeers(x, more) {
			x.Peers = append(x.Peers, at...)
			return claims
		}
	}
	more.Peers = at
	return append(claims, *more)
}

// shareClaims returns a copy of claims that is not to be changed: most keys have
// the same as the one before.
func (c *core) shareClaims(claims []journal.Claim) []journal.Claim {
	if !slices.EqualFunc(c.lastClaims, claims, sameClaim) {
		c.lastClaims = slices.Clone(claims)
	}
	return c.lastClaims
}

// alone is a list of nothing but the peer. It must not be changed.
func (p *peer) alone() []netip.Addr {
	if p.self == nil {
		p.self = []netip.Addr{p.Addr}
	}
	return p.self[:1:1]
}

func sameClaim(a, b journal.Claim) bool {
	return alikeButPeers(&a, &b) && slices.Equal(a.Peers, b.Peers)
}

func alikeButPeers(a, b *journal.Claim) bool {
	return a.Owner == b.Owner && a.From == b.From && a.Value == b.Value && a.Leaving == b.Leaving && a.Aside == b.Aside &&
		a.Launch == b.Launch && a.Spelled == b.Spelled
}

// claimStrangers writes down what is announced for nobody here: it is part of
// what a bridge that comes after this one has to know.
func (c *core) claimStrangers() {
	for k := range c.table.strangers {
		c.claim(k)
	}
	clear(c.table.strangers)
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
		return claimantOf(claim)
	}
	return claimant{}
}

func claimantOf(x journal.Claim) claimant {
	whose := claimant{owner: x.Owner}
	if x.From != (state.Provenance{}) {
		whose.from = &x.From
	}
	return whose
}

// reclaim takes claims out of the journal that exaBGP's table does not bear
// out: a command that was never given, or a withdraw that was. It writes others
// anew that do not say what the table does.
func (c *core) reclaim() {
	for k, claims := range c.claims {
		for _, x := range claims {
			for _, a := range x.Peers {
				if x.Owner != "" && c.findPeer(a) == nil {
					c.loseAway(k, a, claimantOf(x))
				}
			}
		}
		if c.table.entries[k] == nil || slices.ContainsFunc(claims, func(x journal.Claim) bool { return x.Value == "" || x.Leaving || c.overstates(k, x) }) {
			c.claim(k)
		}
	}
}

// asked is the value that the owner of a route gave it, which is what is
// announced again in a next life of exaBGP.
func (s *slot) asked() state.Attrs {
	if s.given != (state.Attrs{}) {
		return s.given
	}
	return s.attrs
}

// overstates tells whether a claim names a neighbor that the table has no such
// route for: the command to it was never given.
func (c *core) overstates(k state.Key, x journal.Claim) bool {
	return slices.ContainsFunc(x.Peers, func(a netip.Addr) bool {
		p := c.findPeer(a)
		return p != nil && c.table.find(k, p) == nil
	})
}

// claimedValue is the value that the journal has of a route; zero if it does not
// say.
func (c *core) claimedValue(k state.Key, p *peer) state.Attrs {
	for _, x := range c.claims[k] {
		if x.Value == "" || x.Owner == "" || !slices.Contains(x.Peers, p.Addr) {
			continue
		}
		if attrs, err := state.ParseCanonical(x.Value); err == nil {
			return attrs
		}
	}
	return state.Attrs{}
}
