package exabgp

import (
	"net/netip"

	"routesync/state"
)

// This file is where the grammar meets the families that package state can
// name. So far these are IPv4 and IPv6 unicast.

// familyKinds are the kinds of statement for families without a prefix.
func familyKinds() []string { return nil }

// familyWords are the words of a route by prefix that make it one of another
// family than unicast.
func familyWords() []string { return nil }

// key is the key of a route by prefix. As in exaBGP, rd makes it a VPN route,
// label alone a labelled one (configuration/static/__init__.py, route).
func (p *parser) key(s *settings, prefix netip.Prefix) (state.Key, bool) {
	for _, name := range []string{"rd", "label"} {
		if w, there := s.given[name]; there {
			p.unnamed(w, w.text)
			return state.Key{}, false
		}
	}
	return state.UnicastKey(prefix, s.pathID), true
}

func (p *parser) addFlow(first word, _ *flowRule) { p.unnamed(first, "flow") }

func (p *parser) addVPLS(first word, _ *settings, _ map[string]uint32) { p.unnamed(first, "vpls") }

// unnamed reports a word of a family that can't be named.
func (p *parser) unnamed(w word, what string) {
	p.fault(w, what+" makes it a route of a family that routesync does not know yet", "")
}
