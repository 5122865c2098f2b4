package state

import (
	"fmt"
	"net/netip"
	"slices"
)

// maxFlowAttrBytes leaves room for an NLRI of maxFlowBytes in an UPDATE.
const maxFlowAttrBytes = maxAttrBytes - maxFlowBytes

// CheckRoute is the rule for what goes together with a key: the next hop
// ([CheckNextHop]), a label exactly where the family has one, and only
// attributes that exaBGP takes for the family. Its errors are [*Fault].
func CheckRoute(k Key, a Attrs) error {
	if err := checkLabel(k, a); err != nil {
		return err
	}
	for name := range a.All() {
		if name != Label && !k.Family.takes(name) {
			return &Fault{Msg: fmt.Sprintf("a route of family %s can't have %s", k.Family, name), Hint: "exaBGP has no word for it there"}
		}
	}
	if k.Family.IsFlow() {
		if n := a.size(); n > maxFlowAttrBytes {
			return &Fault{Msg: fmt.Sprintf("the attributes take %d bytes on the wire; a flow route may have %d", n, maxFlowAttrBytes)}
		}
	}
	return CheckNextHop(k, a)
}

func checkLabel(k Key, a Attrs) error {
	labels, there := a.Get(Label)
	switch {
	case there != k.Family.HasLabel() && there:
		return &Fault{Msg: fmt.Sprintf("a route of family %s has no label", k.Family)}
	case there != k.Family.HasLabel():
		return &Fault{Msg: fmt.Sprintf("%s has no label", k), Hint: fmt.Sprintf("a route of family %s needs one: label 800", k.Family)}
	}
	// The length of the NLRI is one byte, of bits (RFC 8277 §2.2).
	bits := 24*len(labels) + k.Prefix().Bits()
	if k.Family.HasRD() {
		bits += 64
	}
	if there && bits > 255 {
		return &Fault{Msg: fmt.Sprintf("%s with %d labels has %d bits; an NLRI has 255", k, len(labels), bits)}
	}
	return nil
}

// takes tells whether exaBGP's grammar has the attribute for a route of the
// family (flow/then.py, l2vpn/vpls.py).
func (f Family) takes(name Name) bool {
	switch {
	case f.IsFlow():
		return slices.Contains([]Name{NextHop, Community, ExtendedCommunity, LargeCommunity}, name)
	case f == L2VPNVPLS:
		return name != AIGP
	}
	return true
}

// CheckNextHop is the rule that a route has a next hop, of the family of its
// prefix: VPLS of IPv4, and a flow route one if and only if an action sends
// packets there. Its errors are [*Fault].
func CheckNextHop(k Key, a Attrs) error {
	nh := a.NextHop()
	if k.Family.IsFlow() {
		switch sends := sendsToNextHop(a); {
		case nh == "" && !sends:
			return nil
		case nh == "":
			return &Fault{Msg: fmt.Sprintf("%s has no next-hop to send packets to", k), Hint: "give the route a next-hop"}
		case !sends:
			return &Fault{Msg: fmt.Sprintf("%s has a next-hop, and no action sends packets there", k), Hint: "redirect-to-nexthop does"}
		}
	}
	if nh == "" {
		return &Fault{Msg: fmt.Sprintf("%s has no next-hop", k), Hint: "give the route a next-hop, or give one under defaults"}
	}
	if nh == "self" {
		if k.Family.HasPrefix() {
			return nil
		}
		return &Fault{Msg: fmt.Sprintf("next-hop self is not for %s", k), Hint: "exaBGP 4.2 sends 0.0.0.0 for it in this family: write the address"}
	}
	addr, err := netip.ParseAddr(nh)
	if err != nil {
		return &Fault{Msg: fmt.Sprintf("next-hop %q is not an address", nh)}
	}
	if addr.Is6() != k.Family.Is6() {
		// A next hop of the other family needs RFC 8950 at the peer; without
		// it the session is reset, again at every reconnect.
		return &Fault{Msg: fmt.Sprintf("next-hop %s is not of the family of %s", addr, k)}
	}
	return nil
}

// sendsToNextHop tells whether an action of a flow route is to redirect or copy
// packets to the route's next hop (draft-simpson-idr-flowspec-redirect-02).
func sendsToNextHop(a Attrs) bool {
	values, _ := a.Get(ExtendedCommunity)
	return slices.ContainsFunc(values, func(v string) bool {
		raw, err := extendedCommunity(v)
		return err == nil && raw[0]&0x0f == 0x08 && raw[1] == 0
	})
}
