package reconcile

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"routesync/state"
)

// TestExactlyPermitsWhatIsLeft: a plan, and whatever is left of it, is permitted; each
// single thing that is otherwise is not, and is named.
func TestExactlyPermitsWhatIsLeft(t *testing.T) {
	peers := []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("2001:db8::1")}
	asked := file(t, "10.0.0.0/24 1", "10.0.1.0/24 2", "10.0.2.0/24 3", "10.0.3.0/24 4")
	rapid.Check(t, func(t *rapid.T) {
		plan := &state.Plan{Owner: "team"}
		for i := range asked.Routes {
			w := &asked.Routes[i]
			other := &state.Advert{Owner: "team", Attrs: asked.Routes[(i+1)%4].Attrs}
			split := rapid.IntRange(0, 3).Draw(t, "split")
			for _, at := range [...][]netip.Addr{peers[:split], peers[split:]} {
				if len(at) == 0 {
					continue
				}
				c := state.Change{Key: w.Key, Peers: at}
				switch rapid.IntRange(0, 3).Draw(t, "op") {
				case 0:
					continue
				case 1:
					c.Wanted = w
				case 2:
					c.Wanted, c.Advert = w, other
				case 3:
					c.Advert = other
				}
				plan.Changes = append(plan.Changes, c)
			}
		}
		x := NewExactly(plan)
		if err := x.Permit(plan); err != nil {
			t.Fatalf("the plan itself: %v", err)
		}
		left := &state.Plan{}
		for _, c := range plan.Changes {
			rest := slices.DeleteFunc(slices.Clone(c.Peers), func(netip.Addr) bool { return rapid.Bool().Draw(t, "done") })
			if len(rest) > 0 {
				c.Peers = rest
				left.Changes = append(left.Changes, c)
			}
		}
		if err := x.Permit(left); err != nil {
			t.Fatalf("what is left of it: %v", err)
		}
		if len(left.Changes) == 0 {
			return
		}
		i := rapid.IntRange(0, len(left.Changes)-1).Draw(t, "which")
		c := &left.Changes[i]
		otherwise := &state.Wanted{Key: c.Key, Terms: &state.Terms{Attrs: asked.Routes[0].Attrs, Expires: 7}}
		switch rapid.IntRange(0, 3).Draw(t, "how") {
		case 0:
			c.Wanted = otherwise
		case 1:
			c.Advert = &state.Advert{Owner: "team", Attrs: asked.Routes[0].Attrs, From: state.Provenance{Lease: 7}}
		case 2:
			c.Peers = append(slices.Clone(c.Peers), netip.MustParseAddr("198.51.100.1"))
		case 3:
			c.Peers = nil // every peer
		}
		var beyond *BeyondError
		if err := x.Permit(left); !errors.As(err, &beyond) || len(beyond.Changes) != 1 || beyond.Changes[0].Key != c.Key {
			t.Fatalf("another change of %s: %v", c.Key, err)
		}
	})
}

// TestApplySendsNothingElse: what is not of the plan is not sent, also when it turns up
// after a part of the plan is. That part is waited for, no longer than ctx, and told apart.
func TestApplySendsNothingElse(t *testing.T) {
	const kept = "10.0.9.0/24"
	for _, test := range []struct {
		name, pending string
		confirmed     bool
	}{
		{"it is confirmed", kept + " not sent", true},
		{"it is never confirmed", "10.0.0.0/24 , 10.0.1.0/24 , " + kept + " not sent", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, d := newFakeSpeaker(), file(t, "10.0.0.0/24", "10.0.1.0/24", kept)
				f.grade = state.Accepted
				have := func(grade state.Grade, routes ...state.Wanted) {
					for _, w := range routes {
						f.set.Routes.Set([]state.Advert{{Attrs: w.Attrs, Owner: "team", At: []state.At{{Peer: peerA, Grade: grade}}}}, w.Key)
					}
				}
				have(state.Sent, d.Routes[2])
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				var a Assessment
				var err error
				ended := make(chan struct{})
				go func() {
					a, err = Apply(ctx, f, d, state.Sent, NewExactly(&state.Plan{Changes: first(t, d, &f.set, 2)}).Permit, nil)
					close(ended)
				}()
				synctest.Wait()
				f.inbox <- func() { f.set.Routes.Set(nil, d.Routes[2].Key) }
				synctest.Wait()
				select {
				case <-ended:
					t.Fatal("it did not wait for what it had sent")
				default:
				}
				if test.confirmed {
					f.inbox <- func() { have(state.Sent, d.Routes[:2]...) }
				}
				<-ended
				var pending []string
				for _, c := range a.Pending {
					pending = append(pending, c.Key.String()+" "+c.Reason)
				}
				if got := strings.Join(pending, ", "); got != test.pending {
					t.Errorf("pending: %s, not %s", got, test.pending)
				}
				if moved := (*BeyondError)(nil); !errors.As(err, &moved) || len(f.sent()) != 1 {
					t.Errorf("%v, and sent %v", err, f.sent())
				}
			})
		})
	}
}

// first are the first n changes that a speaker needs.
func first(t *testing.T, d *state.Desired, set *state.Advertised, n int) []state.Change {
	t.Helper()
	plan, err := state.Diff(d, set)
	if err != nil || len(plan.Changes) < n {
		t.Fatalf("%v: %v", plan, err)
	}
	return plan.Changes[:n]
}
