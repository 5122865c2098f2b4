package exabgp

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"routesync/state"
)

// Neighbor is a neighbor's configuration, as [ShowConfiguration] prints it,
// without its secrets.
type Neighbor struct {
	Dialect         Dialect // of its exaBGP
	Addr            netip.Addr
	LocalAddress    netip.Addr // the zero Addr for auto
	RouterID        netip.Addr
	LocalAS, PeerAS uint32 // 0 for auto
	HoldTime        int
	Families        []state.Family
	OtherFamilies   []string // in exaBGP's words
	AddPath         []string // families with add-path, in exaBGP's words
	AddPathMode     string   // "disable", "send", "receive", "send/receive"
	GracefulRestart int      // seconds; 0 for disabled
	AdjRIBIn        bool
	AdjRIBOut       bool
	ManualEOR       bool
	GroupUpdates    bool
	ASN4            bool
	RouteRefresh    bool
	ExtendedNextHop bool
	MultiSession    bool
	Tags            []string // words of the description like "tag:transit", without "tag:"
	API             []API
	EventsOfState   bool // of 3.4, which does not say to which helper
}

// API is what one helper process gets of a neighbor.
type API struct {
	Process         string
	NeighborChanges bool
	Negotiated      bool
	Receive, Send   []string
}

// ParseConfiguration reads the body of [ShowConfiguration].
func (d Dialect) ParseConfiguration(lines []string) ([]Neighbor, error) {
	var neighbors []Neighbor
	var path []string
	for i, line := range lines {
		word := strings.TrimSpace(line)
		switch {
		case word == "":
		case word == "}":
			if len(path) == 0 {
				return nil, fmt.Errorf("configuration line %d: nothing to close", i+1)
			}
			path = path[:len(path)-1]
		case len(path) == 0:
			text, ok := strings.CutSuffix(strings.TrimPrefix(word, "neighbor "), " {")
			addr, err := netip.ParseAddr(text)
			if !ok || err != nil {
				return nil, fmt.Errorf("configuration line %d: %q begins no neighbor", i+1, word)
			}
			neighbors = append(neighbors, Neighbor{Dialect: d, Addr: addr})
			path = append(path, "neighbor")
		case strings.HasSuffix(word, " {") && !strings.HasPrefix(word, "description "):
			path = append(path, strings.TrimSuffix(word, " {"))
			if path[len(path)-1] == "api" {
				n := &neighbors[len(neighbors)-1]
				n.API = append(n.API, API{})
			}
		default:
			n := &neighbors[len(neighbors)-1]
			n.set(path[1:], strings.TrimSuffix(word, ";"))
		}
	}
	if len(path) > 0 {
		return nil, fmt.Errorf("configuration ends inside %s", strings.Join(path, " "))
	}
	return neighbors, nil
}

func (n *Neighbor) set(section []string, statement string) {
	if len(section) == 0 {
		n.setSession(statement)
		return
	}
	switch section[0] {
	case "capability":
		n.setCapability(statement)
	case "family":
		if n.Dialect.grammar == grammar34 {
			statement = strings.Replace(statement, "inet", "ipv", 1)
		}
		if f, err := state.ParseFamily(statement); err == nil {
			n.Families = append(n.Families, f)
		} else {
			n.OtherFamilies = append(n.OtherFamilies, statement)
		}
	case "add-path":
		n.AddPath = append(n.AddPath, statement)
	case "process": // of 3.4
		n.EventsOfState = n.EventsOfState || statement == "neighbor-changes"
	case "api":
		n.API[len(n.API)-1].set(section[1:], statement)
	}
}

func (n *Neighbor) setSession(statement string) {
	key, value, _ := strings.Cut(statement, " ")
	key = strings.TrimSuffix(key, ":") // of 3.4
	number := func() uint32 {
		v, _ := strconv.ParseUint(value, 10, 32)
		return uint32(v)
	}
	switch key {
	case "description":
		for _, word := range strings.Fields(strings.Trim(value, `"`)) {
			if tag, ok := strings.CutPrefix(word, "tag:"); ok && state.CheckTag(tag) == nil && !slices.Contains(n.Tags, tag) {
				n.Tags = append(n.Tags, tag)
			}
		}
	case "local-address":
		n.LocalAddress, _ = netip.ParseAddr(value)
	case "router-id":
		n.RouterID, _ = netip.ParseAddr(value)
	case "local-as":
		n.LocalAS = number()
	case "peer-as":
		n.PeerAS = number()
	case "hold-time":
		n.HoldTime = int(number())
	case "manual-eor":
		n.ManualEOR = value == "true"
	case "group-updates":
		n.GroupUpdates = value == "true"
	case "adj-rib-in":
		n.AdjRIBIn = value == "true"
	case "adj-rib-out":
		n.AdjRIBOut = value == "true"
	}
}

func (n *Neighbor) setCapability(statement string) {
	key, value, _ := strings.Cut(statement, " ")
	switch key {
	case "asn4":
		n.ASN4 = value == "enable"
	case "route-refresh":
		n.RouteRefresh = value == "enable"
	case "graceful-restart":
		n.GracefulRestart, _ = strconv.Atoi(value)
	case "nexthop":
		n.ExtendedNextHop = value == "enable"
	case "add-path":
		n.AddPathMode = value
	case "multi-session":
		n.MultiSession = value == "enable"
	}
}

func (a *API) set(section []string, statement string) {
	switch {
	case len(section) == 0 && strings.HasPrefix(statement, "processes "):
		a.Process = strings.Trim(strings.TrimPrefix(statement, "processes "), "[] ")
	case len(section) == 0 && statement == "neighbor-changes":
		a.NeighborChanges = true
	case len(section) == 0 && statement == "negotiated":
		a.Negotiated = true
	case len(section) == 1 && section[0] == "receive":
		a.Receive = append(a.Receive, statement)
	case len(section) == 1 && section[0] == "send":
		a.Send = append(a.Send, statement)
	}
}

// Own lists the processes that can be this helper, which exaBGP does not tell
// its name: those that are named by the neighbors in reached, where [Probe] was
// answered done, and by no other. Two helpers with the same neighbors can't be
// told apart.
func Own(neighbors []Neighbor, reached []netip.Addr) []string {
	var own []string
	for _, n := range neighbors {
		for _, a := range n.API {
			if !slices.Contains(own, a.Process) {
				own = append(own, a.Process)
			}
		}
	}
	own = slices.DeleteFunc(own, func(process string) bool {
		return slices.ContainsFunc(neighbors, func(n Neighbor) bool {
			names := slices.ContainsFunc(n.API, func(a API) bool { return a.Process == process })
			return names != slices.Contains(reached, n.Addr)
		})
	})
	slices.Sort(own)
	return own
}

// Lacks says what the configuration is short of for the helper that runs as one
// of the processes ([Own]; none means any process), each with what to write.
// Where several processes remain, each must have what is needed.
func (n Neighbor) Lacks(processes ...string) []string {
	if n.Dialect.grammar == grammar34 {
		return n.lacks34()
	}
	var lacks []string
	name := "NAME"
	if len(processes) == 1 {
		name = processes[0]
	}
	block := fmt.Sprintf("api { processes [ %s ]; neighbor-changes; send { parsed; update; } }", name)
	ours := slices.DeleteFunc(slices.Clone(n.API), func(a API) bool {
		return len(processes) > 0 && !slices.Contains(processes, a.Process)
	})
	if len(ours) == 0 {
		lacks = append(lacks, "no api for this helper, so nothing can be announced to it: add "+block)
	}
	some := func(missing func(API) bool) bool { return slices.ContainsFunc(ours, missing) }
	if some(func(a API) bool { return !a.NeighborChanges }) {
		lacks = append(lacks, "no events when the session goes up or down: add neighbor-changes; to its api")
	}
	if some(func(a API) bool { return !a.sendsUpdates() }) {
		lacks = append(lacks, "no confirmation of what is sent: add send { parsed; update; } to its api")
	}
	if slices.ContainsFunc(n.API, func(a API) bool { return a.Negotiated }) && n.Dialect.grammar == grammar42 && n.AddPathMode != "disable" && n.AddPathMode != "" {
		lacks = append(lacks, "negotiated in its api makes exaBGP 4.2 fail with add-path: remove negotiated;")
	}
	if !n.AdjRIBOut {
		lacks = append(lacks, "exaBGP forgets what it announced when the session goes down: add adj-rib-out true;")
	}
	if n.FlushResets() {
		lacks = append(lacks, "route-refresh resets the session on exaBGP 4.2 when routes are sent again: add capability { route-refresh disable; }")
	}
	if n.GracefulRestart > 0 && !n.ManualEOR {
		lacks = append(lacks, "after a restart of exaBGP the peer drops its routes before they are announced again: add manual-eor true;")
	}
	if len(n.Families) == 0 {
		lacks = append(lacks, "no family that routesync can announce: add family { ipv4 unicast; ipv6 unicast; }")
	}
	return lacks
}

// lacks34 is [Neighbor.Lacks] for 3.4.
func (n Neighbor) lacks34() []string {
	var lacks []string
	if !n.EventsOfState {
		lacks = append(lacks, "no events when the session goes up or down: add neighbor-changes; to its process")
	}
	if !n.AdjRIBOut {
		lacks = append(lacks, "exaBGP forgets what it announced when the session goes down: add adj-rib-out true;")
	}
	if len(n.Families) == 0 {
		lacks = append(lacks, "no family that routesync can announce: add family { ipv4 unicast; ipv6 unicast; }")
	}
	return lacks
}

// Receives tells whether a helper that runs as one of the processes is told what
// the peer announces; see [Neighbor.Lacks] for the processes. To go without is
// no lack: who wants it adds [ReceiveBlock] to the api.
func (n Neighbor) Receives(processes ...string) bool {
	ours := slices.DeleteFunc(slices.Clone(n.API), func(a API) bool {
		return len(processes) > 0 && !slices.Contains(processes, a.Process)
	})
	return len(ours) > 0 && !slices.ContainsFunc(ours, func(a API) bool { return !a.receivesUpdates() })
}

// ReceiveBlock is what an api needs for received routes.
const ReceiveBlock = "receive { parsed; update; }"

// receivesUpdates is [API.sendsUpdates] for those that are received. Without
// neighbor-changes nobody could tell when the table is void.
func (a API) receivesUpdates() bool {
	decoded := slices.Contains(a.Receive, "parsed") || slices.Contains(a.Receive, "consolidate")
	return decoded && slices.Contains(a.Receive, "update") && a.NeighborChanges
}

// sendsUpdates tells whether UPDATEs that are sent come as decoded events
// (reactor/protocol.py, _to_api).
func (a API) sendsUpdates() bool {
	decoded := slices.Contains(a.Send, "parsed") || slices.Contains(a.Send, "consolidate")
	return decoded && slices.Contains(a.Send, "update")
}
