package exabgp

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"routesync/state"
)

// Check tells why a route must not be given to exaBGP for this neighbor, though
// exaBGP would answer done. Its error is for people.
func (n Neighbor) Check(k state.Key, attrs state.Attrs) error {
	if err := n.Dialect.unspeakable(k, attrs); err != nil {
		return err
	}
	if !slices.Contains(n.Families, k.Family) {
		return fmt.Errorf("exaBGP has no family %s for neighbor %s", k.Family, n.Addr)
	}
	if k.PathID() != 0 && (!strings.Contains(n.AddPathMode, "send") || !slices.Contains(n.AddPath, k.Family.String())) {
		// The identifier would not be sent: all paths to the prefix would be
		// one route at the peer, and withdrawing one would withdraw all.
		return fmt.Errorf("path-information needs add-path send for %s at neighbor %s", k.Family, n.Addr)
	}
	if attrs.NextHop() == "self" && k.Family.HasLabel() && n.Dialect.segmented() {
		// The mark that tells labels apart is lost with it, and a change of the
		// label alone is not sent ([labelMark]).
		return fmt.Errorf("%s does not tell labels apart with next-hop self: give the address", n.Dialect)
	}
	if attrs.NextHop() == "self" && !n.self(k.Family).IsValid() {
		// exaBGP 4.2 puts 4 zero bytes in place of the IPv6 next hop
		// (mprnlri.py, packed_attributes) and then resets the session, again
		// at every reconnect.
		return fmt.Errorf("next-hop self has no ipv6 address on the ipv4 session with neighbor %s", n.Addr)
	}
	return nil
}

// unspeakable tells why exaBGP can't say a route, or not say it right.
func (d Dialect) unspeakable(k state.Key, attrs state.Attrs) error {
	if d.grammar == grammar34 {
		return d.unspeakable34(k, attrs)
	}
	if k.Family == state.IPv4Multicast || k.Family == state.IPv6Multicast {
		// It puts them where IPv4 unicast is (update/__init__.py, messages), and
		// the peer has them as that; for IPv6 it has no word at all.
		return fmt.Errorf("%s can't announce %s: it sends ipv4 multicast as ipv4 unicast, and ipv6 multicast not at all", d, k.Family)
	}
	if _, base, _, _, ok := k.VPLS(); ok && base > math.MaxUint16 {
		return fmt.Errorf("%s takes a vpls base up to %d, not %d", d, math.MaxUint16, base)
	}
	if sid, ok := attrs.Get(state.PrefixSIDSRv6); ok && d.segmented() && strings.HasPrefix(sid[0], "l3vpn ") {
		return fmt.Errorf("%s does not report bgp-prefix-sid-srv6 l3vpn, so that it could not be confirmed", d)
	}
	if !k.Family.IsFlow() {
		return nil
	}
	communities, _ := attrs.Get(state.ExtendedCommunity)
	for _, c := range communities {
		if !exactOnFlow(c) {
			return fmt.Errorf("%s can't tell extended-community %s from others on a flow route, and would not send a change of it", d, c)
		}
	}
	return nil
}

// unspeakable34 is of 3.4, which drops what it can't read without a word: only
// what it is known to take is given to it.
func (d Dialect) unspeakable34(k state.Key, attrs state.Attrs) error {
	if k.Family != state.IPv4Unicast && k.Family != state.IPv6Unicast || k.PathID() != 0 {
		return fmt.Errorf("%s is given unicast routes without path-information alone, because it does not say what it takes of the others", d)
	}
	known := []state.Name{
		state.Origin, state.ASPath, state.NextHop, state.MED, state.LocalPreference, state.Aggregator, state.Community,
		state.OriginatorID, state.ClusterList, state.ExtendedCommunity, state.AIGP, state.Raw,
	}
	for name := range attrs.All() {
		if !slices.Contains(known, name) {
			return fmt.Errorf("%s does not take %s", d, name)
		}
	}
	return nil
}

// self is what exaBGP sends for "next-hop self": its end of the session, or the
// router id for an IPv4 route on an IPv6 session (negotiated.py, nexthopself).
// It is the zero Addr where there is none, and an unspecified one where exaBGP
// chooses its address itself.
func (n Neighbor) self(f state.Family) netip.Addr {
	v4 := !f.Is6()
	switch {
	case n.Addr.Is4() != v4 && v4:
		return n.RouterID
	case n.Addr.Is4() != v4:
		return netip.Addr{}
	case n.LocalAddress.IsValid():
		return n.LocalAddress
	case v4:
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

// Same tells whether a route with either attributes is one to exaBGP, so that it
// sends nothing when one takes the place of the other: 5.0 and newer put their
// own address in the place of next-hop self before they compare.
func (n Neighbor) Same(f state.Family, a, b state.Attrs) bool {
	resolved := func(attrs state.Attrs) state.Attrs {
		if self := n.self(f); n.Dialect.segmented() && attrs.NextHop() == "self" && self.IsValid() {
			if attrs, err := attrs.With(state.NextHop, []string{self.String()}); err == nil {
				return attrs
			}
		}
		return attrs
	}
	return resolved(a) == resolved(b)
}

// Matches tells whether what exaBGP reports to have sent to this neighbor is
// what was asked for, and if not, how it differs: "med 10 was sent as 20".
func (n Neighbor) Matches(asked state.Attrs, sent Announced) (ok bool, difference string) {
	var diffs []string
	for _, name := range append(state.Names(), state.Label) {
		if d := n.differs(name, asked, sent); d != "" {
			diffs = append(diffs, d)
		}
	}
	for _, u := range sent.Unknown {
		diffs = append(diffs, u+" was sent and not asked for")
	}
	return len(diffs) == 0, strings.Join(diffs, "; ")
}

func (n Neighbor) differs(name state.Name, asked state.Attrs, sent Announced) string {
	want, wanted := n.onWire(name, asked, sent.Family)
	got, there := sent.Attrs.Get(name)
	if !there {
		got, there = absent(name)
	}
	switch {
	case wanted == there && slices.Equal(want, got):
		return ""
	case name == state.NextHop && wanted && slices.Equal(want, []string{"0.0.0.0"}),
		name == state.NextHop && wanted && slices.Equal(want, []string{"::"}):
		return "" // exaBGP chooses its own address
	case name == state.AIGP && !there:
		// Sent on iBGP and not on eBGP (RFC 7311 §3.1), and either way exaBGP
		// 4.2 leaves it out of its events (aigp.py, unpack).
		return ""
	case name == state.Aggregator && wanted && there && halved(want[0]) == got[0]:
		return ""
	case !there:
		return strings.TrimRight(fmt.Sprintf("%s %s", name, state.FormatValues(want)), " ") + " was not sent"
	case !wanted:
		return strings.TrimRight(fmt.Sprintf("%s %s", name, state.FormatValues(got)), " ") + " was sent and not asked for"
	}
	return fmt.Sprintf("%s %s was sent as %s", name, state.FormatValues(want), state.FormatValues(got))
}

// halved is the aggregator as exaBGP 4.2 reports it on a session without 4-byte
// AS numbers: it sends AS4_AGGREGATOR (RFC 6793 §3) in full, and then reads 2
// bytes of the 4 (aggregator.py, unpack).
func halved(aggregator string) string {
	as, speaker, _ := strings.Cut(aggregator, ":")
	n, _ := strconv.ParseUint(as, 10, 32)
	if n>>16 == 0 {
		return aggregator
	}
	return fmt.Sprintf("%d:%s", n>>16, speaker)
}

// absent is what the absence of an attribute in [state.Attrs] means.
func absent(name state.Name) ([]string, bool) {
	switch name {
	case state.Origin:
		return []string{"igp"}, true
	case state.LocalPreference:
		return []string{"100"}, true
	}
	return nil, false
}

// onWire is what exaBGP sends of an attribute when it was asked for asked, and
// fills in when it was not (attributes.py, pack).
func (n Neighbor) onWire(name state.Name, asked state.Attrs, f state.Family) ([]string, bool) {
	values, there := asked.Get(name)
	internal := n.LocalAS == n.PeerAS
	switch name {
	case state.NextHop:
		if there && values[0] == "self" {
			return []string{n.self(f).String()}, true
		}
	case state.ASPath:
		if !there && !internal {
			return []string{strconv.FormatUint(uint64(n.LocalAS), 10)}, true
		}
	case state.LocalPreference:
		if !internal { // RFC 4271 §5.1.5
			return absent(name)
		}
	case state.Raw:
		return wholeFlags(values), there
	}
	if !there {
		return absent(name)
	}
	return values, true
}

// wholeFlags clears the partial bit of raw attributes, as events do not tell
// it.
func wholeFlags(values []string) []string {
	whole := make([]string, len(values))
	for i, v := range values {
		code, flags, data, err := rawFields(v[:4], v[5:9], v[10:])
		if err != nil {
			return values
		}
		whole[i] = fmt.Sprintf("0x%02x 0x%02x 0x%x", code, flags&^partial, data)
	}
	return whole
}
