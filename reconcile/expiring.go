package reconcile

import (
	"maps"
	"slices"
	"time"

	"routesync/state"
)

// expiring follows the routes of a file that expire. The bridge withdraws them by
// itself, so that it may be done before anybody here could send it.
type expiring struct {
	whole     func() *state.Desired // what the file asks for at any time; nil for nothing
	clock     inForce               // of whole
	late      map[state.Key]*state.Wanted
	withdrawn map[state.Key]bool // by what was sent since the last look
}

// withdraw takes note of what is sent.
func (x *expiring) withdraw(changes []state.Change) {
	for i := range changes {
		if c := &changes[i]; c.Op() == state.Withdraw && c.Was().Expires != 0 {
			if x.withdrawn == nil {
				x.withdrawn = map[state.Key]bool{}
			}
			x.withdrawn[c.Key] = true
		}
	}
}

// gone lists the routes that have expired and are not there any more, although nobody
// here withdrew them, as the changes that they are.
func (x *expiring) gone(set *state.Advertised, now time.Time) ([]state.Change, map[state.Key]bool) {
	if x.whole == nil {
		return nil, nil
	}
	before, whole := x.clock.from, x.whole()
	if _, byTime := x.clock.at(whole, now); byTime {
		x.add(whole, before, now.UnixMilli())
	}
	for k := range x.withdrawn {
		delete(x.late, k)
	}
	x.withdrawn = nil
	if len(x.late) == 0 {
		return nil, nil
	}
	resolve := set.Resolver()
	var changes []state.Change
	gone := map[state.Key]bool{}
	for _, k := range slices.SortedFunc(maps.Keys(x.late), state.CompareKeys) {
		w := x.late[k]
		peers := resolve(w.Peers, k.Family)
		mine := func(a state.Advert) bool { return a.Owner == whole.Owner && a.From.Expires == w.Expires }
		if slices.ContainsFunc(set.Routes.Get(k), mine) {
			continue // whoever is first withdraws it
		}
		delete(x.late, k)
		if len(peers) == 0 || refused(set, w) {
			continue
		}
		was := &state.Advert{Attrs: w.Attrs, Owner: whole.Owner, From: state.Provenance{Expires: w.Expires, Lease: w.Lease}}
		changes = append(changes, state.Change{Key: k, Advert: was, Peers: peers})
		gone[k] = true
	}
	return changes, gone
}

// add adds the routes that expired after one time and not after another. Of a key that
// has several, the last.
func (x *expiring) add(whole *state.Desired, before, now int64) {
	x.late = map[state.Key]*state.Wanted{}
	for i := range whole.Routes {
		if w := &whole.Routes[i]; before < w.Expires && w.Expires <= now && w.Starts <= before {
			x.late[w.Key] = w
		}
	}
}

func refused(set *state.Advertised, w *state.Wanted) bool {
	return slices.ContainsFunc(set.Refused, func(r state.Refusal) bool { return r.Key == w.Key && r.Attrs == w.Attrs })
}
