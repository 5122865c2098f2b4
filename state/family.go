package state

import "fmt"

// Family is an address family and subsequent address family (RFC 4760 §5, §6),
// as AFI<<8 | SAFI.
type Family uint32

// The families whose NLRI this version can name. The numbers are IANA's.
const (
	IPv4Unicast   = afiIPv4 | safiUnicast
	IPv4Multicast = afiIPv4 | safiMulticast
	IPv4Labelled  = afiIPv4 | safiLabelled
	IPv4VPN       = afiIPv4 | safiVPN
	IPv4Flow      = afiIPv4 | safiFlow
	IPv4FlowVPN   = afiIPv4 | safiFlowVPN
	IPv6Unicast   = afiIPv6 | safiUnicast
	IPv6Multicast = afiIPv6 | safiMulticast
	IPv6Labelled  = afiIPv6 | safiLabelled
	IPv6VPN       = afiIPv6 | safiVPN
	IPv6Flow      = afiIPv6 | safiFlow
	IPv6FlowVPN   = afiIPv6 | safiFlowVPN
	L2VPNVPLS     = afiL2VPN | safiVPLS
)

const (
	afiIPv4  Family = 1 << 8
	afiIPv6  Family = 2 << 8
	afiL2VPN Family = 25 << 8

	safiUnicast   Family = 1
	safiMulticast Family = 2
	safiLabelled  Family = 4   // RFC 8277
	safiVPLS      Family = 65  // RFC 4761
	safiVPN       Family = 128 // RFC 4364
	safiFlow      Family = 133 // RFC 8955
	safiFlowVPN   Family = 134
)

// Families lists the families that this version can name, in order.
func Families() []Family {
	return []Family{
		IPv4Unicast, IPv4Multicast, IPv4Labelled, IPv4VPN, IPv4Flow, IPv4FlowVPN,
		IPv6Unicast, IPv6Multicast, IPv6Labelled, IPv6VPN, IPv6Flow, IPv6FlowVPN,
		L2VPNVPLS,
	}
}

func (f Family) afi() Family  { return f &^ 0xff }
func (f Family) safi() Family { return f & 0xff }

// Is6 tells whether the family is one of IPv6.
func (f Family) Is6() bool { return f.afi() == afiIPv6 }

// HasPrefix tells whether a route of the family is a prefix.
func (f Family) HasPrefix() bool {
	switch f.safi() {
	case safiUnicast, safiMulticast, safiLabelled, safiVPN:
		return f.afi() == afiIPv4 || f.afi() == afiIPv6
	}
	return false
}

// HasLabel tells whether a route of the family has an MPLS label.
func (f Family) HasLabel() bool {
	return f.HasPrefix() && (f.safi() == safiLabelled || f.safi() == safiVPN)
}

// IsPublic tells whether a prefix of the family means the same to everybody: it is
// unicast, labelled or not, and of no VPN.
func (f Family) IsPublic() bool {
	switch f {
	case IPv4Unicast, IPv4Labelled, IPv6Unicast, IPv6Labelled:
		return true
	}
	return false
}

// HasRD tells whether a route of the family has a route distinguisher.
func (f Family) HasRD() bool {
	return f == L2VPNVPLS || f == IPv4VPN || f == IPv6VPN || f == IPv4FlowVPN || f == IPv6FlowVPN
}

// IsFlow tells whether a route of the family is a flow specification.
func (f Family) IsFlow() bool {
	return f == IPv4Flow || f == IPv6Flow || f == IPv4FlowVPN || f == IPv6FlowVPN
}

// String returns the family in exaBGP's words, e.g. "ipv4 unicast".
func (f Family) String() string {
	switch f {
	case IPv4Unicast:
		return "ipv4 unicast"
	case IPv4Multicast:
		return "ipv4 multicast"
	case IPv4Labelled:
		return "ipv4 nlri-mpls"
	case IPv4VPN:
		return "ipv4 mpls-vpn"
	case IPv4Flow:
		return "ipv4 flow"
	case IPv4FlowVPN:
		return "ipv4 flow-vpn"
	case IPv6Unicast:
		return "ipv6 unicast"
	case IPv6Multicast:
		return "ipv6 multicast"
	case IPv6Labelled:
		return "ipv6 nlri-mpls"
	case IPv6VPN:
		return "ipv6 mpls-vpn"
	case IPv6Flow:
		return "ipv6 flow"
	case IPv6FlowVPN:
		return "ipv6 flow-vpn"
	case L2VPNVPLS:
		return "l2vpn vpls"
	}
	return fmt.Sprintf("afi %d safi %d", uint32(f)>>8, uint32(f)&0xff)
}

// ParseFamily reads what [Family.String] writes for a family that this
// version can name.
func ParseFamily(text string) (Family, error) {
	for _, f := range Families() {
		if f.String() == text {
			return f, nil
		}
	}
	return 0, fmt.Errorf("family %q is not one that routesync can name", text)
}
