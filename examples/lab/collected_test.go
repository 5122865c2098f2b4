//go:build integration

package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/osrg/gobgp/v4/pkg/packet/bgp"
	"github.com/osrg/gobgp/v4/pkg/packet/mrt"
)

// collected is what a collector was told, decoded from its dump of the wire:
// what each route's last UPDATE had, and how many routes were withdrawn.
type collected struct {
	routes    map[route]string // attributes
	withdrawn int
}

type route struct {
	family bgp.Family
	nlri   string
}

// readCollected replays a dump. The last message may be cut short: it is being
// written.
func readCollected(path string) (*collected, error) {
	dump, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c := &collected{routes: map[route]string{}}
	for len(dump) >= mrt.MRT_COMMON_HEADER_LEN {
		header, err := mrt.ParseHeader(dump)
		if err != nil {
			return nil, err
		}
		if dump = dump[mrt.MRT_COMMON_HEADER_LEN:]; len(dump) < int(header.Len) {
			break
		}
		// The options of an UPDATE's families are none: nothing has add-path.
		message, err := mrt.ParseBody(dump[:header.Len], header)
		if err != nil {
			return nil, fmt.Errorf("%x: %w", dump[:header.Len], err)
		}
		dump = dump[header.Len:]
		told, ok := message.Body.(*mrt.BGP4MPMessage)
		if !ok {
			continue // a session that came up
		}
		update, ok := told.BGPMessage.Body.(*bgp.BGPUpdate)
		if !ok {
			return nil, errors.New("a message that is no UPDATE")
		}
		c.take(update)
	}
	return c, nil
}

func (c *collected) take(u *bgp.BGPUpdate) {
	var attrs []string
	var hop netip.Addr
	for _, a := range u.PathAttributes {
		switch a := a.(type) {
		case *bgp.PathAttributeMpReachNLRI:
			hop = a.Nexthop
		case *bgp.PathAttributeMpUnreachNLRI:
			c.lose(bgp.NewFamily(a.AFI, a.SAFI), a.Value)
		case *bgp.PathAttributeNextHop:
			hop = a.Value
		case *bgp.PathAttributeExtendedCommunities:
			attrs = append(attrs, "{Extcomms: "+extended(a.Value)+"}")
		default:
			attrs = append(attrs, fmt.Sprint(a))
		}
	}
	c.lose(bgp.RF_IPv4_UC, u.WithdrawnRoutes)
	if hop.IsValid() && !hop.IsUnspecified() {
		attrs = slices.Insert(attrs, 0, "{Nexthop: "+hop.String()+"}")
	}
	text := strings.Join(attrs, " ")
	for _, a := range u.PathAttributes {
		if a, ok := a.(*bgp.PathAttributeMpReachNLRI); ok {
			c.gain(bgp.NewFamily(a.AFI, a.SAFI), a.Value, text)
		}
	}
	c.gain(bgp.RF_IPv4_UC, u.NLRI, text)
}

// extended has the bytes besides, for 65000:1 may be a target or an origin. They
// are as GoBGP writes them, with a 0 where it reads nothing.
func extended(list []bgp.ExtendedCommunityInterface) string {
	var words []string
	for _, e := range list {
		raw, _ := e.Serialize() // it was read
		words = append(words, fmt.Sprintf("%x %s", raw, e))
	}
	slices.Sort(words) // a set
	return strings.Join(words, ", ")
}

func (c *collected) gain(f bgp.Family, routes []bgp.PathNLRI, attrs string) {
	for _, r := range routes {
		labels := ""
		switch n := r.NLRI.(type) {
		case *bgp.LabeledIPAddrPrefix:
			labels = "{Label: " + n.Labels.String() + "} "
		case *bgp.LabeledVPNIPAddrPrefix:
			labels = "{Label: " + n.Labels.String() + "} "
		}
		c.routes[route{f, r.NLRI.String()}] = labels + attrs
	}
}

func (c *collected) lose(f bgp.Family, routes []bgp.PathNLRI) {
	for _, r := range routes {
		delete(c.routes, route{f, r.NLRI.String()})
		c.withdrawn++
	}
}

// String is a line a route, in order.
func (c *collected) String() string {
	var lines []string
	for r, attrs := range c.routes {
		lines = append(lines, fmt.Sprintf("%s %s %s\n", r.family, r.nlri, attrs))
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// families counts the routes as [rig.Collector.Counts] does.
func (c *collected) families() map[uint32]int {
	counts := map[uint32]int{}
	for r := range c.routes {
		counts[uint32(r.family.Afi())<<8|uint32(r.family.Safi())]++
	}
	return counts
}
