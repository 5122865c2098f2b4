package reconcile

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"routesync/state"
)

// noted is what is noted, by its name, and what to do about it.
type noted map[string]string

func (n noted) Note(name, text, do string) { n[name], n["do "+name] = text, do }

// flapTwo saves two routes: one with another MED each minute, of the count given, the
// other one with the first.
func flapTwo(t *testing.T, target *Target, policy *state.Policy, times int) {
	for i := range times {
		d := file(t, fmt.Sprintf("10.0.0.0/24 %d", i), "10.0.1.0/24 1")
		d.Policy = policy
		target.Set(d)
		synctest.Wait()
		time.Sleep(time.Minute)
	}
}

// A route that changes a seventh time in a quarter of an hour is held as it is, and
// said to be; what else is asked for is done, and the route is let go at the time.
// Without the guard each of the changes goes through.
func TestFlappingRouteIsHeld(t *testing.T) {
	for name, tc := range map[string]struct {
		flap state.Flap
		want int // changes of the route that went out
	}{
		"guarded": {state.Flap{Changes: 6, Within: 15 * 60_000}, 6},
		"off":     {state.Flap{}, 10},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				policy := state.Unguarded()
				policy.Flap = tc.flap
				f, target, told := newFakeSpeaker(), NewTarget(), noted{}
				target.NoteTo(told)
				var log bytes.Buffer
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				begun := time.Now()
				go func() { done <- Converge(ctx, f, target, slog.New(slog.NewTextHandler(&log, nil))) }()
				flapTwo(t, target, policy, 10)
				flappy, other := state.UnicastKey(netip.MustParsePrefix("10.0.0.0/24"), 0), state.UnicastKey(netip.MustParsePrefix("10.0.1.0/24"), 0)
				if n := sentOf(f, flappy); n != tc.want {
					t.Errorf("%d changes of the route went out, want %d", n, tc.want)
				}
				if tc.flap == (state.Flap{}) {
					if len(told) > 0 || strings.Contains(log.String(), "too often") {
						t.Errorf("noted %v", told)
					}
					cancel()
					<-done
					return
				}
				want := "10.0.0.0/24 changed 6 times within 15m0s, and is held as it is, until " + begun.Add(15*time.Minute).UTC().Format(time.RFC3339)
				if told[Flapping] != want || strings.Count(log.String(), "changes too often") != 1 {
					t.Errorf("noted %q, want %q; logged\n%s", told[Flapping], want, &log)
				}
				if strings.Contains(log.String(), "refused") {
					t.Errorf("what is held is said to be refused:\n%s", &log)
				}

				// The others go on.
				d := file(t, "10.0.0.0/24 9", "10.0.1.0/24 77")
				d.Policy = policy
				target.Set(d)
				synctest.Wait()
				if n := sentOf(f, other); n != 2 || sentOf(f, flappy) != tc.want {
					t.Errorf("%d changes of the other route went out, want 2", n)
				}

				// Nobody does anything, and it comes free.
				time.Sleep(time.Until(begun.Add(15 * time.Minute)))
				synctest.Wait()
				if n := sentOf(f, flappy); n != tc.want+1 || told[Flapping] != "" || f.set.Routes.Get(flappy)[0].Attrs != d.Routes[0].Attrs {
					t.Errorf("%d changes went out, noted %q", n, told[Flapping])
				}
				cancel()
				<-done
			})
		})
	}
}

// What was counted is kept over the end of a connection, and what is refused, however
// often it is tried, is no change.
func TestFlappingOverConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		policy := state.Unguarded()
		policy.Flap = state.Flap{Changes: 3, Within: 15 * 60_000}
		f, target, told := newFakeSpeaker(), NewTarget(), noted{}
		target.NoteTo(told)
		refused := state.UnicastKey(netip.MustParsePrefix("10.0.1.0/24"), 0)
		f.refuse[refused] = "no"
		for i := range 4 {
			stop := converging(t, f, target)
			d := file(t, fmt.Sprintf("10.0.0.0/24 %d", i), "10.0.1.0/24")
			d.Policy = policy
			target.Set(d)
			synctest.Wait()
			time.Sleep(time.Minute)
			_ = stop()
		}
		if n := sentOf(f, state.UnicastKey(netip.MustParsePrefix("10.0.0.0/24"), 0)); n != 3 {
			t.Errorf("%d changes went out, want 3", n)
		}
		if n := sentOf(f, refused); n < 8 || strings.Contains(told[Flapping], "10.0.1.0/24") {
			t.Errorf("what is refused was tried %d times; noted %q", n, told[Flapping])
		}
	})
}

// sentOf is how many changes of a route were sent.
func sentOf(f *fakeSpeaker, k state.Key) int {
	n := 0
	for _, batch := range f.sent() {
		for _, c := range batch {
			if c.Key == k {
				n++
			}
		}
	}
	return n
}

// An override lets a route go that is held, for the plan that it names, and once: the
// same change is held again when it comes again.
func TestFlappingOverridden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		policy := state.Unguarded()
		policy.Flap = state.Flap{Changes: 3, Within: 60 * 60_000}
		f, target, told := newFakeSpeaker(), NewTarget(), noted{}
		target.NoteTo(told)
		stop := converging(t, f, target)
		k := state.UnicastKey(netip.MustParsePrefix("10.0.0.0/24"), 0)
		save := func(med int) {
			d := file(t, fmt.Sprintf("10.0.0.0/24 %d", med))
			d.Policy, d.Revision.Digest = policy, fmt.Sprint("file ", med)
			target.Set(d)
			synctest.Wait()
			time.Sleep(time.Minute)
		}
		for i := range 4 {
			save(i % 2)
		}
		if n := sentOf(f, k); n != 3 || told[Flapping] == "" {
			t.Fatalf("%d changes went out, noted %q", n, told[Flapping])
		}
		give := func(text string) {
			o, err := state.ParseOverride(text)
			if err != nil {
				t.Fatal(err)
			}
			f.inbox <- func() { f.overrides = append(f.overrides, o) }
			synctest.Wait()
		}
		_, rest, _ := strings.Cut(told["do "+Flapping], "routesync override ")
		override, of, _ := strings.Cut(rest, " ")
		if !strings.HasSuffix(of, " --owner team --reason WHY") {
			t.Errorf("to do: %q, of a speaker that may have several owners", told["do "+Flapping])
		}
		give("flap@000000000000")
		give("withdraw" + strings.TrimPrefix(override, "flap"))
		if n := sentOf(f, k); n != 3 {
			t.Fatalf("%d changes went out by overrides for something else", n)
		}
		give(override)
		if n := sentOf(f, k); n != 4 || told[Flapping] != "" || len(f.carriedOut) != 1 || f.carriedOut[0].String() != override {
			t.Errorf("by %s %d changes went out; noted %q, carried out %v", override, n, told[Flapping], f.carriedOut)
		}
		before := file(t, "10.0.0.0/24 0").Routes[0].Attrs
		f.inbox <- func() {
			f.overrides = nil // the bridge forgets what was carried out
			f.set.Routes.Set([]state.Advert{{Attrs: before, Owner: "team", At: []state.At{{Peer: peerA, Grade: state.Sent}}}}, k)
		}
		synctest.Wait()
		if n := sentOf(f, k); n != 4 || told[Flapping] == "" {
			t.Errorf("%d changes went out, noted %q; want it held again", n, told[Flapping])
		}
		_ = stop()
	})
}
