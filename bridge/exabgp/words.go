package exabgp

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"routesync/state"
)

// attributeWords renders attrs for a route that is no flow, each with a blank
// before it. The label is not among them.
func (d Dialect) attributeWords(f state.Family, attrs state.Attrs) string {
	var b strings.Builder
	for name, values := range attrs.All() {
		joined := strings.Join(values, " ")
		switch name {
		case state.AtomicAggregate:
			b.WriteString(" atomic-aggregate")
		case state.Aggregator:
			b.WriteString(" aggregator ( " + joined + " )")
		case state.NextHop:
			if labels, ok := attrs.Get(state.Label); ok {
				fmt.Fprintf(&b, " next-hop %s", labelMark(labels))
			}
			fmt.Fprintf(&b, " next-hop %s", joined)
		case state.LargeCommunity:
			if f == state.L2VPNVPLS { // whose grammar lacks the keyword (l2vpn/vpls.py)
				writeRaw(&b, name, values)
				continue
			}
			fmt.Fprintf(&b, " %s [ %s ]", name, joined)
		case state.Label:
		case state.ASPath:
			b.WriteString(" as-path " + d.path(values))
		case state.Community, state.ClusterList:
			fmt.Fprintf(&b, " %s [ %s ]", name, joined)
		case state.ExtendedCommunity, state.PrefixSID, state.PrefixSIDSRv6:
			// exaBGP's own text of these is not exact: it encodes
			// target:IP:N as a 2-byte AS, prints communities that differ in
			// the transitive bit alike, and every SRv6 SID as "[ None ]", so
			// that it takes one for the other.
			writeRaw(&b, name, values)
		case state.Raw:
			for _, v := range values {
				b.WriteString(" attribute [ " + v + " ]")
			}
		default:
			fmt.Fprintf(&b, " %s %s", name, joined)
		}
	}
	return b.String()
}

func writeRaw(b *strings.Builder, name state.Name, values []string) {
	code, data := wireValue(name, values)
	fmt.Fprintf(b, " attribute [ 0x%02x 0xc0 0x%x ]", code, data)
}

// labelMark is a next hop that is never sent and tells labels apart.
//
// exaBGP 4.2 does not look at labels when it decides whether a route has
// changed, so that a route with another label and nothing else is answered done
// and not sent (rib/cache.py, in_cache). It does look at the NEXT_HOP attribute.
// That is the first next-hop of a command, and the one in MP_REACH_NLRI, which
// is what counts in these families (RFC 4760 §3), the last
// (configuration/static/__init__.py, route). An attribute with an IPv6 address
// is left out of the message (attributes.py, pack). The address is of the
// discard prefix (RFC 6666), in case all of this is different one day.
func labelMark(labels []string) netip.Addr {
	mark := uint64(len(labels))
	for _, l := range labels {
		n, _ := strconv.ParseUint(l, 10, 20)
		mark = mark<<20 | n
	}
	a := [16]byte{0x01, 0x00}
	binary.BigEndian.PutUint64(a[8:], mark)
	return netip.AddrFrom16(a)
}

// operands are the values of a component, with numbers for those ICMP types of
// which 4.2 alone knows the names (protocol/ip/icmp.py).
func operands(c state.Component) []string {
	if c.Name != "icmp-type" {
		return c.Values
	}
	numbers := strings.NewReplacer("source-quench", "4", "info-request", "15", "info-reply", "16", "mask-request", "17", "mask-reply", "18", "traceroute", "30")
	list := make([]string, len(c.Values))
	for i, v := range c.Values {
		list[i] = numbers.Replace(v)
	}
	return list
}

// flowRoute renders a flow route in the block form: the form on one line has
// no rd and no next-hop, and takes one action only (configuration/flow).
func flowRoute(k state.Key, attrs state.Attrs) string {
	var b strings.Builder
	b.WriteString("flow route { ")
	if rd := k.RD(); rd != "" {
		b.WriteString("rd " + rd + "; ")
	}
	if hop := attrs.NextHop(); hop != "" {
		b.WriteString("next-hop " + hop + "; ")
	}
	b.WriteString("match { ")
	for _, c := range k.Components() {
		b.WriteString(c.Name + " " + bracketed(operands(c)) + "; ")
	}
	b.WriteString("} then { ")
	actions := 0
	for name, values := range attrs.All() {
		switch name {
		case state.ExtendedCommunity:
			hex := make([]string, len(values))
			for i, v := range values {
				raw, _ := state.ExtendedCommunityBytes(v) // canonical values encode
				hex[i] = fmt.Sprintf("0x%x", raw)
			}
			values = hex
		case state.Community, state.LargeCommunity:
		default:
			continue
		}
		b.WriteString(string(name) + " " + bracketed(values) + "; ")
		actions++
	}
	if actions == 0 {
		b.WriteString("accept; ")
	}
	b.WriteString("} }")
	return b.String()
}

func bracketed(values []string) string {
	if len(values) == 1 {
		return values[0]
	}
	return "[ " + strings.Join(values, " ") + " ]"
}
