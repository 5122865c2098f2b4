package reconcile

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"routesync/state"
)

// fakeSpeaker applies what it is sent at once, but for what it is told to
// refuse, and is changed from outside through do.
type fakeSpeaker struct {
	left int // changes of the last plan

	set                   state.Advertised
	refuse                map[state.Key]string
	grade                 state.Grade // of what is announced
	mu                    sync.Mutex
	batches               [][]state.Change
	contests              []state.Contest
	declared              []string // digests
	breaks                bool     // the connection breaks before the next batch
	overrides, carriedOut []state.Override
	carriedAt             int  // how many routes there were then
	unsent                int  // batches that are not answered
	lose                  bool // the next batch gets lost, and the epoch ends
	epoch                 int64
	touched               []state.Key
	others                bool        // any key may be touched
	asked                 bool        // for what is touched
	inbox                 chan func() // changes from outside, made in the loop's goroutine
	broken                chan struct{}
}

var errBroken = errors.New("the connection is gone")

func newFakeSpeaker() *fakeSpeaker {
	return &fakeSpeaker{
		set: state.Advertised{
			Speaker: "edge1", Complete: true,
			Peers: []state.Neighbor{{Addr: peerA, Up: true, Families: []state.Family{state.IPv4Unicast}}},
		},
		refuse: map[state.Key]string{}, grade: state.Sent,
		inbox: make(chan func()), broken: make(chan struct{}),
	}
}

var peerA = netip.MustParseAddr("192.0.2.1")

func (f *fakeSpeaker) Advertised() *state.Advertised { return &f.set }
func (f *fakeSpeaker) Settled() bool                 { return f.set.Complete && f.unsent == 0 }

func (f *fakeSpeaker) Touched() ([]state.Key, bool) {
	keys, all := f.touched, f.others || !f.asked
	f.touched, f.others, f.asked = nil, false, true
	return keys, all
}

func (f *fakeSpeaker) Declare(r state.Revision) {
	if n := len(f.declared); n == 0 || f.declared[n-1] != r.Digest {
		f.declared = append(f.declared, r.Digest)
	}
}

func (f *fakeSpeaker) Left(n int) { f.left = n }

func (f *fakeSpeaker) Contest(_ context.Context, contests []state.Contest) error {
	f.contests = contests
	return nil
}

func (f *fakeSpeaker) Epoch() int64 { return f.epoch }

func (f *fakeSpeaker) Overrides() []state.Override { return f.overrides }

func (f *fakeSpeaker) CarriedOut(all []state.Override) {
	f.carriedOut, f.carriedAt = append(f.carriedOut, all...), f.set.Routes.Len()
}

func (f *fakeSpeaker) Send(_ context.Context, changes []state.Change) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.breaks {
		f.breaks = false
		return errBroken
	}
	f.batches = append(f.batches, changes)
	if f.lose {
		f.lose = false
		f.unsent++
		f.epoch++
		return nil
	}
	for _, c := range changes {
		f.touched = append(f.touched, c.Key)
		if reason := f.refuse[c.Key]; reason != "" {
			f.set.Refused = append(f.set.Refused, state.Refusal{Key: c.Key, Owner: "team", Attrs: c.After(), Reason: reason})
			continue
		}
		if c.Op() == state.Withdraw {
			f.set.Routes.Set(nil, c.Key)
			continue
		}
		at := []state.At{{Peer: peerA, Grade: f.grade}}
		f.set.Routes.Set([]state.Advert{{Attrs: c.After(), Owner: "team", From: state.Provenance{Expires: c.Wanted.Expires, Lease: c.Wanted.Lease}, At: at}}, c.Key)
	}
	f.unsent++
	return nil
}

func (f *fakeSpeaker) Await(ctx context.Context, wake <-chan struct{}) error {
	if f.unsent > 0 {
		f.unsent = 0
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-wake:
		return nil
	case <-f.broken:
		return errBroken
	case change := <-f.inbox:
		change()
		f.others = true
		return nil
	}
}

// sent is what was sent so far.
func (f *fakeSpeaker) sent() [][]state.Change {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.batches)
}

// routes is how many routes there are.
func (f *fakeSpeaker) routes() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.set.Routes.Len()
}

func file(t testing.TB, prefixes ...string) *state.Desired {
	t.Helper()
	d := &state.Desired{Owner: "team", Policy: state.Unguarded()} // what guards do is looked at by itself
	for _, p := range prefixes {
		prefix, med, _ := strings.Cut(p, " ")
		values := map[state.Name][]string{state.NextHop: {"192.0.2.9"}}
		if med != "" {
			values[state.MED] = []string{med}
		}
		attrs, err := state.NewAttrs(values)
		if err != nil {
			t.Fatal(err)
		}
		d.Routes = append(d.Routes, state.Wanted{Key: state.UnicastKey(netip.MustParsePrefix(prefix), 0), Terms: &state.Terms{Attrs: attrs}})
	}
	return d
}
