// Package expect holds what speakers are expected to announce against what they
// would announce behind a plan. It is pure.
//
// Its invariants:
//
//   - What is held against it is what each speaker would announce, whoever has it
//     announced, of the families in which a prefix means the same to everybody:
//     unicast, and labelled unicast. That a peer is down is no matter.
//   - What can't be checked is not as expected.
package expect

import (
	"fmt"
	"net/netip"
	"slices"
	"sort"

	"routesync/state"
)

// Kind is what is expected.
type Kind uint8

// The kinds of expectations.
const (
	Announced    Kind = iota + 1 // a prefix that matches is
	NotAnnounced                 // none is
	Tagged                       // as many routes with a tag are
)

// Match says which prefixes an expectation is about.
type Match uint8

// The ways to match.
const (
	Exact     Match = iota // the prefix
	OrLonger               // and all that is inside it
	OrShorter              // and all that it is inside of
)

// Matches lists the ways to match, by their names.
func Matches() []string { return []string{"exact", "or-longer", "or-shorter"} }

// Expectation is one of a file.
type Expectation struct {
	Kind     Kind
	Pos      state.Position
	Speakers []string // it is about; none is about each

	Prefix netip.Prefix // of Announced and NotAnnounced
	Match  Match

	Tag   string // of Tagged
	Least int
}

// View is a plan for one speaker, and what it was made from.
type View struct {
	Desired    *state.Desired // what is asked for now
	Advertised *state.Advertised
	Plan       *state.Plan
}

// Failure is an expectation that is not met at a speaker.
type Failure struct {
	Pos     state.Position
	Speaker string
	Text    string
}

func (f Failure) String() string { return fmt.Sprintf("%s: %s: %s", f.Pos, f.Speaker, f.Text) }

// Check lists what is not as expected, in the order of the expectations and the
// views.
func Check(all []Expectation, views []View) []Failure {
	futures := make([]*future, len(views))
	for i := range views {
		futures[i] = foresee(&views[i])
	}
	var failures []Failure
	for i := range all {
		e := &all[i]
		missing := slices.Clone(e.Speakers)
		for _, f := range futures {
			if len(e.Speakers) > 0 && !slices.Contains(e.Speakers, f.speaker) {
				continue
			}
			missing = slices.DeleteFunc(missing, func(s string) bool { return s == f.speaker })
			if text := f.fails(e); text != "" {
				failures = append(failures, Failure{e.Pos, f.speaker, text})
			}
		}
		for _, s := range missing {
			failures = append(failures, Failure{e.Pos, s, "there is no plan for this speaker, so nothing can be told of it"})
		}
	}
	return failures
}

// future is what a speaker announces behind a plan.
type future struct {
	speaker string
	routes  []route // in the order of their prefixes
	before  []route // what it announces now, likewise
	tags    map[string]int
}

// route is a prefix that is announced to some peer.
type route struct {
	prefix netip.Prefix
	owner  string
	wanted *state.Wanted // that asks for it; nil if it is not in the file
}

// foresee finds out what is announced behind a plan.
func foresee(v *View) *future {
	f := &future{speaker: v.Plan.Speaker, tags: map[string]int{}}
	changes, resolve := v.Plan.Changes, v.Advertised.Resolver()
	v.Desired.Join(v.Advertised, func(k state.Key, wanted []state.Wanted, adverts []state.Advert) {
		n := 0
		for n < len(changes) && changes[n].Key == k {
			n++
		}
		own := ownAfter(v.Plan.Owner, k, adverts, changes[:n], resolve)
		changes = changes[n:]
		for i := range wanted {
			w := &wanted[i]
			if slices.ContainsFunc(resolve(w.Peers, k.Family), func(p netip.Addr) bool { return slices.Contains(own, p) }) {
				for _, tag := range w.Tags {
					f.tags[tag]++
				}
			}
		}
		if !k.Family.IsPublic() {
			return
		}
		if len(own) > 0 {
			r := route{prefix: k.Prefix(), owner: v.Plan.Owner}
			if len(wanted) > 0 {
				r.wanted = &wanted[0]
			}
			f.routes = append(f.routes, r)
		}
		for i := range adverts {
			a := &adverts[i]
			if !a.Stands() {
				continue
			}
			r := route{prefix: k.Prefix(), owner: a.Owner}
			f.before = append(f.before, r)
			if a.Owner != v.Plan.Owner {
				f.routes = append(f.routes, r)
			}
		}
	})
	for _, list := range [][]route{f.routes, f.before} {
		slices.SortStableFunc(list, func(a, b route) int { return a.prefix.Compare(b.prefix) })
	}
	return f
}

// ownAfter lists the peers that an owner's route of a key is at behind changes.
func ownAfter(owner string, k state.Key, adverts []state.Advert, changes []state.Change, resolve func(state.Peers, state.Family) []netip.Addr) []netip.Addr {
	var at []netip.Addr
	for i := range adverts {
		if adverts[i].Owner != owner {
			continue
		}
		for _, a := range adverts[i].At {
			if a.Grade != state.Withdrawing {
				at = append(at, a.Peer)
			}
		}
	}
	meant := func(c *state.Change) []netip.Addr {
		if len(c.Peers) == 0 {
			return resolve("", k.Family)
		}
		return c.Peers
	}
	for i := range changes {
		if c := &changes[i]; c.Op() == state.Withdraw {
			at = slices.DeleteFunc(at, func(p netip.Addr) bool { return slices.Contains(meant(c), p) })
		}
	}
	for i := range changes {
		if c := &changes[i]; c.Op() != state.Withdraw {
			at = append(at, meant(c)...)
		}
	}
	return at
}

// matching lists the routes that an expectation is about.
func matching(routes []route, e *Expectation) []route {
	from := func(p netip.Prefix) []route {
		return routes[sort.Search(len(routes), func(i int) bool { return routes[i].prefix.Compare(p) >= 0 }):]
	}
	var all []route
	if e.Match == OrShorter {
		for bits := range e.Prefix.Bits() {
			wider := netip.PrefixFrom(e.Prefix.Addr(), bits).Masked()
			for _, r := range from(wider) {
				if r.prefix != wider {
					break
				}
				all = append(all, r)
			}
		}
	}
	for _, r := range from(e.Prefix) {
		if r.prefix != e.Prefix && (e.Match != OrLonger || !e.Prefix.Contains(r.prefix.Addr())) {
			break
		}
		all = append(all, r)
	}
	return all
}

// fails says how an expectation is not met; "" if it is.
func (f *future) fails(e *Expectation) string {
	if e.Kind == Tagged {
		if n := f.tags[e.Tag]; n < e.Least {
			return fmt.Sprintf("of tag %s, routes that would be announced: %d, fewer than %d", e.Tag, n, e.Least)
		}
		return ""
	}
	there := matching(f.routes, e)
	switch {
	case e.Kind == NotAnnounced && len(there) > 0:
		text := there[0].String() + " would be announced"
		if more := len(there) - 1; more > 0 {
			text += fmt.Sprintf(", and %d more", more)
		}
		if e.Match != Exact {
			text += "; " + e.words() + " may not be"
		}
		return text
	case e.Kind == Announced && len(there) == 0:
		now := "it is not now either"
		if was := matching(f.before, e); len(was) > 0 {
			now = "the plan withdraws " + was[0].prefix.String()
		}
		return e.words() + " would not be announced; " + now
	}
	return ""
}

// words are what an expectation is about.
func (e *Expectation) words() string {
	switch e.Match {
	case OrLonger:
		return e.Prefix.String() + " or anything inside it"
	case OrShorter:
		return e.Prefix.String() + " or anything that it is inside of"
	}
	return e.Prefix.String()
}

// String is the prefix, and who asks for it.
func (r route) String() string {
	from := "by " + r.owner
	switch {
	case r.wanted != nil:
		from = r.wanted.Pos.String()
	case r.owner == "":
		from = "by nobody that the bridge knows"
	}
	return fmt.Sprintf("%s (%s)", r.prefix, from)
}
