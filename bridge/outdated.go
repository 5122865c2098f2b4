package bridge

import (
	"maps"
	"net/netip"
	"slices"

	"routesync/bridge/journal"
	"routesync/bridge/wire"
	"routesync/state"
)

// outdated puts what was before a trial in the place of what it changed, in what is
// to be announced again to a new exaBGP, if its time is over.
func (c *core) outdated() {
	for _, owner := range slices.Sorted(maps.Keys(c.trials)) {
		t := c.trials[owner]
		if c.waitsOn(t) || c.idle(t) {
			continue
		}
		if !c.record(t).Reverting {
			c.beginRevert(t, wire.Commander{})
		}
		if len(c.replay.before) > 0 {
			c.replay.before = t.instead(c.replay.before)
		}
	}
}

// instead is entries as they would be without the trial.
func (t *trial) instead(entries []journal.Entry) []journal.Entry {
	seen := make(map[state.Key]struct{}, len(t.before))
	out := make([]journal.Entry, 0, len(entries))
	for _, e := range entries {
		before, changed := t.before[e.Key]
		if changed {
			seen[e.Key] = struct{}{}
			e.Claims = t.claimsInstead(e.Claims, before)
		}
		out = append(out, e)
	}
	for _, k := range t.keys() {
		if _, is := seen[k]; !is {
			out = append(out, journal.Entry{Key: k, Claims: t.before[k]})
		}
	}
	return out
}

func (t *trial) claimsInstead(claims, before []journal.Claim) []journal.Claim {
	changed := func(a netip.Addr) bool {
		return slices.ContainsFunc(before, func(x journal.Claim) bool { return slices.Contains(x.Peers, a) })
	}
	var out []journal.Claim
	taken := map[netip.Addr]bool{} // by somebody else meanwhile
	for _, x := range claims {
		if x.Owner == t.owner {
			x.Peers = slices.DeleteFunc(slices.Clone(x.Peers), changed)
		} else if x.Value != "" && !x.Leaving {
			for _, a := range x.Peers {
				taken[a] = true
			}
		}
		if len(x.Peers) > 0 {
			out = append(out, x)
		}
	}
	for _, x := range before {
		if x.Peers = slices.DeleteFunc(slices.Clone(x.Peers), func(a netip.Addr) bool { return taken[a] }); len(x.Peers) > 0 {
			out = append(out, x)
		}
	}
	return out
}
