package exabgp

import (
	"fmt"
	"net/netip"
	"strings"

	"routesync/state"
)

// Selector names the neighbors that a command is for: those for which all that
// it gives is so. What it does not give is zero.
type Selector struct {
	Addr            netip.Addr
	LocalIP         netip.Addr
	LocalAS, PeerAS uint32
	RouterID        netip.Addr
	// InOpen is "family-allowed in-open", which is every neighbor without
	// multi-session (bgp/neighbor.py, name).
	InOpen bool
}

// Matches tells whether a command with the selector is for n. exaBGP compares
// text (reactor/api/command/limit.py, match_neighbor); this compares values, so
// that any spelling of an address will do.
func (s Selector) Matches(n Neighbor) bool {
	return s.Addr == n.Addr &&
		(!s.LocalIP.IsValid() || s.LocalIP == n.LocalAddress) &&
		(s.LocalAS == 0 || s.LocalAS == n.LocalAS) &&
		(s.PeerAS == 0 || s.PeerAS == n.PeerAS) &&
		(!s.RouterID.IsValid() || s.RouterID == n.RouterID) &&
		(!s.InOpen || !n.MultiSession)
}

// String is the selector in exaBGP's words.
func (s Selector) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "neighbor %s", s.Addr)
	if s.LocalIP.IsValid() {
		fmt.Fprintf(&b, " local-ip %s", s.LocalIP)
	}
	if s.LocalAS != 0 {
		fmt.Fprintf(&b, " local-as %d", s.LocalAS)
	}
	if s.PeerAS != 0 {
		fmt.Fprintf(&b, " peer-as %d", s.PeerAS)
	}
	if s.RouterID.IsValid() {
		fmt.Fprintf(&b, " router-id %s", s.RouterID)
	}
	if s.InOpen {
		b.WriteString(" family-allowed in-open")
	}
	return b.String()
}

// selectors reads "neighbor ADDRESS [local-as AS ...], neighbor ADDRESS ..."
// before the command.
func (p *parser) selectors() []Selector {
	var all []Selector
	for comma := true; ; {
		w, ok := p.peek()
		if !ok || !w.is("neighbor") {
			if comma && len(all) > 0 {
				// exaBGP takes "neighbor A, local-as N" for A and every
				// neighbor with that AS.
				p.fault(p.before(), "a comma that no neighbor follows", "write neighbor ADDRESS, neighbor ADDRESS")
				p.skip(func(w word) bool { return w.is("announce", "withdraw") })
			}
			return all
		}
		if !comma {
			p.fault(w, "a neighbor behind another, without a comma", "write neighbor ADDRESS, neighbor ADDRESS")
		}
		p.next++
		all = append(all, p.selector())
		if comma = p.mark(','); comma {
			p.want("", "neighbor")
		}
	}
}

func selectorWords() []string {
	return []string{"local-ip", "local-as", "peer-as", "router-id", "family-allowed"}
}

// selector reads what follows the word neighbor.
func (p *parser) selector() Selector {
	var s Selector
	seen := map[string]word{}
	s.Addr = p.selectorAddr("peer", "leave neighbor out for every neighbor; exaBGP 4.2 has no neighbor *")
	for {
		left := []string{"announce", "withdraw"}
		for _, key := range selectorWords() {
			if _, ok := seen[key]; !ok {
				left = append(left, key)
			}
		}
		w, ok := p.look("", left...)
		if !ok || !w.is(selectorWords()...) {
			return s
		}
		p.next++
		if first, there := seen[w.text]; there {
			p.fault(w, fmt.Sprintf("%s is given twice; the first is at column %d", w.text, first.col), "keep one of them")
		}
		seen[w.text] = w
		switch w.text {
		case "local-ip":
			s.LocalIP = p.selectorAddr("address", "")
		case "router-id":
			s.RouterID = p.selectorAddr("address", "")
		case "local-as":
			s.LocalAS = p.selectorAS()
		case "peer-as":
			s.PeerAS = p.selectorAS()
		case "family-allowed":
			s.InOpen = true
			if v, ok := p.selectorValue("", "in-open"); ok && !v.is("in-open") {
				p.fault(v, "family-allowed "+quoted(v.text)+" is not in-open", "leave it out")
			}
		}
	}
}

// selectorValue reads the value of the keyword read last. What begins the
// command is no value.
func (p *parser) selectorValue(what string, words ...string) (word, bool) {
	w, ok := p.look(what, words...)
	if !ok || w.mark != 0 || w.is("announce", "withdraw", "neighbor") || w.is(selectorWords()...) {
		p.missing("%s has no value", "")
		return w, false
	}
	p.next++
	return w, !w.bad
}

func (p *parser) selectorAddr(what, hint string) netip.Addr {
	w, ok := p.selectorValue(what)
	if !ok {
		return netip.Addr{}
	}
	a, err := state.ParsePeer(w.text)
	if err != nil {
		p.fault(w, quoted(w.text)+" is not an address", hint)
	}
	return a
}

func (p *parser) selectorAS() uint32 {
	w, ok := p.selectorValue("as")
	if !ok {
		return 0
	}
	n, err := state.ParseASN(w.text)
	if err != nil {
		p.faultErr(w, err)
	}
	return n
}
