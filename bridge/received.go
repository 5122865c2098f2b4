package bridge

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"unique"

	"routesync/bridge/exabgp"
	"routesync/state"
)

// seenAttrs is a set of attributes that is kept once, however many routes have
// it: many do.
type seenAttrs = unique.Handle[state.SeenAttrs]

// inbound is what one peer announces: its Adj-RIB-In (RFC 4271 §3.2). It is
// known in whole from the start of a session, or once exaBGP's own table was
// read; until then what comes by itself is newer than what is listed.
type inbound struct {
	peer   netip.Addr
	routes map[state.AnyKey]seenAttrs

	reported bool // exaBGP tells what it receives of this peer
	kept     bool // exaBGP has a table that can be read (adj-rib-in)
	up       bool
	known    bool                      // everything from the start of the session, but for what is unread
	lost     map[state.AnyKey]struct{} // withdrawn before known
	unread   map[string]int            // routes that the listing had and that can't be read, by family
	garbled  int                       // UPDATEs that can't be read
	barred   string                    // why exaBGP must not be asked for its table
}

func (in *inbound) announce(k state.AnyKey, a seenAttrs) {
	in.routes[k] = a
	delete(in.lost, k)
}

func (in *inbound) withdraw(k state.AnyKey) {
	delete(in.routes, k)
	if !in.known {
		in.lost[k] = struct{}{}
	}
}

// listed takes a route of exaBGP's table, and tells whether it is news.
func (in *inbound) listed(k state.AnyKey, a seenAttrs) bool {
	if in.known || !in.up {
		return false // a session has ended or begun since: the listing is of the one before
	}
	if _, lost := in.lost[k]; lost {
		return false
	}
	if _, ok := in.routes[k]; ok {
		return false
	}
	in.routes[k] = a
	return true
}

// begin empties the table at the start or end of a session.
func (in *inbound) begin(up bool) {
	in.routes, in.lost, in.unread, in.barred = map[state.AnyKey]seenAttrs{}, nil, nil, ""
	in.up, in.known, in.garbled = up, true, 0
}

// wonder says that there may be routes from before, in a session that is up.
func (in *inbound) wonder() {
	in.up, in.known, in.lost, in.unread = true, false, map[state.AnyKey]struct{}{}, map[string]int{}
}

// wants tells whether exaBGP's table should be read for this peer.
func (in *inbound) wants() bool {
	return in.reported && in.kept && in.up && !in.known && in.barred == ""
}

// missing says why the table is not whole, "" if it is.
func (in *inbound) missing() string {
	switch {
	case !in.reported:
		return "exaBGP does not report what this peer announces: add " + exabgp.ReceiveBlock + " and neighbor-changes; to its api"
	case !in.known && !in.kept:
		return "what came before this bridge started is not known, because exaBGP keeps no received routes of this peer (adj-rib-in false)"
	case !in.known && in.barred != "":
		return "what came before this bridge started is not read: " + in.barred
	case !in.known:
		return "what came before this bridge started is not read yet"
	case in.garbled > 0:
		return fmt.Sprintf("exaBGP's report of %d UPDATEs can't be read; routes may be missing, or be gone", in.garbled)
	case len(in.unread) > 0:
		var parts []string
		for _, family := range slices.Sorted(maps.Keys(in.unread)) {
			parts = append(parts, fmt.Sprintf("%d of %s", in.unread[family], family))
		}
		return "routes from before this bridge started can't be read from exaBGP's table: " + strings.Join(parts, ", ")
	}
	return ""
}
