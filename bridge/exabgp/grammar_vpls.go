package exabgp

import (
	"slices"
	"strconv"

	"routesync/state"
)

// vplsNumbers are the words of a VPLS NLRI (RFC 4761 §3.2.2).
func vplsNumbers() []string { return []string{"endpoint", "base", "offset", "size"} }

// vplsAttributes are the attributes that exaBGP takes for VPLS
// (configuration/l2vpn/vpls.py).
func vplsAttributes() []string {
	return []string{
		"next-hop", "origin", "as-path", "med", "local-preference", "atomic-aggregate", "aggregator", "community",
		"originator-id", "cluster-list", "extended-community", "attribute", "rd", "route-distinguisher",
	}
}

// vpls reads "vpls endpoint N base N offset N size N rd RD next-hop ADDRESS ...".
func (p *parser) vpls(first word) {
	p.next++
	if !first.is("vpls") {
		p.fault(first, quoted(first.text)+" begins no statement", "behind a ; comes vpls")
		p.skip(func(w word) bool { return w.mark == ';' })
		return
	}
	s := newSettings()
	numbers := map[string]uint32{}
	k := keywords{
		close: p.closing(),
		left: func() []string {
			return slices.DeleteFunc(append(vplsNumbers(), vplsAttributes()...), func(name string) bool {
				_, there := s.given[name]
				return there || name == "route-distinguisher"
			})
		},
		read: func(w word) bool {
			if w.is(vplsAttributes()...) {
				return p.setting(s, w)
			}
			if !w.is(vplsNumbers()...) {
				return false
			}
			p.next++
			p.once(s, w.text, w)
			p.scalar(s, "number", func(text string) error {
				n, err := strconv.ParseUint(text, 10, 16)
				if err != nil || text != strconv.FormatUint(n, 10) {
					return &state.Fault{Msg: w.text + " " + quoted(text) + " is not in 0..65535"}
				}
				numbers[w.text] = uint32(n)
				return nil
			})
			return true
		},
	}
	p.inline(k) // its block is known to configurations only
	for _, name := range append(vplsNumbers(), "rd") {
		if _, there := s.given[name]; !there {
			p.fault(first, "vpls has no "+name, "")
			s.bad = true
		}
	}
	p.addVPLS(first, s, numbers)
}
