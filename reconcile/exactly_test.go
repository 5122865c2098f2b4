package reconcile

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"

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
// after a part of the plan is.
func TestApplySendsNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, d := newFakeSpeaker(), file(t, "10.0.0.0/24", "10.0.1.0/24")
		f.set.Routes.Set([]state.Advert{{Owner: "team", Attrs: d.Routes[1].Attrs, At: []state.At{{Peer: peerA, Grade: state.Sent}}}}, d.Routes[1].Key)
		f.grade = state.Accepted // so that it waits
		plan, err := state.Diff(d, &f.set)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			_, err := Apply(t.Context(), f, d, state.Sent, NewExactly(plan).Permit, nil)
			done <- err
		}()
		synctest.Wait()
		if n := len(f.sent()); n != 1 || len(f.sent()[0]) != 1 {
			t.Fatalf("%d batches were sent, want the plan", n)
		}
		f.inbox <- func() { f.set.Routes.Set(nil, d.Routes[1].Key) } // behind our back
		var beyond *BeyondError
		if err := <-done; !errors.As(err, &beyond) || len(beyond.Changes) != 1 || beyond.Changes[0].Key != d.Routes[1].Key {
			t.Errorf("ended with %v", err)
		}
		if n := len(f.sent()); n != 1 {
			t.Errorf("%d batches were sent, want 1", n)
		}
	})
}
