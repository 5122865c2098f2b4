package exabgp

import (
	"fmt"
	"net/netip"
	"slices"

	"routesync/state"
)

// This file is where the words of the grammar become keys of package state's
// families.

// familyKinds are the kinds of statement for families without a prefix.
func familyKinds() []string { return []string{"flow", "vpls"} }

// familyWords are the words of a route by prefix that make it one of another
// family than unicast.
func familyWords() []string { return []string{"rd", "label"} }

// parsePrefix reads a prefix; an address alone is its host route.
func parsePrefix(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		text = fmt.Sprintf("%s/%d", text, a.BitLen())
	}
	if p, err := netip.ParsePrefix(text); err == nil && isIPv4Multicast(p) {
		return p, nil // state.PrefixKey checks the rest
	}
	return state.ParsePrefix(text)
}

func isIPv4Multicast(p netip.Prefix) bool { return p.Addr().Is4() && p.Addr().IsMulticast() }

// key is the key of a route by prefix. As in exaBGP, rd makes it a VPN route,
// label alone a labelled one, and a range of IPv4 multicast a multicast one
// (configuration/static/__init__.py, route).
func (p *parser) key(s *settings, at word, prefix netip.Prefix) (state.Key, bool) {
	_, isVPN := s.given["rd"]
	_, hasLabel := s.given["label"]
	families := []state.Family{state.IPv4Unicast, state.IPv6Unicast}
	switch {
	case isVPN:
		families = []state.Family{state.IPv4VPN, state.IPv6VPN}
	case hasLabel:
		families = []state.Family{state.IPv4Labelled, state.IPv6Labelled}
	case isIPv4Multicast(prefix):
		families[0] = state.IPv4Multicast
	}
	f := families[0]
	if prefix.Addr().Is6() {
		f = families[1]
	}
	if isVPN && s.rd == "" {
		return state.Key{}, false // it was reported
	}
	k, err := state.PrefixKey(f, prefix, s.rd, s.pathID)
	if err != nil {
		p.faultErr(at, err)
	}
	return k, err == nil
}

// checkRD is the rule for route distinguishers, which package state has with
// the keys.
func checkRD(text string) error {
	_, err := state.PrefixKey(state.IPv4VPN, netip.PrefixFrom(netip.IPv4Unspecified(), 0), text, 0)
	return err
}

// addFlow makes the route of a flow statement.
func (p *parser) addFlow(first word, r *flowRule) {
	s := r.settings
	key, known := p.flowKey(first, r)
	for _, a := range r.actions {
		p.flowDoes(s, a)
	}
	attrs, ok := p.attrs(s)
	if known && ok && p.check(s, first, key, attrs, ok) {
		p.add(first, Route{key, attrs})
	}
}

// flowKey is the key of a flow statement. The components are put together one
// by one, so that a fault has its column; prefixes come first, because they
// tell the family.
func (p *parser) flowKey(first word, r *flowRule) (state.Key, bool) {
	matches := slices.Clone(r.matches)
	slices.SortStableFunc(matches, func(a, b flowPart) int {
		return len(b.prefixes()) - len(a.prefixes())
	})
	var good []state.Component
	for _, m := range matches {
		c := state.Component{Name: m.name.text, Values: m.texts()}
		if _, err := state.FlowKey(r.settings.rd, append(good, c)); err != nil {
			p.faultErr(m.culprit(r.settings.rd, good), err)
			r.settings.bad = true
			continue
		}
		good = append(good, c)
	}
	if r.settings.bad && len(good) == 0 {
		return state.Key{}, false // what is missing may be what was reported
	}
	key, err := state.FlowKey(r.settings.rd, good)
	if err != nil && len(good) == 0 {
		p.faultErr(first, err)
	}
	return key, err == nil
}

// flowDoes adds what an action stands for to the attributes.
func (p *parser) flowDoes(s *settings, a flowPart) {
	name, values, err := state.FlowAction(a.name.text, a.texts())
	switch {
	case err != nil && len(a.values) > 0:
		p.faultErr(a.values[0], err)
		s.bad = true
		return
	case err != nil:
		p.faultErr(a.name, err)
		s.bad = true
		return
	case name != "":
		s.values[name] = append(s.values[name], values...)
	}
	hop, named := state.FlowNextHop(a.name.text, a.texts())
	if !named {
		return
	}
	if given, there := s.values[state.NextHop]; there && given[0] != hop.String() {
		p.fault(a.values[0], fmt.Sprintf("%s is another next hop than %s", hop, given[0]), "a flow route has one")
		s.bad = true
	}
	s.values[state.NextHop] = []string{hop.String()}
}

// addVPLS makes the route of a VPLS statement.
func (p *parser) addVPLS(first word, s *settings, n map[string]uint32) {
	attrs, ok := p.attrs(s)
	if s.bad {
		return
	}
	key, err := state.VPLSKey(s.rd, n["endpoint"], n["base"], n["offset"], n["size"])
	if err != nil {
		p.faultErr(s.given["base"], err)
		return
	}
	if p.check(s, first, key, attrs, ok) {
		p.add(first, Route{key, attrs})
	}
}
