package simulation

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"routesync/state"
)

// neighbor is one peer: how exaBGP has it, and what it holds itself.
type neighbor struct {
	addr       netip.Addr
	localAS    uint32
	peerAS     uint32
	families   []state.Family
	negotiated []state.Family
	graceful   bool // the peer keeps the routes of a session that fell until End-of-RIB

	rib     *adjRIBOut
	up      bool
	barred  bool // the session does not come up
	first   bool // no batch was sent in this session
	stalled time.Time
	eor     []state.Family // to be sent
	life    int            // counts sessions and attempts
	updates int            // that exaBGP counts in this session
	began   time.Time      // when it came up

	holds map[state.Key]state.Attrs
	stale map[state.Key]bool
	sent  map[route]bool // ever, in this life of exaBGP
	moved time.Time      // when an UPDATE last changed what it holds
}

// route is a key with a value.
type route struct {
	key   state.Key
	attrs state.Attrs
}

func newNeighbor(addr string, peerAS uint32, negotiated []state.Family) *neighbor {
	return &neighbor{
		addr: netip.MustParseAddr(addr), localAS: 65000, peerAS: peerAS,
		families: []state.Family{state.IPv4Unicast, state.IPv6Unicast}, negotiated: negotiated,
		rib: newAdjRIBOut(), holds: map[state.Key]state.Attrs{}, stale: map[state.Key]bool{}, sent: map[route]bool{},
	}
}

func (n *neighbor) carries(f state.Family) bool { return slices.Contains(n.negotiated, f) }

// lose is the end of a session at the peer.
func (n *neighbor) lose() {
	if !n.graceful {
		clear(n.holds)
		return
	}
	for k := range n.holds {
		n.stale[k] = true
	}
}

// take is an UPDATE at the peer.
func (n *neighbor) take(c *change) {
	if c.withdraw {
		delete(n.holds, c.key)
		delete(n.stale, c.key)
		return
	}
	n.holds[c.key] = c.attrs
	delete(n.stale, c.key)
	n.sent[route{c.key, c.attrs}] = true
}

// endOfRIB drops what the peer kept of the session before (RFC 4724 §4.2), and
// returns it.
func (n *neighbor) endOfRIB(f state.Family) []state.Key {
	var dropped []state.Key
	for k := range n.stale {
		if k.Family == f {
			dropped = append(dropped, k)
			delete(n.stale, k)
			delete(n.holds, k)
		}
	}
	return dropped
}

// envelope is an event about the neighbor.
func (n *neighbor) envelope(kind, more string) string {
	return fmt.Sprintf(`{ "exabgp": "4.0.1", "time": 1.0, "host" : "h", "pid" : 1, "ppid" : 1, "counter": 1, "type": "%s", "neighbor": { "address": { "local": "127.0.0.1", "peer": "%s" }, "asn": { "local": %d, "peer": %d } , %s } }`,
		kind, n.addr, n.localAS, n.peerAS, more)
}

func (n *neighbor) updateEvent(message string) string {
	return n.envelope("update", `"direction": "send", "message": { `+message+` }`)
}

func (n *neighbor) withdrawEvent(f state.Family, keys []string) string {
	return n.updateEvent(fmt.Sprintf(`"update": { "withdraw": { "%s": [ %s ] } }`, f, strings.Join(keys, ", ")))
}

func (n *neighbor) announceEvent(f state.Family, attrs state.Attrs, keys []string) string {
	return n.updateEvent(fmt.Sprintf(`"update": { "attribute": { %s }, "announce": { "%s": { "%s": [ %s ] } } }`,
		n.attributes(attrs), f, attrs.NextHop(), strings.Join(keys, ", ")))
}

func (n *neighbor) attributes(attrs state.Attrs) string {
	words := []string{`"origin": "igp"`}
	if n.localAS != n.peerAS {
		words = append(words, fmt.Sprintf(`"as-path": [ %d ], "confederation-path": []`, n.localAS))
	} else {
		words = append(words, `"local-preference": 100`)
	}
	if med, ok := attrs.Get(state.MED); ok {
		words = append(words, `"med": `+med[0])
	}
	return strings.Join(words, ", ")
}

func (n *neighbor) eorEvent(f state.Family) string {
	afi, safi, _ := strings.Cut(f.String(), " ")
	return n.updateEvent(fmt.Sprintf(`"eor": { "afi" : "%s", "safi" : "%s" }`, afi, safi))
}

func (n *neighbor) configuration() []string {
	lines := []string{
		"neighbor " + n.addr.String() + " {", "  router-id 1.1.1.1;", "  local-address 127.0.0.1;",
		fmt.Sprintf("  local-as %d;", n.localAS), fmt.Sprintf("  peer-as %d;", n.peerAS), "  hold-time 180;",
		"  manual-eor true;", "  group-updates true;", "  adj-rib-in false;", "  adj-rib-out true;",
		"  capability {", "    asn4 enable;", "    route-refresh disable;", "    graceful-restart 120;", "    add-path disable;", "  }", "  family {",
	}
	for _, f := range n.families {
		lines = append(lines, "    "+f.String()+";")
	}
	return append(lines, "  }", "  api {", "    processes [ routesync ];", "    neighbor-changes;", "    send {", "      parsed;", "      update;", "    }", "  }", "}")
}

func (n *neighbor) extensive() []string {
	word, since := "IDLE", "   down for                     0:00:03"
	if n.up {
		word = "ESTABLISHED"
	}
	if age := int(time.Since(n.began).Seconds()); n.up && age > 0 { // else it says this (command/neighbor.py, extensive)
		since = fmt.Sprintf("   up for                       %d:%02d:%02d", age/3600, age/60%60, age%60)
	}
	lines := []string{"Neighbor " + n.addr.String(), "", "  Session                         Local",
		"   local                      127.0.0.1", "   state                    " + word, since, "",
		"  Setup                           Local          Remote", "   AS                             65000           65001",
		"  Capability                      Local          Remote", "   asn4:                        enabled         enabled", "",
		"  Families                        Local          Remote        Add-Path"}
	for _, f := range n.families {
		remote := "n/a"
		if n.up {
			remote = "disabled"
			if n.carries(f) {
				remote = "enabled"
			}
		}
		lines = append(lines, fmt.Sprintf("   %-20s %15s %15s %15s", f.String()+":", "enabled", remote, "disabled"))
	}
	return append(lines, "", "  Message Statistic                Sent        Received",
		fmt.Sprintf("   %-20s %15d %15d %15s", "update:", n.updates, 0, ""), "")
}

// listing is the neighbor's part of the answer to "show adj-rib out extensive".
func (n *neighbor) listing() []string {
	var lines []string
	for _, k := range n.rib.order {
		lines = append(lines, fmt.Sprintf("neighbor %s local-ip 127.0.0.1 local-as %d peer-as %d router-id 1.1.1.1 family-allowed in-open %s %s%s",
			n.addr, n.localAS, n.peerAS, k.Family, k, words(n.rib.seen[k])))
	}
	return lines
}

func words(a state.Attrs) string {
	text := " next-hop " + a.NextHop()
	for name, v := range a.All() {
		if name != state.NextHop {
			text += " " + string(name) + " " + strings.Join(v, " ")
		}
	}
	return text
}
