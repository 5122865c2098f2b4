package snapshot

import (
	"encoding/binary"
	"slices"

	"routesync/state"
)

// group puts routes of a family together that are advertised alike. Both the groups
// and their routes are in the order of their keys.
func group(t *state.Table) []groupJSON {
	groups := []groupJSON{}
	type shared struct { // by many keys, in memory
		family state.Family
		first  *state.Advert
		n      int
	}
	known, alike := map[shared]int{}, map[string]int{}
	for k, adverts := range t.All() {
		s := shared{k.Family, &adverts[0], len(adverts)}
		i, seen := known[s]
		if !seen {
			text := content(k.Family, adverts)
			if i, seen = alike[text]; !seen {
				i = len(groups)
				groups = append(groups, groupJSON{Family: k.Family.String(), Adverts: toAdverts(adverts)})
				alike[text] = i
			}
			known[s] = i
		}
		groups[i].NLRI = append(groups[i].NLRI, k.String())
	}
	return groups
}

// content is the same for adverts that are alike, and for no others.
func content(f state.Family, adverts []state.Advert) string {
	b := binary.BigEndian.AppendUint32(nil, uint32(f))
	text := func(s string) { b = append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...) }
	number := func(n int64) { b = binary.BigEndian.AppendUint64(b, uint64(n)) }
	for _, a := range adverts {
		text(a.Owner)
		text(a.Attrs.Canonical())
		text(a.From.By)
		number(a.From.At)
		number(a.From.Expires)
		number(a.From.Lease)
		number(int64(len(a.At)))
		for _, at := range a.At {
			text(at.Peer.String())
			number(int64(at.Grade))
			text(at.Reason)
		}
	}
	return string(b)
}

func toAdverts(adverts []state.Advert) []advertJSON {
	var all []advertJSON
	for _, a := range adverts {
		j := advertJSON{Owner: a.Owner, Attrs: toAttrs(a.Attrs), At: []atJSON{}}
		if a.From != (state.Provenance{}) {
			j.From = &fromJSON{a.From.By, a.From.At, a.From.Expires, a.From.Lease}
		}
		for _, at := range a.At {
			j.At = append(j.At, atJSON{at.Peer, at.Grade.String(), at.Reason})
		}
		all = append(all, j)
	}
	return all
}

// into puts the routes of a group into a table.
func (g *groupJSON) into(t *state.Table) error {
	f, err := state.ParseFamily(g.Family)
	if err != nil {
		return err
	}
	var adverts []state.Advert
	for _, j := range g.Adverts {
		a := state.Advert{Owner: j.Owner}
		if a.Attrs, err = state.NewAttrs(j.Attrs); err != nil {
			return err
		}
		if j.From != nil {
			a.From = state.Provenance{By: j.From.By, At: j.From.At, Expires: j.From.Expires, Lease: j.From.Lease}
		}
		for _, at := range j.At {
			grade, err := state.ParseGrade(at.Grade)
			if err != nil {
				return err
			}
			a.At = append(a.At, state.At{Peer: at.Peer, Grade: grade, Reason: at.Reason})
		}
		adverts = append(adverts, a)
	}
	keys := make([]state.Key, len(g.NLRI))
	for i, text := range g.NLRI {
		if keys[i], err = state.ParseKey(f, text); err != nil {
			return err
		}
	}
	t.Set(slices.Clip(adverts), keys...)
	return nil
}
