package main

import (
	"net/netip"

	"routesync/bridge/exabgp"
	"routesync/reconcile/history"
	"routesync/state"
)

// printable is text that a file has, as it may be shown at a terminal.
func printable(text string) string { return exabgp.Printable(text) }

type historyJSON struct {
	FormatVersion string      `json:"format_version"`
	Owner         string      `json:"owner"`
	Total         int         `json:"total"`   // how many entries there are
	Entries       []entryJSON `json:"entries"` // the newest first
	Damaged       []string    `json:"damaged"` // what is wrong with those that are missing
}

type entryJSON struct {
	Number   int                `json:"number"`
	At       string             `json:"at"`
	Verb     string             `json:"verb"`
	User     string             `json:"user"`
	Host     string             `json:"host"`
	File     string             `json:"file,omitempty"`
	Commit   string             `json:"commit,omitempty"`
	Dirty    bool               `json:"dirty"`
	Desired  string             `json:"desired,omitempty"` // digest
	Changed  string             `json:"changed,omitempty"` // when the file was
	Rollback int                `json:"rollback_to,omitempty"`
	Trial    int64              `json:"trial_ms,omitempty"` // after which it was to be reverted, unless it was confirmed
	Note     string             `json:"note,omitempty"`
	Speakers []recordedPartJSON `json:"speakers"`
}

type recordedPartJSON struct {
	Speaker  string `json:"speaker"`
	Part     int    `json:"part"`
	At       string `json:"at"`
	Cause    string `json:"cause"`
	Plan     string `json:"plan,omitempty"` // digest
	Announce int    `json:"announce"`
	Change   int    `json:"change"`
	Withdraw int    `json:"withdraw"`
	Adopt    int    `json:"adopt"`
	Missed   int    `json:"missed_before,omitempty"`
	// Lifted are the guards that refused the plan, and were overridden.
	Lifted []history.Lifted `json:"guards_overridden,omitempty"`
	// Seen is null if nothing was seen of it.
	Seen    *confirmedJSON `json:"seen"`
	Changes []recordedJSON `json:"changes,omitempty"`
}

type confirmedJSON struct {
	At    string              `json:"at"`
	Final bool                `json:"final"`
	Peers []confirmedPeerJSON `json:"peers"`
	Open  []openJSON          `json:"open"` // what is not confirmed
}

type confirmedPeerJSON struct {
	Peer      string `json:"peer"`
	Changes   int    `json:"changes"`
	Confirmed int    `json:"confirmed"`
	At        string `json:"at,omitempty"` // when all were
}

type openJSON struct {
	Family string `json:"family"`
	NLRI   string `json:"nlri"`
	Peer   string `json:"peer,omitempty"`
	State  string `json:"state"`
	Reason string `json:"reason,omitempty"`
}

// recordedJSON is a change of one or more routes.
type recordedJSON struct {
	Action string         `json:"action"`
	Family string         `json:"family"`
	Peers  []string       `json:"peers"`
	Before *pastValue     `json:"before"`
	After  *pastValue     `json:"after"`
	Gone   bool           `json:"gone,omitempty"`
	NLRI   []string       `json:"nlri"`
	is     history.Change // of the first of them
}

type pastValue struct {
	Owner   string         `json:"owner"`
	Attrs   map[string]any `json:"attributes"`
	Expires string         `json:"expires,omitempty"`
	Lease   int64          `json:"lease_ms,omitempty"`
	By      string         `json:"by,omitempty"`
	Tags    []string       `json:"tags,omitempty"`
	Comment string         `json:"comment,omitempty"`
}

func pastJSON(v *history.Value) *pastValue {
	if v == nil {
		return nil
	}
	j := &pastValue{Owner: v.Owner, Attrs: attrsJSON(v.Attrs), Expires: clockText(v.Expires), Lease: v.Lease, By: v.By}
	if v.Asked != nil {
		j.Tags, j.Comment = v.Asked.Tags, v.Asked.Comment
	}
	return j
}

func listToJSON(owner string, total int, all []*history.Entry, bad failures) historyJSON {
	j := historyJSON{FormatVersion: formatVersion, Owner: owner, Total: total, Entries: []entryJSON{}, Damaged: []string{}}
	for _, e := range all {
		j.Entries = append(j.Entries, entryToJSON(e))
	}
	for _, err := range bad {
		j.Damaged = append(j.Damaged, err.Error())
	}
	return j
}

func entryToJSON(e *history.Entry) entryJSON {
	j := entryJSON{
		Number: e.Number, At: momentJSON(e.At), Verb: e.Verb, User: e.Who.User, Host: e.Who.Host, File: e.File, Commit: e.Commit, Dirty: e.Dirty,
		Desired: e.Revision.Digest, Changed: timeJSON(e.Revision.Changed), Rollback: e.Rollback, Trial: e.Trial, Note: e.Note, Speakers: []recordedPartJSON{},
	}
	for i := range e.Parts {
		j.Speakers = append(j.Speakers, partToJSON(&e.Parts[i]))
	}
	return j
}

func partToJSON(p *history.PartOutcome) recordedPartJSON {
	j := recordedPartJSON{
		Speaker: p.Speaker, Part: p.Seq, At: momentJSON(p.At), Cause: p.Cause, Plan: p.Plan,
		Announce: p.Announce, Change: p.Change, Withdraw: p.Withdraw, Adopt: p.Adopt, Missed: p.Missed, Lifted: p.Lifted,
	}
	o := p.Outcome
	if o == nil {
		return j
	}
	j.Seen = &confirmedJSON{At: momentJSON(o.At), Final: o.Final, Peers: []confirmedPeerJSON{}, Open: []openJSON{}}
	for _, x := range o.Peers {
		j.Seen.Peers = append(j.Seen.Peers, confirmedPeerJSON{x.Peer.String(), x.Changes, x.Confirmed, momentJSON(x.When)})
	}
	for _, c := range o.Cases {
		one := openJSON{Family: c.Key.Family.String(), NLRI: c.Key.String(), State: c.State, Reason: c.Reason}
		if c.Peer.IsValid() {
			one.Peer = c.Peer.String()
		}
		j.Seen.Open = append(j.Seen.Open, one)
	}
	return j
}

// gathered puts changes together that differ in nothing but their routes, as they come.
type gathered struct{ all []recordedJSON }

func (g *gathered) add(c *history.Change) {
	if n := len(g.all); n > 0 {
		// Those of one line share what they point to.
		last := &g.all[n-1]
		if last.is.Key.Family == c.Key.Family && last.is.Before == c.Before && last.is.After == c.After && samePeers(last.is.Peers, c.Peers) && last.Gone == c.Gone {
			last.NLRI = append(last.NLRI, c.Key.String())
			return
		}
	}
	g.all = append(g.all, recordedJSON{
		Action: string(c.Op()), Family: c.Key.Family.String(), Peers: addrsJSON(c.Peers), Before: pastJSON(c.Before), After: pastJSON(c.After),
		Gone: c.Gone, NLRI: []string{c.Key.String()}, is: *c,
	})
}

func samePeers(a, b []netip.Addr) bool {
	return state.NewPeers(a) == state.NewPeers(b)
}

type blameJSON struct {
	FormatVersion string             `json:"format_version"`
	Owner         string             `json:"owner"`
	Route         string             `json:"route"`
	History       string             `json:"history"` // where it begins
	Speakers      []blameSpeakerJSON `json:"speakers"`
	Unknown       []string           `json:"not_known"`
}

type blameSpeakerJSON struct {
	Speaker string           `json:"speaker"`
	Routes  []blameRouteJSON `json:"routes"`
	Cover   string           `json:"covered_by,omitempty"`
}

type blameRouteJSON struct {
	Family  string           `json:"family"`
	NLRI    string           `json:"nlri"`
	Asked   bool             `json:"asked"` // the speaker said what it advertises
	Now     []blameNowJSON   `json:"now"`
	Entries []blameEntryJSON `json:"entries"` // the newest first
	Unknown []string         `json:"not_known"`
}

type blameNowJSON struct {
	Owner string            `json:"owner"`
	From  *fromJSON         `json:"from"`
	Attrs map[string]any    `json:"attributes"`
	Peers map[string]string `json:"peers"` // how far it is at each
}

type blameEntryJSON struct {
	Entry  int               `json:"entry"`
	At     string            `json:"at"`
	Verb   string            `json:"verb"`
	User   string            `json:"user"`
	Host   string            `json:"host"`
	Commit string            `json:"commit,omitempty"`
	Dirty  bool              `json:"dirty"`
	Cause  string            `json:"cause"`
	Action string            `json:"action"`
	Before *pastValue        `json:"before"`
	After  *pastValue        `json:"after"`
	Seen   map[string]string `json:"seen"` // at each peer; null if nothing was
}

// json is the answer for programs.
func (b *blamed) json() blameJSON {
	j := blameJSON{formatVersion, b.owner, b.route.text, b.first, []blameSpeakerJSON{}, listJSON(b.Unknown)}
	for _, s := range b.Speakers {
		one := blameSpeakerJSON{s.Speaker, []blameRouteJSON{}, s.Cover}
		for _, r := range s.Routes {
			x := blameRouteJSON{r.key.Family.String(), r.key.String(), r.asked, []blameNowJSON{}, []blameEntryJSON{}, listJSON(r.unknown)}
			for _, a := range r.live {
				now := blameNowJSON{a.Owner, provenanceJSON(a.From), attrsJSON(a.Attrs), map[string]string{}}
				for _, at := range a.At {
					now.Peers[at.Peer.String()] = at.Grade.String()
				}
				x.Now = append(x.Now, now)
			}
			for _, p := range r.past {
				x.Entries = append(x.Entries, blameEntryToJSON(p))
			}
			one.Routes = append(one.Routes, x)
		}
		j.Speakers = append(j.Speakers, one)
	}
	return j
}

func blameEntryToJSON(x history.Setting) blameEntryJSON {
	e := blameEntryJSON{
		Entry: x.Entry.Number, At: momentJSON(x.Part.At), Verb: x.Entry.Verb, User: x.Entry.Who.User, Host: x.Entry.Who.Host,
		Commit: x.Entry.Commit, Dirty: x.Entry.Dirty, Cause: x.Part.Cause, Action: string(x.Op()), Before: pastJSON(x.Before), After: pastJSON(x.After),
	}
	if x.Part.Outcome != nil {
		e.Seen = map[string]string{}
		for _, peer := range x.Peers {
			e.Seen[peer.String()] = fateAt(x.Part.Outcome, x.Key, peer)
		}
	}
	return e
}
