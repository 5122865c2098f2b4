package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"routesync/state"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// converging runs Converge in a bubble until the test ends.
func converging(t *testing.T, f *fakeSpeaker, target *Target) (stop func() error) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Converge(ctx, f, target, quiet()) }()
	synctest.Wait()
	return func() error { cancel(); return <-done }
}

func TestConvergeFollowsTheFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, target := newFakeSpeaker(), NewTarget()
		stop := converging(t, f, target)
		if len(f.sent()) != 0 {
			t.Error("something was sent before there was a file")
		}
		target.Set(file(t, "10.0.0.0/24", "10.0.1.0/24"))
		synctest.Wait()
		target.Set(file(t, "10.0.0.0/24", "10.0.1.0/24 5"))
		synctest.Wait()
		if len(f.sent()) != 2 || len(f.sent()[0]) != 2 || len(f.sent()[1]) != 1 || f.sent()[1][0].Op() != state.Replace {
			t.Errorf("sent %+v, want two announces, then one replace", f.sent())
		}
		if err := stop(); !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
	})
}

// TestConvergeDeclaresWhatItSends: of each set which it is, of a part of it too.
func TestConvergeDeclaresWhatItSends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, target := newFakeSpeaker(), NewTarget()
		stop := converging(t, f, target)
		for _, digest := range []string{"x", "y", "x"} {
			d := file(t, "10.0.0.0/24", "10.0.1.0/24")
			d.Routes[1].Expires = time.Now().Add(time.Minute).UnixMilli()
			d.Revision.Digest = digest
			target.Set(d)
			synctest.Wait()
			if target.Revision() != d.Revision {
				t.Errorf("in force is %v", target.Revision())
			}
		}
		time.Sleep(2 * time.Minute) // a route ends, and the file is the same
		synctest.Wait()
		if err := stop(); !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
		if !slices.Equal(f.declared, []string{"x", "y", "x"}) {
			t.Errorf("declared %q", f.declared)
		}
	})
}

func TestConvergePutsDriftRight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, target := newFakeSpeaker(), NewTarget()
		d := file(t, "10.0.0.0/24")
		target.Set(d)
		stop := converging(t, f, target)
		f.inbox <- func() { f.set.Routes.Set(nil, d.Routes[0].Key) }
		synctest.Wait()
		if len(f.sent()) != 2 || f.sent()[1][0].Op() != state.Announce {
			t.Errorf("sent %+v, want the route again", f.sent())
		}
		_ = stop()
	})
}

func TestConvergeWaitsForACompleteSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, target := newFakeSpeaker(), NewTarget()
		f.set.Complete = false
		target.Set(file(t))
		f.set.Routes.Set([]state.Advert{{Owner: "team", At: []state.At{{Peer: peerA, Grade: state.Sent}}}}, file(t, "10.0.0.0/24").Routes[0].Key)
		stop := converging(t, f, target)
		if len(f.sent()) != 0 {
			t.Errorf("sent %+v on the word of an incomplete set", f.sent())
		}
		f.inbox <- func() { f.set.Complete = true }
		synctest.Wait()
		if len(f.sent()) != 1 || f.sent()[0][0].Op() != state.Withdraw {
			t.Errorf("sent %+v, want the withdraw now", f.sent())
		}
		_ = stop()
	})
}

func TestRefusedChangeIsNotSentOverAndOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, target := newFakeSpeaker(), NewTarget()
		d := file(t, "10.0.0.0/24", "10.0.1.0/24")
		f.refuse[d.Routes[0].Key] = "no"
		target.Set(d)
		stop := converging(t, f, target)
		for range 5 {
			f.inbox <- func() {}
		}
		synctest.Wait()
		if len(f.sent()) != 1 {
			t.Errorf("sent %d times, want once", len(f.sent()))
		}
		time.Sleep(tryAgain + time.Second)
		synctest.Wait()
		if len(f.sent()) != 2 || len(f.sent()[1]) != 1 {
			t.Errorf("sent %+v, want the refused change again after %s", f.sent(), tryAgain)
		}
		target.Set(file(t, "10.0.0.0/24", "10.0.1.0/24"))
		synctest.Wait()
		if len(f.sent()) != 3 {
			t.Errorf("sent %d times, want the refused change again for a new file", len(f.sent()))
		}
		_ = stop()
	})
}

func TestChangeThatWasLostIsSentAgainAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, target := newFakeSpeaker(), NewTarget()
		f.lose = true
		target.Set(file(t, "10.0.0.0/24"))
		stop := converging(t, f, target)
		if len(f.sent()) != 2 || f.set.Routes.Len() != 1 {
			t.Errorf("sent %d times, want twice: the first was lost with its epoch", len(f.sent()))
		}
		_ = stop()
	})
}

func TestConvergeEndsWithItsConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, target := newFakeSpeaker(), NewTarget()
		done := make(chan error, 1)
		go func() { done <- Converge(t.Context(), f, target, quiet()) }()
		close(f.broken)
		if err := <-done; !errors.Is(err, errBroken) {
			t.Errorf("ended with %v, want %v", err, errBroken)
		}
	})
}

func TestApplyWaitsForTheGrade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSpeaker()
		f.grade = state.Accepted
		d := file(t, "10.0.0.0/24")
		var got Assessment
		done := make(chan error, 1)
		go func() {
			var err error
			got, err = Apply(t.Context(), f, d, state.Sent, nil, nil)
			done <- err
		}()
		synctest.Wait()
		select {
		case <-done:
			t.Fatal("apply ended on a route that is only accepted")
		default:
		}
		f.inbox <- func() { f.set.Routes.Get(d.Routes[0].Key)[0].At[0].Grade = state.Sent }
		if err := <-done; err != nil || got.Confirmed != 1 || len(f.sent()) != 1 {
			t.Errorf("assessment %+v, error %v, sent %d times", got, err, len(f.sent()))
		}
	})
}

func TestApplyNamesWhatIsLeft(t *testing.T) {
	for _, tc := range []struct {
		name  string
		setup func(*fakeSpeaker, *state.Desired)
		check func(Assessment) bool
	}{
		{"refused", func(f *fakeSpeaker, d *state.Desired) { f.refuse[d.Routes[0].Key] = "no" },
			func(a Assessment) bool { return len(a.Refused) == 1 && a.Refused[0].Reason == "no" && a.Confirmed == 0 }},
		{"unsent", func(f *fakeSpeaker, _ *state.Desired) { f.grade = state.Unsent },
			func(a Assessment) bool { return len(a.Unsent) == 1 && a.Confirmed == 0 }},
		{"held", func(f *fakeSpeaker, _ *state.Desired) { f.grade = state.Held },
			func(a Assessment) bool { return len(a.Held) == 1 && a.Confirmed == 0 }},
		{"foreign", func(f *fakeSpeaker, d *state.Desired) {
			f.set.Routes.Set([]state.Advert{{At: []state.At{{Peer: peerA, Grade: state.Sent}}}}, d.Routes[0].Key)
		}, func(a Assessment) bool { return len(a.Foreign) == 1 && a.Confirmed == 0 }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, d := newFakeSpeaker(), file(t, "10.0.0.0/24")
				tc.setup(f, d)
				a, err := Apply(t.Context(), f, d, state.Sent, nil, nil)
				if err != nil || !tc.check(a) {
					t.Errorf("assessment %+v, error %v", a, err)
				}
			})
		})
	}
}

func TestApplyEndsWithItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSpeaker()
		f.grade = state.Accepted
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		a, err := Apply(ctx, f, file(t, "10.0.0.0/24"), state.Sent, nil, nil)
		if !errors.Is(err, context.DeadlineExceeded) || len(a.Pending) != 1 {
			t.Errorf("assessment %+v, error %v; want one pending at the deadline", a, err)
		}
	})
}

// A route starts and expires at its times, with nobody there to save the file.
func TestConvergeActsAtTheTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, target := newFakeSpeaker(), NewTarget()
		d := file(t, "10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24")
		begin := time.Now()
		d.Routes[0].Expires = begin.Add(90 * time.Minute).UnixMilli()
		d.Routes[1].Starts = begin.Add(30 * time.Minute).UnixMilli()
		target.Set(d)
		stop := converging(t, f, target)
		for _, step := range []struct {
			at   time.Duration
			want int // routes
		}{
			{0, 2}, {30*time.Minute - time.Millisecond, 2}, {30 * time.Minute, 3},
			{90*time.Minute - time.Millisecond, 3}, {90 * time.Minute, 2}, {24 * time.Hour, 2},
		} {
			time.Sleep(step.at - time.Since(begin))
			synctest.Wait()
			if n := f.routes(); n != step.want {
				t.Errorf("after %s %d routes, want %d", step.at, n, step.want)
			}
		}
		if last := f.sent()[2][0]; len(f.sent()) != 3 || last.Op() != state.Withdraw || last.Key != d.Routes[0].Key {
			t.Errorf("sent %d times, last %+v", len(f.sent()), last)
		}
		_ = stop()
	})
}

// What only the peers show to be two routes for one of them is left as it is.
func TestOverlapIsLeftAsItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, d := newFakeSpeaker(), file(t, "10.0.0.0/24", "10.0.1.0/24")
		f.set.Peers[0].PeerAS = 65001
		twin := state.Wanted{Key: d.Routes[0].Key, Terms: &state.Terms{Attrs: d.Routes[0].Attrs}}
		twin.Peers = state.SelectPeers([]state.Selector{{AS: 65001}})
		d.Routes[0].Peers = state.NewPeers([]netip.Addr{peerA})
		d.Routes = append([]state.Wanted{d.Routes[0], twin}, d.Routes[1:]...)
		was := []state.Advert{{Owner: "team", At: []state.At{{Peer: peerA, Grade: state.Sent}}}}
		f.set.Routes.Set(was, twin.Key)
		a, err := Apply(t.Context(), f, d, state.Sent, nil, nil)
		if err != nil || len(a.Refused) != 1 || a.Refused[0].Key != twin.Key || a.Confirmed != 1 || len(a.Pending) != 0 {
			t.Errorf("assessment %+v, error %v", a, err)
		}
		if len(f.sent()) != 1 || len(f.sent()[0]) != 1 || f.sent()[0][0].Key == twin.Key {
			t.Errorf("sent %+v, want the other route alone", f.sent())
		}
	})
}

// TestConvergeTellsThatItIsThere: once for each set, when nothing more is to be sent.
func TestConvergeTellsThatItIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, target, reached := newFakeSpeaker(), NewTarget(), make(chan struct{}, 1)
		target.Tell(reached)
		stop := converging(t, f, target)
		for i := range 3 {
			if len(reached) > 0 {
				t.Error("it is said to be there, and has no set, or had that one")
			}
			d := file(t, "10.0.0.0/24", fmt.Sprintf("10.0.%d.0/24", i+1))
			target.Set(d)
			synctest.Wait()
			if len(reached) != 1 || f.routes() != 2 {
				t.Errorf("%d routes, and it is said to be there: %t", f.routes(), len(reached) == 1)
			}
			<-reached
			f.inbox <- func() {}
			synctest.Wait()
		}
		_ = stop()
	})
}
