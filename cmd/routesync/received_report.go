package main

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"unicode/utf8"

	"routesync/bridge"
	"routesync/bridge/exabgp"
	"routesync/state"
)

// receivedReport is what received shows, in the form that programs get.
type receivedReport struct {
	FormatVersion string            `json:"format_version"`
	Speakers      []speakerReceived `json:"speakers"`
}

type speakerReceived struct {
	Speaker string          `json:"speaker"`
	Peers   []peerReceived  `json:"peers"`
	Routes  []routeReceived `json:"routes"`
}

type peerReceived struct {
	Address  string `json:"address"`
	Up       bool   `json:"up"`
	Routes   int    `json:"routes"`
	Complete bool   `json:"complete"`
	Missing  string `json:"missing,omitempty"`
}

type routeReceived struct {
	Family     string         `json:"family"`
	NLRI       string         `json:"nlri"`
	Peer       string         `json:"peer"`
	Attributes map[string]any `json:"attributes"`
	Unknown    []string       `json:"unknown,omitempty"` // attributes without a name

	key   state.AnyKey
	attrs state.SeenAttrs
}

// receivedFilter says which routes are shown; the zero filter shows all.
type receivedFilter struct {
	peers  []netip.Addr
	family string
}

func (f receivedFilter) peer(a netip.Addr) bool {
	return len(f.peers) == 0 || slices.Contains(f.peers, a)
}

func (f receivedFilter) route(a netip.Addr, family string) bool {
	return f.peer(a) && exabgp.TakesFamily(f.family, family)
}

// strangers are the peers of the filter that are in none of the tables.
func (f receivedFilter) strangers(tables []*bridge.ReceivedTable) []netip.Addr {
	return slices.DeleteFunc(slices.Clone(f.peers), func(a netip.Addr) bool {
		return slices.ContainsFunc(tables, func(t *bridge.ReceivedTable) bool { return t != nil && t.Peers[a] != nil })
	})
}

// count is how many routes of a table are shown.
func (f receivedFilter) count(t *bridge.ReceivedTable) int {
	n := 0
	for a, p := range t.Peers {
		for k := range p.Routes {
			if f.route(a, k.Family) {
				n++
			}
		}
	}
	return n
}

// newReceived is the report on the tables of speakers, nil for one that is not
// known.
func newReceived(speakers []string, tables []*bridge.ReceivedTable, filter receivedFilter) receivedReport {
	r := receivedReport{FormatVersion: formatVersion, Speakers: []speakerReceived{}}
	for i, speaker := range speakers {
		if tables[i] != nil {
			r.Speakers = append(r.Speakers, newSpeakerReceived(speaker, tables[i], filter))
		}
	}
	return r
}

func newSpeakerReceived(speaker string, t *bridge.ReceivedTable, filter receivedFilter) speakerReceived {
	s := speakerReceived{Speaker: speaker, Peers: []peerReceived{}, Routes: []routeReceived{}}
	byKey := map[state.AnyKey][]routeReceived{}
	for _, a := range slices.SortedFunc(maps.Keys(t.Peers), netip.Addr.Compare) {
		p := t.Peers[a]
		if !filter.peer(a) {
			continue
		}
		s.Peers = append(s.Peers, peerReceived{a.String(), p.Up, len(p.Routes), p.Missing == "", p.Missing})
		for k, attrs := range p.Routes {
			if filter.route(a, k.Family) {
				byKey[k] = append(byKey[k], routeReceived{Peer: a.String(), key: k, attrs: attrs.Value()})
			}
		}
	}
	keys := slices.Collect(maps.Keys(byKey))
	state.SortAnyKeys(keys)
	for _, k := range keys {
		for _, r := range byKey[k] {
			r.Family, r.NLRI = k.Family, k.ID
			r.Attributes, r.Unknown = seenJSON(r.attrs)
			s.Routes = append(s.Routes, r)
		}
	}
	return s
}

// seenJSON is [attrsJSON] of what a peer sent, never null.
func seenJSON(a state.SeenAttrs) (map[string]any, []string) {
	m := attrsJSON(a.Attrs)
	if m == nil {
		m = map[string]any{}
	}
	return m, a.Others()
}

// nlriText is an NLRI for people: its family is named if it is not a prefix.
func nlriText(k state.AnyKey) string {
	if k.Family == state.IPv4Unicast.String() || k.Family == state.IPv6Unicast.String() {
		return k.String()
	}
	return state.FamilyRoute(k.Family, k.String())
}

// column is a column's width with another text in it, which sticks out if it is
// long.
func column(width int, text string) int {
	if n := utf8.RuneCountInString(text); n <= maxColumn {
		return max(width, n)
	}
	return width
}

// maxColumn is how wide a column gets for the sake of those below it.
const maxColumn = 60

// text writes a line for each route, in columns.
func (r receivedReport) text(to io.Writer) error {
	out := bufio.NewWriter(to)
	for _, s := range r.Speakers {
		if len(r.Speakers) > 1 {
			fmt.Fprintf(out, "%s: %s\n", s.Speaker, count(len(s.Routes), "received route"))
		}
		nlri, attrs := 0, 0
		for _, x := range s.Routes {
			nlri = column(nlri, nlriText(x.key))
			attrs = column(attrs, x.attrs.String())
		}
		for _, x := range s.Routes {
			fmt.Fprintf(out, "%-*s  %-*s  from %s\n", nlri, nlriText(x.key), attrs, x.attrs, x.Peer)
		}
	}
	return out.Flush()
}

// notes writes what a person should know of the tables.
func (r receivedReport) notes(to io.Writer) error {
	for _, s := range r.Speakers {
		if len(s.Routes) == 0 {
			if _, err := fmt.Fprintf(to, "%s: no received routes\n", s.Speaker); err != nil {
				return err
			}
		}
		for _, p := range s.Peers {
			if !p.Up {
				if _, err := fmt.Fprintf(to, "%s: %s is down\n", s.Speaker, p.Address); err != nil {
					return err
				}
			}
			if !p.Complete {
				if _, err := fmt.Fprintf(to, "%s: not whole: %s: %s\n", s.Speaker, p.Address, p.Missing); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
