package state

import "fmt"

// Family is an address family and subsequent address family (RFC 4760 §5, §6),
// as AFI<<8 | SAFI.
type Family uint32

// The families whose NLRI this version can name. The numbers are IANA's.
const (
	IPv4Unicast Family = 1<<8 | 1
	IPv6Unicast Family = 2<<8 | 1
)

// String returns the family in exaBGP's words, e.g. "ipv4 unicast".
func (f Family) String() string {
	switch f {
	case IPv4Unicast:
		return "ipv4 unicast"
	case IPv6Unicast:
		return "ipv6 unicast"
	}
	return fmt.Sprintf("afi %d safi %d", uint32(f)>>8, uint32(f)&0xff)
}

// ParseFamily reads what [Family.String] writes for a family that this
// version can name.
func ParseFamily(text string) (Family, error) {
	for _, f := range []Family{IPv4Unicast, IPv6Unicast} {
		if f.String() == text {
			return f, nil
		}
	}
	return 0, fmt.Errorf("family %q is not one that routesync can name", text)
}
