package state

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Peers names the peers that a route is for: "" is every peer of the speaker,
// otherwise selectors in order, joined by commas. It is comparable.
type Peers string

// Selector names peers in one of three ways: by address, by AS number, or by a
// tag that the speaker's configuration gives them.
type Selector struct {
	Addr netip.Addr
	AS   uint32
	Tag  string
}

func (s Selector) String() string {
	switch {
	case s.Tag != "":
		return "tag " + s.Tag
	case s.AS != 0:
		return "as " + strconv.FormatUint(uint64(s.AS), 10)
	}
	return s.Addr.String()
}

// compareSelectors orders addresses, then AS numbers, then tags.
func compareSelectors(a, b Selector) int {
	if a.Addr.IsValid() != b.Addr.IsValid() {
		if a.Addr.IsValid() {
			return -1
		}
		return 1
	}
	if a.Addr.IsValid() {
		return a.Addr.Compare(b.Addr)
	}
	return cmp.Or(strings.Compare(a.Tag, b.Tag), cmp.Compare(a.AS, b.AS))
}

// ParseSelector reads "192.0.2.1", "as 65001" or "tag transit". Its errors are
// [*Fault].
func ParseSelector(text string) (Selector, error) {
	word, value, two := strings.Cut(text, " ")
	switch {
	case two && word == "as":
		n, err := ParseASN(value)
		return Selector{AS: n}, err
	case two && word == "tag":
		return Selector{Tag: value}, CheckTag(value)
	case two, word == "as", word == "tag":
		return Selector{}, &Fault{Msg: fmt.Sprintf("peer %q is no selector", text), Hint: "write an address, as 65001, or tag transit"}
	}
	a, err := ParsePeer(text)
	if n, asErr := ParseASN(text); err != nil && asErr == nil {
		return Selector{}, &Fault{Msg: err.Error(), Hint: fmt.Sprintf("for the peers of an AS write as %d", n)}
	}
	return Selector{Addr: a}, err
}

// CheckTag is the rule for the words that people mark routes and peers with.
// Its errors are [*Fault].
func CheckTag(word string) error {
	for _, c := range word {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-", c) {
			return &Fault{Msg: fmt.Sprintf("tag %q is no word", word), Hint: "a tag has only A-Z a-z 0-9 . _ : -"}
		}
	}
	if word == "" {
		return &Fault{Msg: "a tag is empty"}
	}
	return nil
}

// NewPeers is the canonical list of the addresses given; none means every
// peer.
func NewPeers(addrs []netip.Addr) Peers {
	list := make([]Selector, len(addrs))
	for i, a := range addrs {
		list[i].Addr = a
	}
	return SelectPeers(list)
}

// SelectPeers is the canonical list of the selectors given; none means every
// peer.
func SelectPeers(list []Selector) Peers {
	sorted := slices.Clone(list)
	slices.SortFunc(sorted, compareSelectors)
	sorted = slices.Compact(sorted)
	words := make([]string, len(sorted))
	for i, s := range sorted {
		words[i] = s.String()
	}
	return Peers(strings.Join(words, ","))
}

// ParsePeer reads the address of a peer.
func ParsePeer(text string) (netip.Addr, error) {
	a, err := parseAddr(text)
	if err != nil {
		return a, &Fault{Msg: fmt.Sprintf("peer %v", err), Hint: "write the neighbor's address as exaBGP's configuration has it"}
	}
	return a, nil
}

// String lists the selectors for people.
func (p Peers) String() string {
	if p.All() {
		return "every peer"
	}
	return strings.ReplaceAll(string(p), ",", ", ")
}

// All tells whether p stands for every peer of the speaker.
func (p Peers) All() bool { return p == "" }

// Selectors lists the selectors in order; nil for every peer.
func (p Peers) Selectors() []Selector {
	if p.All() {
		return nil
	}
	var list []Selector
	for word := range strings.SplitSeq(string(p), ",") {
		if s, err := ParseSelector(word); err == nil {
			list = append(list, s)
		}
	}
	return list
}

// Addrs lists the addresses among the selectors in order; nil for every peer.
func (p Peers) Addrs() []netip.Addr {
	var addrs []netip.Addr
	for _, s := range p.Selectors() {
		if s.Addr.IsValid() {
			addrs = append(addrs, s.Addr)
		}
	}
	return addrs
}

// Overlap tells whether some peer is in both, whatever the speaker's
// configuration says: one is for every peer, or both have a selector. What
// only that configuration shows, [Diff] finds.
func (p Peers) Overlap(q Peers) bool {
	if p.All() || q.All() {
		return true
	}
	qs := q.Selectors()
	return slices.ContainsFunc(p.Selectors(), func(s Selector) bool { return slices.Contains(qs, s) })
}

// has tells whether a selector means a neighbor.
func (s Selector) has(n *Neighbor) bool {
	switch {
	case s.Tag != "":
		return slices.Contains(n.Tags, s.Tag)
	case s.AS != 0:
		return n.PeerAS == s.AS
	}
	return s.Addr == n.Addr
}
