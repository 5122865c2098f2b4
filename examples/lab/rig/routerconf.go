package rig

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// The families that a router's session and a neighbor may have.
const (
	IPv4 = "ipv4"
	IPv6 = "ipv6"
)

// RouterOptions are one BIRD's configuration.
type RouterOptions struct {
	// Name names the router and its BGP protocol; a word of BIRD's.
	Name string
	// Address is the loopback address it listens on: 127.0.0.2, ::1. Two
	// routers of one speaker need two addresses.
	Address netip.Addr
	AS      uint32
	// PeerAddress is the speaker's; 127.0.0.1 or ::1 by default.
	PeerAddress netip.Addr
	PeerAS      uint32
	// Families are the session's channels; IPv4 and IPv6 by default.
	Families []string
	// RouterID is 10.255.0.N by default.
	RouterID netip.Addr
	// Export is BIRD's export filter, such as "all" with static routes in
	// Extra; "none" by default.
	Export string
	// Extra is added at the top level, PeerExtra inside the BGP protocol
	// ("graceful restart on;"), ChannelExtra inside each channel.
	Extra, PeerExtra, ChannelExtra string
	// Tape records all that the router is told.
	Tape bool
	// Config makes the whole configuration for a port, in place of all of the
	// above but Name, Address and the AS numbers, which must be those of its
	// BGP protocol. What the lab needs to read BIRD's answers is added.
	Config func(port uint16) string
}

func (o *RouterOptions) complete(number int) error {
	if o.Name == "" {
		o.Name = fmt.Sprintf("router%d", number)
	}
	if strings.Trim(o.Name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
		return errors.New("a router's name has letters, digits and _ only: it is a word of bird's configuration")
	}
	if !o.Address.IsLoopback() {
		return fmt.Errorf("address %v is not on loopback", o.Address)
	}
	if o.AS == 0 || o.PeerAS == 0 {
		return errors.New("AS and PeerAS are required")
	}
	if !o.PeerAddress.IsValid() {
		o.PeerAddress = home(o.Address)
	}
	if len(o.Families) == 0 {
		o.Families = []string{IPv4, IPv6}
	}
	for _, family := range o.Families {
		if !slices.Contains([]string{IPv4, IPv6}, family) {
			return fmt.Errorf("family %q is neither %s nor %s", family, IPv4, IPv6)
		}
	}
	if !o.RouterID.IsValid() {
		o.RouterID = netip.AddrFrom4([4]byte{10, 255, 0, byte(number)})
	}
	if o.Export == "" {
		o.Export = "none"
	}
	return nil
}

// home is the loopback address of the same family that every machine has.
func home(addr netip.Addr) netip.Addr {
	if addr.Is4() {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.IPv6Loopback()
}

// config is the text of bird.conf.
//
// The session is multihop, so that a next hop need not be on a network of
// this machine (a direct session drops what has one of its own addresses),
// and next hops are looked up in tables that stay empty: every route stays
// "unreachable", and none changes because another one came. The waits after
// an error are a second, not minutes.
func (o *RouterOptions) config(port uint16) (string, error) {
	if port == 0 {
		return "", errors.New("no port")
	}
	var text strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&text, format+"\n", args...) }
	line("log stderr all;")
	line("timeformat route iso long us;")
	line("timeformat protocol iso long us;")
	if o.Config != nil {
		return text.String() + o.Config(port), nil
	}
	if o.Tape {
		line("mrtdump %q;", dumpName)
	}
	line("router id %v;", o.RouterID)
	for _, family := range o.Families {
		line("%s table hops_%s;", family, family)
	}
	line("protocol device {}")
	if o.Extra != "" {
		line("%s", o.Extra)
	}
	line("protocol bgp %s {", o.Name)
	line("  local %v port %d as %d;", o.Address, port, o.AS)
	line("  neighbor %v as %d;", o.PeerAddress, o.PeerAS)
	line("  strict bind yes;")
	line("  passive yes;")
	line("  multihop;")
	line("  error wait time 1, 1;")
	line("  error forget time 1;")
	if o.Tape {
		line("  mrtdump { states, messages };")
		line("  debug { routes };")
	}
	if o.PeerExtra != "" {
		line("  %s", o.PeerExtra)
	}
	for _, family := range o.Families {
		line("  %s { import all; export %s; igp table hops_%s; %s };", family, o.Export, family, o.ChannelExtra)
	}
	line("}")
	return text.String(), nil
}
