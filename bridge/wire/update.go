package wire

import (
	"errors"
	"fmt"

	"routesync/state"
)

// EncodeUpdate returns the body of an update.
func EncodeUpdate(u Update) ([]byte, error) {
	j := updateJSON{Speaker: u.Speaker, Boot: u.Boot, Run: u.Run, N: u.N, Part: u.Part, Count: u.Count, Sum: u.Sum}
	if u.About != nil {
		j.About = toAbout(u.About)
	}
	for _, e := range u.Entries {
		j.Entries = append(j.Entries, toEntry(e))
	}
	for _, r := range u.Refused {
		rj := refusalJSON{Family: r.Key.Family.String(), NLRI: r.Key.String(), Owner: r.Owner, Peers: string(r.Peers), Reason: r.Reason}
		if r.Attrs != (state.Attrs{}) {
			rj.Attrs = toAttrs(r.Attrs)
		}
		j.Refused = append(j.Refused, rj)
	}
	for _, c := range u.Cleared {
		j.Cleared = append(j.Cleared, clearedJSON{c.Key.Family.String(), c.Key.String(), c.Owner})
	}
	return encode(j)
}

// DecodeUpdate reads what [EncodeUpdate] wrote.
func DecodeUpdate(data []byte) (Update, error) {
	j, err := decode[updateJSON]("update", data)
	if err != nil {
		return Update{}, err
	}
	u := Update{Speaker: j.Speaker, Boot: j.Boot, Run: j.Run, N: j.N, Part: j.Part, Count: j.Count, Sum: j.Sum}
	if j.About != nil {
		if u.About, err = fromAbout(j.About); err != nil {
			return Update{}, fmt.Errorf("decode update: %w", err)
		}
	}
	interned := map[string]string{}
	for _, ej := range j.Entries {
		e, err := fromEntry(ej, interned)
		if err != nil {
			return Update{}, fmt.Errorf("decode update: %w", err)
		}
		u.Entries = append(u.Entries, e)
	}
	for _, rj := range j.Refused {
		r := state.Refusal{Owner: rj.Owner, Peers: state.Peers(rj.Peers), Reason: rj.Reason}
		if r.Key, err = fromText(rj.Family, rj.NLRI); err != nil {
			return Update{}, fmt.Errorf("decode update: %w", err)
		}
		if r.Attrs, err = fromAttrs(rj.Attrs); err != nil {
			return Update{}, fmt.Errorf("decode update: %w", err)
		}
		u.Refused = append(u.Refused, r)
	}
	for _, cj := range j.Cleared {
		k, err := fromText(cj.Family, cj.NLRI)
		if err != nil {
			return Update{}, fmt.Errorf("decode update: %w", err)
		}
		u.Cleared = append(u.Cleared, Cleared{k, cj.Owner})
	}
	return u, nil
}

func fromText(family, nlri string) (state.Key, error) {
	f, err := state.ParseFamily(family)
	if err != nil {
		return state.Key{}, err
	}
	return state.ParseKey(f, nlri)
}

func toEntry(e Entry) entryJSON {
	j := entryJSON{Family: e.Family.String(), keysJSON: toKeys(e.Keys)}
	for _, a := range e.Adverts {
		aj := advertJSON{Owner: a.Owner, Attrs: toAttrs(a.Attrs)}
		if a.From != (state.Provenance{}) {
			aj.From = &fromJSON{a.From.By, a.From.At, a.From.Expires, a.From.Lease}
		}
		for _, at := range a.At {
			aj.At = append(aj.At, atJSON{at.Peer, at.Grade.String(), at.Reason})
		}
		j.Adverts = append(j.Adverts, aj)
	}
	return j
}

func fromEntry(j entryJSON, interned map[string]string) (Entry, error) {
	f, keys, err := fromKeys(j.Family, j.keysJSON)
	if err != nil {
		return Entry{}, err
	}
	e := Entry{Family: f, Keys: keys}
	for _, aj := range j.Adverts {
		a := state.Advert{Owner: aj.Owner}
		if a.Attrs, err = fromAttrs(aj.Attrs); err != nil {
			return Entry{}, err
		}
		if aj.From != nil {
			a.From = state.Provenance{By: aj.From.By, At: aj.From.At, Expires: aj.From.Expires, Lease: aj.From.Lease}
		}
		for _, at := range aj.At {
			g, err := state.ParseGrade(at.Grade)
			if err != nil {
				return Entry{}, err
			}
			if _, ok := interned[at.Reason]; !ok {
				interned[at.Reason] = at.Reason
			}
			a.At = append(a.At, state.At{Peer: at.Peer, Grade: g, Reason: interned[at.Reason]})
		}
		e.Adverts = append(e.Adverts, a)
	}
	return e, nil
}

func toAbout(a *About) *aboutJSON {
	j := &aboutJSON{Contests: toContests(a.Contests), Version: a.Version, ExaBGP: a.ExaBGP, Host: a.Host, PID: a.PID, Ready: a.Ready, Lacks: a.Lacks, Leases: a.Leases, Standbys: a.Standbys, InForce: a.InForce,
		Pauses: a.Pauses, Overrides: a.Overrides, Trials: a.Trials,
		Conditions: a.Conditions, Lines: a.Lines, Silent: a.Silent, Converged: a.Converged, LastError: a.LastError, LastErrorAt: a.LastErrorAt}
	for _, p := range a.Peers {
		n := neighborJSON{Addr: p.Addr, LocalAS: p.LocalAS, PeerAS: p.PeerAS, Up: p.Up, Since: p.Since, Lacks: p.Lacks, Received: p.Received, Tags: p.Tags, Self: p.Self}
		for _, f := range p.Families {
			n.Families = append(n.Families, f.String())
		}
		j.Peers = append(j.Peers, n)
	}
	return j
}

func fromAbout(j *aboutJSON) (*About, error) {
	a := &About{Version: j.Version, ExaBGP: j.ExaBGP, Host: j.Host, PID: j.PID, Ready: j.Ready, Lacks: j.Lacks, Leases: j.Leases, Standbys: j.Standbys, InForce: j.InForce,
		Pauses: j.Pauses, Overrides: j.Overrides, Trials: j.Trials,
		Conditions: j.Conditions, Lines: j.Lines, Silent: j.Silent, Converged: j.Converged, LastError: j.LastError, LastErrorAt: j.LastErrorAt}
	err := errors.Join(a.checkWatchers(), a.checkOrders())
	if err != nil {
		return nil, err
	}
	if a.Contests, err = fromContests(j.Contests); err != nil {
		return nil, err
	}
	if err := checkConditions(a.Conditions); err != nil {
		return nil, err
	}
	for _, l := range a.Lines {
		if err := checkPrintable(l.Line, l.Reason); err != nil {
			return nil, err
		}
	}
	for _, n := range j.Peers {
		p := state.Neighbor{Addr: n.Addr, LocalAS: n.LocalAS, PeerAS: n.PeerAS, Up: n.Up, Since: n.Since, Lacks: n.Lacks, Received: n.Received, Tags: n.Tags, Self: n.Self}
		for _, tag := range n.Tags {
			if err := state.CheckTag(tag); err != nil {
				return nil, err
			}
		}
		for _, text := range n.Families {
			f, err := state.ParseFamily(text)
			if err != nil {
				return nil, err
			}
			p.Families = append(p.Families, f)
		}
		a.Peers = append(a.Peers, p)
	}
	return a, nil
}
