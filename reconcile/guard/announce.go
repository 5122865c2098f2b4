package guard

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"routesync/state"
)

// touched is what there is against what is done to routes that are protected.
func (t *tally) touched(p *state.Policy) []Finding {
	if len(p.Protect) == 0 {
		return nil
	}
	var gone, changed Finding
	for i := range t.c.Plan.Changes {
		x := &t.c.Plan.Changes[i]
		if x.Advert == nil || !x.Key.Family.HasPrefix() || !inside(p.Protect, x.Key.Prefix()) {
			continue
		}
		switch {
		case x.Op() == state.Withdraw && !t.c.expired(x.Advert):
			gone.add(x.Key)
		case x.Op() == state.Replace && differs(x):
			changed.add(x.Key)
		}
	}
	var all []Finding
	for _, f := range []struct {
		Finding
		word string
	}{{gone, "withdrawn"}, {changed, "changed"}} {
		if f.Count > 0 {
			f.Rule = state.RuleProtect
			f.Text = fmt.Sprintf("%s would be %s; what is protected may not be (protect)", routes(f.Count), f.word)
			all = append(all, f.Finding)
		}
	}
	return all
}

// differs tells whether a route is changed, and not only given again while it is
// being withdrawn.
func differs(x *state.Change) bool {
	return x.Before() != x.After() || x.Was().Expires != x.Wanted.Expires || x.Was().Lease != x.Wanted.Lease
}

// inside tells whether a prefix is in one of some, or is one of them.
func inside(all []netip.Prefix, p netip.Prefix) bool {
	return slices.ContainsFunc(all, func(q netip.Prefix) bool { return q.Bits() <= p.Bits() && q.Contains(p.Addr()) })
}

func routes(n int) string {
	if n == 1 {
		return "1 route"
	}
	return fmt.Sprintf("%d routes", n)
}

// announcements are what there is against what is announced anew, or changed.
func (t *tally) announcements(p *state.Policy) []Finding {
	a := &announced{policy: p, bogons: newBogons(p), by: map[complaint]*Finding{}}
	for i := range t.c.Plan.Changes {
		if x := &t.c.Plan.Changes[i]; x.Op() != state.Withdraw {
			a.judge(x)
		}
	}
	all := make([]Finding, 0, len(a.order))
	for _, why := range a.order {
		f := *a.by[why]
		f.Rule = why.rule
		f.Text = routes(f.Count) + " " + why.text
		all = append(all, f)
	}
	return all
}

// announced gathers what there is against routes, by what that is.
type announced struct {
	policy *state.Policy
	bogons *bogons
	by     map[complaint]*Finding
	order  []complaint

	last state.Attrs // that were looked at
	flow bool        // of a flow
	why  []complaint // that there are about them
}

type complaint struct {
	rule state.Rule
	text string
}

func (a *announced) add(k state.Key, rule state.Rule, format string, args ...any) {
	a.complain(k, complaint{rule, fmt.Sprintf(format, args...)})
}

func (a *announced) complain(k state.Key, why complaint) {
	if a.by[why] == nil {
		a.by[why] = &Finding{}
		a.order = append(a.order, why)
	}
	a.by[why].add(k)
}

func (a *announced) judge(x *state.Change) {
	if x.Key.Family.IsPublic() {
		a.prefix(x.Key, x.Key.Prefix())
	}
	if after, flow := x.After(), x.Key.Family.IsFlow(); after != a.last || flow != a.flow || a.why == nil {
		a.last, a.flow, a.why = after, flow, append([]complaint{}, a.attributes(after, flow)...)
	}
	for _, why := range a.why {
		a.complain(x.Key, why)
	}
}

func (a *announced) prefix(k state.Key, p netip.Prefix) {
	if within, name, found := a.bogons.find(p); found && name != "" {
		a.add(k, state.RuleNever, "in %s would be announced; that is %s (allow: [%s] lifts it for good)", within, bogonText(name), name)
	} else if found {
		a.add(k, state.RuleNever, "in %s would be announced, which may never be (never)", within)
	}
	lengths, word := a.policy.Lengths4, "ipv4"
	if p.Addr().Is6() {
		lengths, word = a.policy.Lengths6, "ipv6"
	}
	if p.Bits() < lengths.Min || p.Bits() > lengths.Max {
		a.add(k, state.RulePrefixLength, "of length /%d would be announced; %s prefixes are /%d to /%d (prefix-length)", p.Bits(), word, lengths.Min, lengths.Max)
	}
}

// bogonText says what a name of [state.ReservedPrefixes] stands for.
func bogonText(name string) string {
	switch name {
	case "default-route":
		return "the default route"
	case "private", "shared", "reserved":
		return name + " address space"
	}
	return "address space for " + strings.ReplaceAll(name, "-", " ")
}

// attributes is what there is against attributes. What a flow does is sent as extended
// communities (RFC 8955 §7), and is none for who wrote it.
func (a *announced) attributes(attrs state.Attrs, flow bool) []complaint {
	var why []complaint
	if hop := attrs.NextHop(); hop != "" && a.policy.NextHops != nil && !a.policy.NextHops.Have(hop) {
		why = append(why, complaint{state.RuleNextHop, fmt.Sprintf("would have next hop %s, which is none of those allowed (next-hops)", hop)})
	}
	if a.policy.Communities == nil {
		return why
	}
	for _, kind := range []state.Name{state.Community, state.LargeCommunity, state.ExtendedCommunity} {
		values, _ := attrs.Get(kind)
		for _, v := range values {
			if flow && isAction(v) {
				continue
			}
			if !slices.ContainsFunc(a.policy.Communities, func(c state.CommunityPattern) bool { return c.Matches(v) }) {
				why = append(why, complaint{state.RuleCommunity, fmt.Sprintf("would have %s %s, which is none of those allowed (communities)", kind, v)})
			}
		}
	}
	return why
}

// isAction tells whether a community is an action of a flow.
func isAction(community string) bool {
	raw, err := state.ExtendedCommunityBytes(community)
	return err == nil && state.FlowActionOf(raw) != ""
}
