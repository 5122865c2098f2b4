package guard

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"routesync/state"
	"routesync/state/rpki"
)

// origins is what the RPKI has against the origins of what is announced anew, or
// changed. That nothing can be told of them is said too, and is as bad as the worst
// of what could be.
func (t *tally) origins(p *state.Policy) (refusals, warnings []Finding) {
	if !p.RPKI.Asks() {
		return nil, nil
	}
	o := &originated{c: t.c, now: time.UnixMilli(t.c.Now), local: map[netip.Addr]uint32{}}
	switch {
	case t.c.VRPs == nil:
		o.fault = fmt.Errorf("VRPs of %s: they were not read", p.RPKI.VRPs)
	default:
		o.fault = t.c.VRPs.Fault(o.now, p.RPKI.Oldest())
	}
	for i := range t.c.Advertised.Peers {
		n := &t.c.Advertised.Peers[i]
		o.local[n.Addr] = n.LocalAS
	}
	resolve := t.c.Advertised.Resolver()
	for i := range t.c.Plan.Changes {
		x := &t.c.Plan.Changes[i]
		if x.Op() == state.Withdraw || !x.Key.Family.IsPublic() {
			continue
		}
		peers := x.Peers
		if len(peers) == 0 {
			peers = resolve("", x.Key.Family)
		}
		o.judge(x, peers)
	}
	file := func(f *Finding, act state.Action) {
		f.Rule = state.RuleRPKI
		switch act {
		case state.Refuse:
			refusals = append(refusals, *f)
		case state.Warn:
			warnings = append(warnings, *f)
		}
	}
	for _, f := range o.found(p.RPKI) {
		file(&f.Finding, f.act)
	}
	return refusals, warnings
}

// originated gathers routes by what there is to say of their origins.
type originated struct {
	c     *Case
	now   time.Time
	fault error // why the VRPs say nothing
	local map[netip.Addr]uint32

	untold, asless, invalid, notFound Finding
	first                             string // that is invalid, and why
}

type acted struct {
	Finding
	act state.Action
}

// judge puts a route where the worst of its origins belongs: each peer may be told
// of another one, for the speaker may have several ASes.
func (o *originated) judge(x *state.Change, peers []netip.Addr) {
	if o.fault != nil {
		o.untold.add(x.Key)
		return
	}
	attrs, p := x.After(), x.Key.Prefix()
	worst, asless := rpki.Valid, len(peers) == 0
	judged := map[uint32]bool{}
	for _, peer := range peers {
		as, known := rpki.Origin(attrs, o.local[peer])
		switch {
		case !known:
			asless = true
			continue
		case judged[as]:
			continue
		}
		judged[as] = true
		validity, about := o.c.VRPs.Table.Validate(p, as, o.now)
		switch {
		case validity == rpki.Invalid:
			worst = rpki.Invalid
			if o.first == "" {
				o.first = fmt.Sprintf("%s of %s: %s", p, word(as), sources(about))
			}
		case validity == rpki.NotFound && worst == rpki.Valid:
			worst = rpki.NotFound
		}
	}
	switch {
	case worst == rpki.Invalid:
		o.invalid.add(x.Key)
	case asless:
		o.asless.add(x.Key)
	case worst == rpki.NotFound:
		o.notFound.add(x.Key)
	}
}

// found is what there is to say, and what is to be done about it.
func (o *originated) found(r state.RPKI) []acted {
	unknown := state.Allow
	for _, act := range []state.Action{state.Warn, state.Refuse} {
		if r.Invalid == act || r.NotFound == act {
			unknown = act
		}
	}
	var all []acted
	add := func(f Finding, act state.Action, format string, args ...any) {
		if f.Count > 0 && act != state.Allow {
			f.Text = routes(f.Count) + " would " + fmt.Sprintf(format, args...)
			all = append(all, acted{f, act})
		}
	}
	switch {
	case o.fault != nil && o.untold.Count > 0:
		add(o.untold, unknown, "be announced, and whether the RPKI lets their origins can't be told: %v", o.fault)
	case o.fault != nil && unknown != state.Allow:
		// Nothing hangs on it now, but will with the next change.
		all = append(all, acted{Finding{Text: o.fault.Error()}, state.Warn})
	}
	add(o.invalid, r.Invalid, "have an origin that is invalid by the RPKI, and be dropped by many; first %s (rpki)", o.first)
	if o.c.Imagined && unknown == state.Refuse {
		unknown = state.Warn
	}
	add(o.asless, unknown, "have the speaker's own AS as their origin, and that is not known, so it can't be told whether the RPKI lets it (rpki)")
	add(o.notFound, r.NotFound, "have an origin of which the RPKI knows nothing (rpki: not-found)")
	return all
}

// word is an origin for people.
func word(as uint32) string {
	if as == 0 {
		return "no AS, for its as-path ends in a set"
	}
	return fmt.Sprintf("AS%d", as)
}

// sources lists the first of the VRPs that speak against a route.
func sources(about []rpki.VRP) string {
	const few = 3
	words := make([]string, 0, few)
	for _, v := range about[:min(few, len(about))] {
		words = append(words, v.String())
	}
	text := "there is only " + strings.Join(words, ", ")
	if more := len(about) - len(words); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
