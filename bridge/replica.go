package bridge

import (
	"errors"
	"fmt"
	"net/netip"

	"routesync/bridge/wire"
	"routesync/state"
)

// replica is a reader's copy of a speaker's state. It is complete only after a
// whole snapshot whose digest agrees, and as long as no update is missed.
type replica struct {
	speaker string
	boot    string
	run     string
	n       int64
	about   *wire.About
	set     state.Advertised
	digest  state.Digest

	touched touched

	parts   string // id of the snapshot that is coming in
	next    int    // its next part
	pending state.Advertised
	sum     state.Digest
}

// errGap says that the copy is not what the bridge has; only a snapshot helps.
var errGap = errors.New("an update is missing")

func newReplica(speaker string) *replica {
	return &replica{speaker: speaker, set: state.Advertised{Speaker: speaker}}
}

// reset forgets everything but who the bridge is.
func (r *replica) reset(u *wire.Update) {
	r.boot, r.run, r.about, r.parts = u.Boot, u.Run, nil, ""
	r.set = state.Advertised{Speaker: r.speaker}
	r.touched.everything()
}

// apply takes an update. It returns errGap if a snapshot must be asked for,
// another error if the update contradicts itself.
func (r *replica) apply(u *wire.Update) error {
	if u.Speaker != r.speaker {
		return fmt.Errorf("update of speaker %q where %q was asked for", u.Speaker, r.speaker)
	}
	if u.Part != nil {
		return r.part(u)
	}
	switch {
	case r.run == "":
		return nil // the snapshot that was asked for at the start is on its way
	case u.Run != r.run || u.Boot != r.boot:
		r.reset(u)
		return errGap
	case !r.set.Complete:
		return nil // a snapshot is on its way, and has this
	case u.N > r.n+1, u.N == r.n+1 && u.About == nil && len(u.Entries)+len(u.Refused)+len(u.Cleared) == 0:
		// The second is a beat: it has the number of an update that was missed.
		r.set.Complete = false
		return errGap
	case u.N == r.n+1:
		r.n = u.N
		r.digest = merge(&r.set, u, r.digest)
		r.touched.add(u.Entries)
		r.inform(u)
	}
	return r.check(u)
}

// part takes a part of a snapshot.
func (r *replica) part(u *wire.Update) error {
	if u.Part.Part == 1 {
		r.reset(u)
		r.parts, r.next = u.Part.ID, 1
		r.pending, r.sum = state.Advertised{Speaker: r.speaker}, state.Digest{}
	}
	if u.Part.ID != r.parts || u.Part.Part != r.next {
		r.parts = ""
		return errGap
	}
	r.next++
	r.sum = merge(&r.pending, u, r.sum)
	if u.Part.Part < u.Part.Of {
		return nil
	}
	r.parts = ""
	r.n, r.set, r.digest, r.pending = u.N, r.pending, r.sum, state.Advertised{}
	r.touched.everything()
	r.inform(u)
	if u.About == nil {
		return fmt.Errorf("snapshot without a description of its speaker")
	}
	r.set.Complete = u.About.Ready
	return r.check(u)
}

func (r *replica) inform(u *wire.Update) {
	if u.About != nil {
		r.about = u.About
		r.set.Peers, r.set.Contests = u.About.Peers, u.About.Contests
	}
}

// touched are the keys of which what is advertised may have changed.
type touched struct {
	keys []state.Key
	all  bool // and more than that: any key
}

// touchedMost is of how many keys a reader notes that they changed. Who is told of
// more looks at all of them anyway, and some readers never ask.
const touchedMost = 100_000

func (t *touched) everything() { t.keys, t.all = nil, true }

func (t *touched) add(entries []wire.Entry) {
	for _, e := range entries {
		if t.all || len(t.keys)+len(e.Keys) > touchedMost {
			t.everything()
			return
		}
		t.keys = append(t.keys, e.Keys...)
	}
}

func (t *touched) take() (keys []state.Key, all bool) {
	keys, all = t.keys, t.all
	*t = touched{}
	return keys, all
}

// check compares the digests, where the update has one.
func (r *replica) check(u *wire.Update) error {
	if u.Sum == "" || u.N < r.n || !r.set.Complete {
		return nil
	}
	if u.N > r.n || u.Count != r.digest.Count || u.Sum != r.digest.Sum() {
		r.set.Complete = false
		return errGap
	}
	return nil
}

// merge puts what u says in place of what set has.
func merge(set *state.Advertised, u *wire.Update, d state.Digest) state.Digest {
	for _, e := range u.Entries {
		set.Routes.Swap(e.Adverts, e.Keys, func(k state.Key, was []state.Advert) {
			d = each(was, k, d, state.Digest.Remove)
			d = each(e.Adverts, k, d, state.Digest.Add)
		})
	}
	if len(u.Cleared)+len(u.Refused) > 0 {
		set.Refused = refusals(set.Refused, u)
	}
	return d
}

// refusals are those of before, with what u says of them.
func refusals(before []state.Refusal, u *wire.Update) []state.Refusal {
	now := map[refusalKey]int{} // the last place in u.Refused; -1 if it is cleared
	for _, c := range u.Cleared {
		now[refusalKey{c.Key, c.Owner}] = -1
	}
	for i, r := range u.Refused {
		now[refusalKey{r.Key, r.Owner}] = i
	}
	all := make([]state.Refusal, 0, len(before)+len(u.Refused))
	for _, r := range before {
		if _, other := now[refusalKey{r.Key, r.Owner}]; !other {
			all = append(all, r)
		}
	}
	for i, r := range u.Refused {
		if now[refusalKey{r.Key, r.Owner}] == i {
			all = append(all, r)
		}
	}
	return all
}

type digestStep = func(state.Digest, state.Key, state.Attrs, string, netip.Addr) state.Digest

func each(adverts []state.Advert, k state.Key, d state.Digest, do digestStep) state.Digest {
	for _, a := range adverts {
		for _, at := range a.At {
			d = do(d, k, a.Attrs, a.Owner, at.Peer)
		}
	}
	return d
}
