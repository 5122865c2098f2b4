package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"routesync/bridge"
	"routesync/state"
)

// statusReport is what status shows, in the form that programs get.
type statusReport struct {
	FormatVersion string `json:"format_version"`
	Owner         string `json:"owner,omitempty"` // whose routes are not foreign
	// Conditions are those of the broker, of queues, and of speakers that do not
	// answer.
	Conditions []conditionJSON `json:"conditions"`
	Speakers   []speakerStatus `json:"speakers"`

	queues []conditionJSON // those of the conditions that no error says
}

type speakerStatus struct {
	Speaker   string       `json:"speaker"`
	ExaBGP    string       `json:"exabgp"`
	Bridge    bridgeStatus `json:"bridge"`
	Boot      string       `json:"boot"`
	Complete  bool         `json:"complete"`
	Digest    string       `json:"digest"`
	Routes    uint64       `json:"routes_at_peers"`
	Silent    string       `json:"silent_since,omitempty"` // exaBGP owes an answer
	Converged string       `json:"converged,omitempty"`
	LastError *errorStatus `json:"last_error"`
	// Conditions are those of the bridge.
	Conditions []conditionJSON `json:"conditions"`
	Leases     []leaseStatus   `json:"leases"`
	Standbys   []watchStatus   `json:"standbys"` // watches that do not command
	InForce    []forceStatus   `json:"in_force"` // files, one of each owner
	Pauses     []pauseJSON     `json:"pauses"`
	Overrides  []overrideJSON  `json:"overrides"`
	Trials     []trialStatus   `json:"trials"` // what waits to be confirmed, or is being reverted
	Lacks      []string        `json:"lacks"`
	Owners     []ownerStatus   `json:"owners"`
	ByHand     []handStatus    `json:"by_hand"`
	Peers      []peerStatus    `json:"peers"`
	Refused    []refusal       `json:"refused"`
	Contests   []contestJSON   `json:"contests"`      // routes that two owners ask for
	Lines      []lineStatus    `json:"refused_lines"` // of the queue to-exabgp
}

type lineStatus struct {
	At     string `json:"at"`
	Line   string `json:"line"`
	Reason string `json:"reason"`
}

type bridgeStatus struct {
	Version string `json:"version"`
	Host    string `json:"host"`
	PID     int    `json:"pid"`
}

type errorStatus struct {
	At      string `json:"at"`
	Message string `json:"message"`
}

type leaseStatus struct {
	Owner   string `json:"owner"`
	Verb    string `json:"verb"`
	Host    string `json:"host"`
	PID     int    `json:"pid"`
	Epoch   int64  `json:"epoch"`
	Applied int64  `json:"applied"`
	// Conditions are those of the commander.
	Conditions []conditionJSON `json:"conditions"`
	Digest     string          `json:"file_digest,omitempty"`
	Changed    string          `json:"file_changed,omitempty"`
	Silent     string          `json:"silent_since,omitempty"`
}

type ownerStatus struct {
	Owner  string `json:"owner"` // "": exaBGP itself
	Routes int    `json:"routes"`
}

// handStatus is a route that somebody gave by hand.
type handStatus struct {
	Family string         `json:"family"`
	NLRI   string         `json:"nlri"`
	Owner  string         `json:"owner"`
	From   *fromJSON      `json:"from"`
	Attrs  map[string]any `json:"attributes"`
	Peers  []string       `json:"peers"`
	text   string
}

type peerStatus struct {
	peerJSON
	Grades   map[string]int `json:"grades"` // routes by grade, foreign ones too
	Foreign  int            `json:"foreign"`
	Unsent   []caseJSON     `json:"unsent"`
	Self     []string       `json:"next_hop_self,omitempty"` // what next-hop self was sent as: in IPv4 families, in IPv6 families
	Received *int           `json:"received"`                // routes that it announces; null if that is not known: see received
}

type refusal struct {
	Family string   `json:"family"`
	NLRI   string   `json:"nlri"`
	Owner  string   `json:"owner"`
	Peers  []string `json:"peers"`
	Reason string   `json:"reason"`
}

// newStatus is the report on speakers as they were seen. The routes of anybody
// but owner are foreign; of nobody if there is no owner. failed are the conditions
// that are errors, queues those of queues.
func newStatus(owner string, seen []observation, failed, queues []conditionJSON) statusReport {
	r := statusReport{
		FormatVersion: formatVersion, Owner: owner, Speakers: []speakerStatus{},
		Conditions: append(slices.Clone(failed), queues...), queues: queues,
	}
	if r.Conditions == nil {
		r.Conditions = []conditionJSON{}
	}
	for _, o := range seen {
		r.Speakers = append(r.Speakers, o.status(owner))
	}
	return r
}

func (o observation) status(owner string) speakerStatus {
	s := speakerStatus{
		Speaker: o.speaker, Boot: o.boot, Complete: o.advertised.Complete,
		Digest: o.digest.Sum(), Routes: o.digest.Count,
		Conditions: []conditionJSON{}, Leases: []leaseStatus{}, Standbys: []watchStatus{}, InForce: []forceStatus{}, Pauses: []pauseJSON{}, Overrides: []overrideJSON{}, Trials: []trialStatus{}, Lacks: listJSON(o.lacks()), Owners: o.owners(), ByHand: o.byHand(), Peers: o.peers(owner), Refused: []refusal{}, Contests: contestsJSON(o.advertised.Contested()), Lines: []lineStatus{},
	}
	if a := o.about; a != nil {
		s.Conditions = newConditions(a.Conditions)
		s.ExaBGP, s.Converged, s.Silent = a.ExaBGP, timeJSON(a.Converged), timeJSON(a.Silent)
		s.Bridge = bridgeStatus{a.Version, a.Host, a.PID}
		if a.LastError != "" {
			s.LastError = &errorStatus{timeJSON(a.LastErrorAt), a.LastError}
		}
		for _, l := range a.Lines {
			s.Lines = append(s.Lines, lineStatus{timeJSON(l.At), l.Line, l.Reason})
		}
		for _, l := range a.Leases {
			s.Leases = append(s.Leases, leaseStatus{
				Owner: l.Owner, Verb: l.Holder.Verb, Host: l.Holder.Host, PID: l.Holder.PID, Epoch: l.Epoch, Applied: l.Applied,
				Conditions: newConditions(l.Conditions),
				Digest:     l.Revision.Digest, Changed: timeJSON(l.Revision.Changed), Silent: timeJSON(l.Silent),
			})
		}
		s.watches(a)
		s.orders(a)
		slices.SortFunc(s.Leases, func(a, b leaseStatus) int { return cmp.Compare(a.Owner, b.Owner) })
	}
	refused := slices.Clone(o.advertised.Refused)
	slices.SortFunc(refused, func(a, b state.Refusal) int {
		return cmp.Or(state.CompareKeys(a.Key, b.Key), cmp.Compare(a.Owner, b.Owner))
	})
	for _, r := range refused {
		s.Refused = append(s.Refused, refusal{r.Key.Family.String(), r.Key.String(), r.Owner, addrsJSON(r.Peers.Addrs()), r.Reason})
	}
	return s
}

// owners counts the routes of each owner, in the order of their names.
func (o observation) owners() []ownerStatus {
	routes := map[string]int{}
	for _, adverts := range o.advertised.Routes.All() {
		for _, a := range adverts {
			routes[a.Owner]++
		}
	}
	all := []ownerStatus{}
	for owner, n := range routes {
		all = append(all, ownerStatus{owner, n})
	}
	slices.SortFunc(all, func(a, b ownerStatus) int { return cmp.Compare(a.Owner, b.Owner) })
	return all
}

// byHand lists the routes that are by hand, in the order of their keys. The
// routes of exaBGP's own configuration, which may be many, are not among them.
func (o observation) byHand() []handStatus {
	all := []handStatus{}
	for k, adverts := range o.advertised.Routes.All() {
		for _, a := range adverts {
			if a.Owner == "" || !state.ByHand(a.Owner) {
				continue
			}
			all = append(all, handStatus{
				Family: k.Family.String(), NLRI: k.String(), Owner: a.Owner, From: provenanceJSON(a.From),
				Attrs: attrsJSON(a.Attrs), Peers: addrsJSON(peersOf(a)),
				text: fmt.Sprintf("%s %s: %s", k, a.Attrs, whose(a)),
			})
		}
	}
	return all
}

// peers counts the routes at each peer by grade.
func (o observation) peers(owner string) []peerStatus {
	all := []peerStatus{}
	place := map[netip.Addr]int{}
	for i, n := range o.advertised.Peers {
		place[n.Addr] = i
		all = append(all, peerStatus{peerJSON: neighborJSON(n), Grades: map[string]int{}, Unsent: []caseJSON{}, Self: addrsJSON(n.Self), Received: n.Received})
	}
	for k, adverts := range o.advertised.Routes.All() {
		for _, a := range adverts {
			for _, at := range a.At {
				i, known := place[at.Peer]
				if !known {
					continue
				}
				p := &all[i]
				p.Grades[at.Grade.String()]++
				if a.Owner != owner && (owner != "" || a.Owner == "") {
					p.Foreign++
				}
				if at.Grade == state.Unsent {
					p.Unsent = append(p.Unsent, caseJSON{Family: k.Family.String(), NLRI: k.String(), Reason: at.Reason})
				}
			}
		}
	}
	return all
}

// text writes the report for people.
func (r statusReport) text(to io.Writer) error {
	out := bufio.NewWriter(to)
	for _, c := range r.queues {
		fmt.Fprintf(out, "%s: %s\n", cmp.Or(c.Speaker, "broker"), c.text())
	}
	for i, s := range r.Speakers {
		if i > 0 || len(r.queues) > 0 {
			fmt.Fprintln(out)
		}
		s.text(out)
	}
	return out.Flush()
}

func (s speakerStatus) text(out *bufio.Writer) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(out, "  %-11s %s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(out, "%s: exaBGP %s\n", s.Speaker, cmp.Or(s.ExaBGP, "of unknown version"))
	if s.Silent != "" {
		line("SILENT", "exaBGP has not answered since %s; what is below may not be so any more", s.Silent)
	}
	for _, c := range s.Conditions {
		line("condition", "%s", c.text())
	}
	line("bridge", "%s on %s (pid %d)", cmp.Or(s.Bridge.Version, "unknown version"), cmp.Or(s.Bridge.Host, "unknown host"), s.Bridge.PID)
	line("boot", "%s", cmp.Or(s.Boot, "unknown"))
	line("converged", "%s", cmp.Or(s.Converged, "not yet"))
	if s.LastError != nil {
		line("last error", "%s %s", s.LastError.At, s.LastError.Message)
	}
	line("holds", "%s for peers, digest %s", count(int(s.Routes), "route"), s.Digest)
	for _, o := range s.Owners {
		line("", "%s of %s", count(o.Routes, "route"), bridge.OwnerName(o.Owner))
	}
	for i, h := range s.ByHand {
		if i == maxListed {
			line("", "... and %d more by hand (all with -o json)", len(s.ByHand)-i)
			break
		}
		line("by hand", "%s", h.text)
	}
	s.orderLines(line)
	s.watchLines(line)
	for _, lack := range s.Lacks {
		line("lacks", "%s", lack)
	}
	for _, p := range s.Peers {
		p.text(line)
	}
	for i, r := range s.Refused {
		if i == maxListed {
			line("", "... and %d more refused (all with -o json)", len(s.Refused)-i)
			break
		}
		line("refused", "%s for owner %s: %s", r.NLRI, r.Owner, r.Reason)
	}
	for i, c := range s.Contests {
		if i == maxListed {
			line("", "... and more that two owners ask for (all with -o json)")
			break
		}
		line("contested", "%s of %s: owner %s asks for it too", c.NLRI, bridge.OwnerName(c.Holder), c.Owner)
	}
	for _, l := range s.Lines {
		line("refused", "%s %q of queue to-exabgp: %s", l.At, l.Line, l.Reason)
	}
}

func (p peerStatus) text(line func(name, format string, args ...any)) {
	session := "down"
	if p.Up {
		session = "up"
	}
	if p.Since != "" {
		session += " since " + p.Since
	}
	received := ""
	if p.Received != nil {
		received = fmt.Sprintf("; %d received", *p.Received)
	}
	line("peer", "%s AS %d: %s; %s%s", p.Address, p.PeerAS, session, p.grades(), received)
	if len(p.Self) > 0 {
		line("  next hop", "self was sent as %s", strings.Join(p.Self, " and "))
	}
	for i, c := range p.Unsent {
		if i == maxListed {
			line("", "... and %d more unsent (all with -o json)", len(p.Unsent)-i)
			break
		}
		line("  unsent", "%s: %s", c.NLRI, c.Reason)
	}
}

// grades is the counts in the order in which a route goes through them.
func (p peerStatus) grades() string {
	var words []string
	for g := state.Accepted; g <= state.Withdrawing; g++ {
		if n := p.Grades[g.String()]; n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, g))
		}
	}
	if len(words) == 0 {
		words = []string{"no routes"}
	}
	if p.Foreign > 0 {
		words = append(words, fmt.Sprintf("%d of them foreign", p.Foreign))
	}
	return strings.Join(words, ", ")
}
