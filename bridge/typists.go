package bridge

import "time"

const (
	// answersKept is of how many routes the answers are remembered after they
	// were given, in case they were lost and the commands come again.
	answersKept = 100_000
	// answersKeptFor is how long they are, and which commands were carried out.
	answersKeptFor = 15 * time.Minute
)

// typists are the commands by hand that are under way or were answered lately.
type typists struct {
	last  map[string]taken // of each commander
	known map[typedID]*typed
	done  []*typed // the oldest first
	kept  int      // weight of what is done
	fresh []*typed // those that have results which were not told
}

// taken is the last number that was taken of a commander, and when.
type taken struct {
	seq int64
	at  time.Time
}

// typedID is a commander and a number of theirs.
type typedID struct {
	commander string
	seq       int64
}

func newTypists() typists {
	return typists{last: map[string]taken{}, known: map[typedID]*typed{}}
}

func (t *typists) refresh(x *typed) {
	if !x.fresh {
		x.fresh = true
		t.fresh = append(t.fresh, x)
	}
}

// forget drops the answers that were given first. That the commands were
// carried out is still known.
func (t *typists) forget() {
	t.kept -= t.done[0].weight()
	delete(t.known, t.done[0].typedID)
	t.done = t.done[1:]
}

// expire forgets what was answered long ago.
func (t *typists) expire(now time.Time) {
	for len(t.done) > 0 && now.Sub(t.done[0].done) >= answersKeptFor {
		t.forget()
	}
	for id, last := range t.last {
		if t.known[typedID{id, last.seq}] == nil && now.Sub(last.at) >= answersKeptFor {
			delete(t.last, id)
		}
	}
}
