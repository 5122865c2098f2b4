package guard

import (
	"fmt"
	"strconv"
	"strings"

	"routesync/state"
)

// withdrawals are what there is against what goes.
func (t *tally) withdrawals(p *state.Policy) []Finding {
	all := []Finding{}
	if f, over := exceeds(state.RuleWithdraw, "", &t.gone, t.before, p.MaxWithdraw); over {
		all = append(all, f)
	}
	for _, g := range t.grounds {
		if f, over := t.dark(g, "", p.MaxWithdrawSpace); over {
			all = append(all, f)
		}
		if g.rest == nil {
			continue
		}
		if f, over := t.dark(g.rest, ", but for default routes,", p.MaxWithdrawSpace); over {
			all = append(all, f)
		}
	}
	for _, tag := range t.inOrder() {
		if f, over := t.tagged(tag, p); over {
			all = append(all, f)
		}
	}
	for _, peer := range t.atPeers() {
		x := t.peers[peer]
		limit, own := p.Peer(peer)
		if !own && x.before == t.before && x.leaving.Count == t.gone.Count {
			continue // the same routes by the same limit: that was said
		}
		if f, over := exceeds(state.RuleWithdrawPeer, " at peer "+peer.String(), &x.leaving, x.before, limit); over {
			all = append(all, f)
		}
	}
	return all
}

// exceeds is the finding if more routes go than may.
func exceeds(rule state.Rule, which string, leaving *Finding, before int, limit state.Limit) (Finding, bool) {
	most := limit.Of(before)
	if limit.Off() || leaving.Count <= most {
		return Finding{}, false
	}
	f := *leaving
	f.Rule = rule
	f.Text = fmt.Sprintf("%d of %d routes%s would be withdrawn (%s); at most %d may be (max-withdraw: %s)",
		f.Count, before, which, percent(share(float64(f.Count), float64(before))), most, limit)
	return f, true
}

// tagged judges what goes of a tag. Routes whose tags are not known count for a tag
// that has a rule of its own.
func (t *tally) tagged(tag string, p *state.Policy) (Finding, bool) {
	x := t.tags[tag]
	bounds, own := p.Tag(tag)
	limit := p.MaxWithdraw
	if bounds.MaxWithdraw != nil {
		limit = *bounds.MaxWithdraw
	}
	leaving, before, doubt := x.leaving, x.before, ""
	if own {
		leaving, before, doubt = t.doubted(x)
	} else if x.before == t.before && x.leaving.Count == t.gone.Count {
		return Finding{}, false // the same routes by the same limit: that was said
	}
	f, over := exceeds(state.RuleWithdrawTag, " of tag "+tag, &leaving, before, limit)
	f.Text += doubt
	return f, over
}

// doubted is what goes of a tag if all of which that is not known are of it.
func (t *tally) doubted(x *count) (leaving Finding, before int, doubt string) {
	leaving, before = x.leaving, x.before
	if t.unknown.Count == 0 {
		return leaving, before, ""
	}
	leaving.Count += t.unknown.Count
	leaving.Routes = append(leaving.Routes[:len(leaving.Routes):len(leaving.Routes)], t.unknown.Routes...)
	leaving.Routes = leaving.Routes[:min(Shown, len(leaving.Routes))]
	return leaving, before + t.unknown.Count, fmt.Sprintf("; the tags of %d of them are not known, and they count", t.unknown.Count)
}

// dark judges the address space that goes. Of few routes one may always go, if it
// is not most of the space.
func (t *tally) dark(g *ground, but string, limit state.Limit) (Finding, bool) {
	const rounding = 1 + 1e-9 // of the sums
	lost := max(0, g.total-g.left)
	if limit.Off() || lost*state.Whole <= g.total*float64(limit.Share)*rounding {
		return Finding{}, false
	}
	if limit.Share > 0 && lost*float64(g.routes) <= g.total*rounding {
		return Finding{}, false
	}
	f := Finding{Rule: state.RuleWithdrawSpace, Text: fmt.Sprintf(
		"%s of the address space announced in %s%s would go dark (%s); at most %s may (max-withdraw-space: %s)",
		percent(share(lost, g.total)), g.family, but, addresses(lost, g.family), percent(g.most(limit)), limit)}
	for i := range t.c.Plan.Changes {
		if x := &t.c.Plan.Changes[i]; x.Key.Family == g.family && x.Op() == state.Withdraw && !t.c.expired(x.Advert) {
			f.add(x.Key)
		}
	}
	return f, true
}

// most is the share that may go dark.
func (g *ground) most(limit state.Limit) float64 {
	share := float64(limit.Share) / state.Whole
	if limit.Share > 0 {
		share = max(share, 1/float64(max(1, g.routes)))
	}
	return share
}

// addresses is a piece of address space for people: how many prefixes of a usual
// length it is.
func addresses(n float64, f state.Family) string {
	unit, length := float64(1<<8), 24
	if f.Is6() {
		unit, length = size48, 48
	}
	return fmt.Sprintf("%s times a /%d", number(n/unit), length)
}

// size48 is how many addresses an IPv6 /48 has.
const size48 = 1 << 80

// percent is a share for people. What is not all is not 100%.
func percent(share float64) string {
	text := number(share * 100)
	if text == "100" && share < 1 {
		return "over 99.99%"
	}
	return text + "%"
}

// number is a number with two decimals, or with as many as it takes to see it.
func number(n float64) string {
	decimals := 2
	for x := n; x > 0 && x < 0.1; x *= 10 {
		decimals++
	}
	text := strconv.FormatFloat(n, 'f', decimals, 64)
	return strings.TrimRight(strings.TrimRight(text, "0"), ".")
}

// floors are what there is against how few are left, and how many.
func (t *tally) floors(p *state.Policy) []Finding {
	all := []Finding{}
	if t.after < p.MinRoutes && t.after < t.before {
		f := t.gone
		f.Rule = state.RuleMinRoutes
		f.Text = fmt.Sprintf("%d of %d routes would be left; there have to be %d (min-routes)", t.after, t.before, p.MinRoutes)
		all = append(all, f)
	}
	for _, b := range p.Tags {
		leaving, before, doubt := t.doubted(t.tags[b.Tag])
		after := t.tags[b.Tag].after
		if after < b.MinRoutes && after < before && leaving.Count > 0 {
			leaving.Rule = state.RuleMinTag
			leaving.Text = fmt.Sprintf("%d of %d routes of tag %s would be left; there have to be %d (min-routes)%s", after, before, b.Tag, b.MinRoutes, doubt)
			all = append(all, leaving)
		}
	}
	if p.MaxRoutes > 0 && t.after > p.MaxRoutes && t.after > t.before {
		f := t.come
		f.Rule = state.RuleMaxRoutes
		f.Text = fmt.Sprintf("there would be %d routes; there are %d, and at most %d may be (max-routes)", t.after, t.before, p.MaxRoutes)
		all = append(all, f)
	}
	return all
}
