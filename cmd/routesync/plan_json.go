package main

import (
	"routesync/reconcile"
	"routesync/state"
)

type plansJSON struct {
	FormatVersion string            `json:"format_version"`
	File          string            `json:"file"`
	Owner         string            `json:"owner"`
	Speakers      []speakerPlanJSON `json:"speakers"`
	Timed         []timedJSON       `json:"timed"` // what starts or expires by itself
	NotStarted    int               `json:"routes_not_started"`
	Expired       int               `json:"routes_expired"`
	Summary       summaryJSON       `json:"summary"`
}

type speakerPlanJSON struct {
	Speaker string        `json:"speaker"`
	Base    baseJSON      `json:"base"`
	Changes []changeJSON  `json:"changes"`
	Foreign []foreignJSON `json:"foreign"`
	Overlap []overlapJSON `json:"overlaps"`
	Contest []contestJSON `json:"contests"` // routes of the file that another asks for too
	Nowhere []caseJSON    `json:"nowhere"`  // for peers that the speaker has none of
	Held    []caseJSON    `json:"held"`
	Unsent  []caseJSON    `json:"unsent"`
	Lacks   []string      `json:"lacks"`
	Summary summaryJSON   `json:"summary"`
	// Older is what is in force, if the file is older and would be refused.
	Older *inForceJSON `json:"older_than"`
}

// baseJSON is what a plan was made against.
type baseJSON struct {
	ExaBGP   string     `json:"exabgp"`
	Boot     string     `json:"boot"`
	Digest   string     `json:"digest"`
	Routes   uint64     `json:"routes_at_peers"`
	Complete bool       `json:"complete"`
	Peers    []peerJSON `json:"peers"`
}

type peerJSON struct {
	Address  string   `json:"address"`
	LocalAS  uint32   `json:"local_as"`
	PeerAS   uint32   `json:"peer_as"`
	Up       bool     `json:"up"`
	Since    string   `json:"since,omitempty"`
	Families []string `json:"families"`
	Tags     []string `json:"tags,omitempty"`
}

type changeJSON struct {
	Action   string         `json:"action"` // announce, change, withdraw
	Family   string         `json:"family"`
	NLRI     string         `json:"nlri"`
	Peers    []string       `json:"peers"`
	Before   map[string]any `json:"before"`
	After    map[string]any `json:"after"`
	Position *positionJSON  `json:"position"`
	Tags     []string       `json:"tags"`
	Comment  string         `json:"comment,omitempty"`
	Starts   string         `json:"starts,omitempty"`
	Expires  string         `json:"expires,omitempty"`
	Refused  string         `json:"refused,omitempty"` // why it was, before
}

type foreignJSON struct {
	Family   string         `json:"family"`
	NLRI     string         `json:"nlri"`
	Peers    []string       `json:"peers"`
	Owner    string         `json:"owner"` // "": exaBGP itself
	From     *fromJSON      `json:"from"`  // of a route by hand
	Attrs    map[string]any `json:"attributes"`
	WantedAt *positionJSON  `json:"wanted_at"` // the file asks for it too
}

// overlapJSON is two routes of the file for one peer.
type overlapJSON struct {
	Family string        `json:"family"`
	NLRI   string        `json:"nlri"`
	Peers  []string      `json:"peers"`
	First  *positionJSON `json:"first"`
	Second *positionJSON `json:"second"`
}

// contestJSON is a route that two owners ask for.
type contestJSON struct {
	Family string `json:"family"`
	NLRI   string `json:"nlri"`
	Holder string `json:"holder"` // who was first, and keeps it
	Owner  string `json:"owner"`  // who asks for it too
}

func contestsJSON(all []state.Contest) []contestJSON {
	out := []contestJSON{}
	for _, c := range all {
		out = append(out, contestJSON{c.Key.Family.String(), c.Key.String(), c.Holder, c.Owner})
	}
	return out
}

type summaryJSON struct {
	Announce  int `json:"announce"`
	Change    int `json:"change"`
	Withdraw  int `json:"withdraw"`
	Foreign   int `json:"foreign"`
	Conflicts int `json:"conflicts"`
	Unchanged int `json:"unchanged"`
}

// json is the plans for programs.
func (p plans) json() plansJSON {
	all := plansJSON{FormatVersion: formatVersion, File: p.file, Owner: p.desired.Owner, Speakers: []speakerPlanJSON{}, Timed: []timedJSON{}}
	if p.whole != nil {
		all.Timed = timedToJSON(p.whole, p.now)
		all.NotStarted, all.Expired = untimely(p.whole, p.now)
	}
	for _, s := range p.speakers {
		one := s.json(p.desired)
		all.Speakers = append(all.Speakers, one)
		t := &all.Summary
		t.Announce += one.Summary.Announce
		t.Change += one.Summary.Change
		t.Withdraw += one.Summary.Withdraw
		t.Foreign += one.Summary.Foreign
		t.Conflicts += one.Summary.Conflicts
		t.Unchanged += one.Summary.Unchanged
	}
	return all
}

func (s speakerPlan) json(desired *state.Desired) speakerPlanJSON {
	a := reconcile.Assess(desired, s.advertised, state.Sent)
	j := speakerPlanJSON{
		Speaker: s.speaker, Base: s.base(), Changes: []changeJSON{}, Foreign: []foreignJSON{}, Overlap: []overlapJSON{},
		Contest: contestsJSON(s.advertised.ContestsOf(s.Owner)), Held: casesJSON(a.Held), Unsent: casesJSON(a.Unsent), Nowhere: casesJSON(a.Nowhere), Lacks: listJSON(s.lacks()),
	}
	if f := s.older(); f != nil {
		older := forceJSON(*f)
		j.Older = &older
	}
	j.Summary.Announce, j.Summary.Change, j.Summary.Withdraw = s.Count()
	j.Summary.Foreign, j.Summary.Unchanged = len(s.Foreign), s.Unchanged
	for _, c := range s.Changes {
		j.Changes = append(j.Changes, s.changeJSON(c))
	}
	for _, o := range s.Overlaps {
		j.Overlap = append(j.Overlap, overlapJSON{
			Family: o.Key.Family.String(), NLRI: o.Key.String(), Peers: s.peerWords(o.Peers), First: placeJSON(o.First.Pos), Second: placeJSON(o.Second.Pos),
		})
	}
	for _, f := range s.Foreign {
		one := foreignJSON{
			Family: f.Key.Family.String(), NLRI: f.Key.String(), Peers: s.peerWords(peersOf(*f.Advert)),
			Owner: f.Advert.Owner, From: provenanceJSON(f.Advert.From), Attrs: attrsJSON(f.Advert.Attrs),
		}
		if f.Wanted != nil {
			one.WantedAt = placeJSON(f.Wanted.Pos)
			j.Summary.Conflicts++
		}
		j.Foreign = append(j.Foreign, one)
	}
	return j
}

func (s speakerPlan) changeJSON(c state.Change) changeJSON {
	words := map[state.Op]string{state.Announce: "announce", state.Replace: "change", state.Withdraw: "withdraw"}
	j := changeJSON{
		Action: words[c.Op()], Family: c.Key.Family.String(), NLRI: c.Key.String(), Peers: s.peerWords(c.Peers),
		Before: attrsJSON(c.Before()), After: attrsJSON(c.After()), Tags: []string{},
	}
	if c.Wanted != nil {
		j.Position, j.Tags, j.Comment = placeJSON(c.Wanted.Pos), listJSON(c.Wanted.Tags), c.Wanted.Comment
	}
	if w := s.wanted(c); w != nil {
		j.Starts, j.Expires = clockText(w.Starts), clockText(w.Expires)
	}
	for _, r := range s.advertised.Refused {
		if r.Key == c.Key && r.Owner == s.Owner && r.Attrs == c.After() {
			j.Refused = r.Reason
		}
	}
	return j
}

func (o observation) base() baseJSON {
	b := baseJSON{
		Boot: o.boot, Digest: o.digest.Sum(), Routes: o.digest.Count, Complete: o.advertised.Complete, Peers: []peerJSON{},
	}
	if o.about != nil {
		b.ExaBGP = o.about.ExaBGP
	}
	for _, n := range o.advertised.Peers {
		b.Peers = append(b.Peers, neighborJSON(n))
	}
	return b
}

func neighborJSON(n state.Neighbor) peerJSON {
	p := peerJSON{Address: n.Addr.String(), LocalAS: n.LocalAS, PeerAS: n.PeerAS, Up: n.Up, Since: timeJSON(n.Since), Families: []string{}, Tags: n.Tags}
	for _, f := range n.Families {
		p.Families = append(p.Families, f.String())
	}
	return p
}
