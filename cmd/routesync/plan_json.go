package main

import (
	"routesync/reconcile"
	"routesync/state"
)

// json is the plans for programs.
func (p plans) json() plansJSON {
	all := plansJSON{
		FormatVersion: formatVersion, File: p.file, Owner: p.desired.Owner, Digest: p.digest(), Applyable: p.applyable(), Unanswered: p.unanswered(),
		Desired: desiredJSON{Digest: p.whole.Revision.Digest, Routes: len(p.desired.Routes), Git: p.commit}, Speakers: []speakerPlanJSON{}, Timed: timedToJSON(p.whole, p.now),
	}
	all.NotStarted, all.Expired = untimely(p.whole, p.now)
	for _, s := range p.speakers {
		one := s.json(p)
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

func (s speakerPlan) json(p plans) speakerPlanJSON {
	a := reconcile.Assess(p.desired, s.advertised, state.Sent)
	j := speakerPlanJSON{
		Speaker: s.speaker, Base: s.base(), Digest: s.digest(p), Ghosts: s.ghosts(p.desired), Changes: []changeJSON{}, Foreign: []foreignJSON{}, Overlap: []overlapJSON{},
		Contest: contestsJSON(s.advertised.ContestsOf(s.Owner)), Held: casesJSON(a.Held), Unsent: casesJSON(a.Unsent), Nowhere: casesJSON(a.Nowhere), Lacks: listJSON(s.lacks()),
	}
	j.Impact, j.Guards = impactOf(s.guards.Impact), s.guardsJSON(p)
	if f := s.older(); f != nil {
		older := forceJSON(*f)
		j.Older = &older
	}
	j.Summary.Announce, j.Summary.Change, j.Summary.Withdraw = s.Count()
	j.Summary.Foreign, j.Summary.Unchanged = len(s.Foreign), s.Unchanged
	covers := s.Covers(s.advertised)
	for i, c := range s.Changes {
		one := s.changeJSON(c)
		one.LastSet = s.lastSet(c)
		if len(covers) > 0 && covers[0].Change == i {
			one.Left, covers = s.leftJSON(covers[0]), covers[1:]
		}
		j.Changes = append(j.Changes, one)
	}
	if drift, known := s.drift(); known {
		j.Drift = []driftJSON{}
		for _, x := range drift {
			j.Drift = append(j.Drift, driftJSON{x.kind, x.key.Family.String(), x.key.String(), s.peerWords(x.peers)})
		}
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

func (s speakerPlan) leftJSON(c state.Cover) *leftJSON {
	left := &leftJSON{Covered: []coveredJSON{}, Dark: s.peerWords(c.Dark)}
	for _, by := range c.By {
		left.Covered = append(left.Covered, coveredJSON{by.Prefix.String(), by.Owner, s.peerWords(by.Peers)})
	}
	return left
}

// base is what the plan was made against.
func (s speakerPlan) base() baseJSON {
	o := s.observation
	if o.file != "" {
		return baseJSON{File: o.file, Digest: o.fileDigest, Complete: true, Peers: []peerJSON{}}
	}
	b := baseJSON{
		Boot: o.boot, Digest: o.digest.Sum(), Routes: o.digest.Count, Complete: o.advertised.Complete, Peers: []peerJSON{},
	}
	if f := o.inForce(s.Owner); f != nil {
		b.InForce, b.Epoch = f.Revision.Digest, f.Epoch
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
