package console

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"routesync/bridge/exabgp"
	"routesync/state"
)

// Filter takes the routes for which all that it says is so.
type Filter struct {
	Prefix netip.Prefix // the zero Prefix for any
	Longer bool         // Prefix stands for all that it covers
	Peer   netip.Addr   // the zero Addr for any
	Owner  *string      // nil for any; "" is exaBGP itself
	Family string       // "" for any
	Text   string       // to be found in what is shown of a route
}

// Owners have names; this one stands for none.
const nobody = "exabgp"

func ownerName(owner string) string {
	if owner == "" {
		return nobody
	}
	return owner
}

func filterWords() []string { return []string{"longer", "peer", "owner", "family", "match"} }

// readFilter reads "[PREFIX [longer]] [peer ADDRESS] [owner NAME] [family AFI
// SAFI] [match TEXT]".
func readFilter(args []word) (Filter, []Fault) {
	var f Filter
	var faults []Fault
	for len(args) > 0 {
		n, fault := f.take(args)
		if fault != nil {
			faults = append(faults, *fault)
		}
		args = args[min(n, len(args)):]
	}
	return f, faults
}

// take reads one part of a filter, and returns how many words it has.
func (f *Filter) take(args []word) (int, *Fault) {
	w := args[0]
	wrong := func(err error) *Fault {
		fault := faultAt(w, err)
		return &fault
	}
	if strings.Contains(w.text, "/") {
		p, err := state.ParsePrefix(w.text)
		if err != nil {
			return 1, wrong(err)
		}
		f.Prefix = p
		return 1, nil
	}
	key := pick(w.text, filterWords())
	switch {
	case key == "":
		return 1, &Fault{w.column, fmt.Sprintf("%q is no filter", w.text),
			"there are PREFIX, PREFIX longer, peer ADDRESS, owner NAME, family ipv4 unicast, match TEXT"}
	case key == "longer":
		f.Longer = true
		if !f.Prefix.IsValid() {
			return 1, &Fault{w.column, "longer than what?", "write 10.0.0.0/8 longer"}
		}
		return 1, nil
	case len(args) < 2:
		return 1, &Fault{w.end(), key + " has no value", ""}
	}
	w = args[1]
	switch key {
	case "peer":
		p, err := state.ParsePeer(w.text)
		if err != nil {
			return 2, wrong(err)
		}
		f.Peer = p
	case "owner":
		owner := w.text
		if owner == nobody {
			owner = ""
		}
		f.Owner = &owner
	case "family":
		n := 2
		f.Family = w.text
		if len(args) > 2 && knownFamily(w.text+" "+args[2].text) {
			n, f.Family = 3, w.text+" "+args[2].text
		}
		if !knownFamily(f.Family) {
			return n, &Fault{w.column, fmt.Sprintf("%q is no family", w.text), "write ipv4, or all of it, as in ipv4 unicast"}
		}
		return n, nil
	case "match":
		f.Text = w.text
	}
	return 2, nil
}

// takesPrefix tells whether the filter takes routes of a prefix.
func (f Filter) takesPrefix(p netip.Prefix) bool {
	switch {
	case !f.Prefix.IsValid():
		return true
	case !p.IsValid():
		return false
	case f.Longer:
		return f.Prefix.Bits() <= p.Bits() && f.Prefix.Contains(p.Addr())
	}
	return f.Prefix == p
}

// knownFamily takes "ipv4" too, for all that begin so.
func knownFamily(text string) bool {
	return slices.ContainsFunc(exabgp.Families(), func(known string) bool { return exabgp.TakesFamily(text, known) })
}

func (f Filter) takesFamily(family string) bool { return exabgp.TakesFamily(f.Family, family) }

// Takes tells whether the filter takes a received route.
func (f Filter) Takes(r Received) bool {
	if f.Prefix.IsValid() {
		text, _, _ := strings.Cut(r.NLRI, " ")
		p, _ := netip.ParsePrefix(text) // the zero Prefix is not taken
		if !f.takesPrefix(p) {
			return false
		}
	}
	return (!f.Peer.IsValid() || f.Peer == r.Peer) && f.takesFamily(r.Family) &&
		(f.Text == "" || strings.Contains(r.Peer.String()+" "+r.NLRI+" "+r.Attrs, f.Text))
}

func (f Filter) takesOwner(owner string) bool { return f.Owner == nil || *f.Owner == owner }
