package simulation

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"routesync/state"
)

// Who announces a route shows by its next hop.

func owners() []string { return []string{"", "team", "other"} }

const handOwner = "hand"

func attrsOf(owner string, k state.Key, med int) state.Attrs {
	n := slices.Index(owners(), owner)
	if owner == handOwner {
		n = 9
	}
	hop := fmt.Sprintf("192.0.2.%d", n+10)
	if k.Family == state.IPv6Unicast {
		hop = fmt.Sprintf("2001:db8::%d", n+10)
	}
	values := map[state.Name][]string{state.NextHop: {hop}}
	if med > 0 {
		values[state.MED] = []string{strconv.Itoa(med)}
	}
	a, err := state.NewAttrs(values)
	if err != nil {
		panic(err)
	}
	return a
}

// valueOf is what a peer gets of attributes: a local preference of 100 is what it
// has anyway, and exaBGP takes it for a change.
func valueOf(a state.Attrs) state.Attrs {
	if _, there := a.Get(state.LocalPreference); !there {
		return a
	}
	a, err := a.With(state.LocalPreference, nil)
	if err != nil {
		panic(err)
	}
	return a
}

// poisonMED is the metric of routes with which a session falls.
const poisonMED = 9

func poisonous(a state.Attrs) bool {
	med, _ := a.Get(state.MED)
	return len(med) == 1 && med[0] == strconv.Itoa(poisonMED)
}

// ownerOf is whose file has a route with these attributes, "" if none may.
func ownerOf(a state.Attrs) string {
	hop, err := netip.ParseAddr(a.NextHop())
	if err != nil {
		panic(err)
	}
	b := hop.AsSlice()
	n := int(b[len(b)-1])
	if hop.Is6() {
		n = n>>4*10 + n&15 // "::11" is hexadecimal
	}
	if n -= 10; n < len(owners()) {
		return owners()[n]
	}
	return ""
}

func keyOf(prefix string) state.Key { return state.UnicastKey(netip.MustParsePrefix(prefix), 0) }

// static is a route of exaBGP's own configuration, elsewhere one that only
// commands by hand have.
func static() state.Key    { return keyOf("10.255.0.0/16") }
func elsewhere() state.Key { return keyOf("10.254.0.0/16") }

// fileKeys are those that files ask for.
func fileKeys() []state.Key {
	var keys []state.Key
	for _, p := range []string{"10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24", "2001:db8::/32"} {
		keys = append(keys, keyOf(p))
	}
	return keys
}

// entry is a route of a file.
type entry struct {
	key     int           // of fileKeys
	med     int           // 0 for none
	peer    int           // 0 for all, or its number
	expires time.Duration // from the save; 0 for never
}

func (e entry) String() string {
	s := fileKeys()[e.key].String()
	if e.med > 0 {
		s += fmt.Sprintf(" med %d", e.med)
	}
	if e.peer > 0 {
		s += fmt.Sprintf(" peer %d", e.peer)
	}
	if e.expires > 0 {
		s += fmt.Sprintf(" expires in %s", e.expires)
	}
	return s
}

func peerAddrs() []netip.Addr {
	return []netip.Addr{netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.3")}
}

// desired is what a file with these routes asks for.
func desired(owner string, entries ...entry) *state.Desired {
	// Its few routes come and go all at once.
	d := &state.Desired{Owner: owner, Speakers: []string{speaker}, Policy: state.Unguarded()}
	for _, e := range entries {
		k := fileKeys()[e.key]
		w := state.Wanted{Key: k, Terms: &state.Terms{Attrs: attrsOf(owner, k, e.med)}}
		if e.peer > 0 {
			w.Peers = state.NewPeers(peerAddrs()[e.peer-1 : e.peer])
		}
		if e.expires > 0 {
			w.Expires = time.Now().Add(e.expires).UnixMilli()
		}
		d.Routes = append(d.Routes, w)
	}
	slices.SortStableFunc(d.Routes, func(a, b state.Wanted) int { return state.CompareKeys(a.Key, b.Key) })
	d.Revision = state.Revision{Digest: d.Digest(), Changed: time.Now().UnixMilli()}
	return d
}
