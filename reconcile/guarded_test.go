package reconcile

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"routesync/reconcile/guard"
	"routesync/state"
)

// guardedFile asks for routes under the default guards, or those that change makes
// of them.
func guardedFile(t testing.TB, digest string, change func(*state.Policy), prefixes ...string) *state.Desired {
	d := file(t, prefixes...)
	d.Policy = state.DefaultPolicy()
	d.Policy.Allow = []string{"private"}
	d.Revision.Digest = digest
	if change != nil {
		change(d.Policy)
	}
	return d
}

func prefixes(from, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("10.0.%d.0/24", from+i)
	}
	return all
}

// TestGuardsHoldThePlan: with each rule, the same change is sent without the guard,
// and nothing of it with it, until the file says otherwise.
func TestGuardsHoldThePlan(t *testing.T) {
	none := state.Limit{Share: 0, Count: state.NoCount}
	for _, test := range []struct {
		rule   state.Rule
		before []string
		after  []string
		guard  func(*state.Policy)
	}{
		{state.RuleWithdraw, prefixes(0, 4), prefixes(0, 2), func(p *state.Policy) { p.MaxWithdraw = state.DefaultPolicy().MaxWithdraw }},
		{state.RuleWithdrawSpace, append(prefixes(0, 9), "20.0.0.0/16"), prefixes(0, 9), func(p *state.Policy) { p.MaxWithdrawSpace = state.DefaultPolicy().MaxWithdrawSpace }},
		{state.RuleWithdrawTag, prefixes(0, 4), prefixes(0, 3), func(p *state.Policy) { p.Tags = []state.TagBounds{{Tag: "ddos", MaxWithdraw: &none}} }},
		{state.RuleWithdrawPeer, prefixes(0, 4), prefixes(0, 3), func(p *state.Policy) { p.Peers = []state.PeerBounds{{Peer: peerA, MaxWithdraw: none}} }},
		{state.RuleMinRoutes, prefixes(0, 4), prefixes(0, 3), func(p *state.Policy) { p.MinRoutes = 4 }},
		{state.RuleMinTag, prefixes(0, 4), prefixes(0, 3), func(p *state.Policy) { p.Tags = []state.TagBounds{{Tag: "ddos", MinRoutes: 1}} }},
		{state.RuleProtect, prefixes(0, 4), prefixes(0, 3), func(p *state.Policy) { p.Protect = []netip.Prefix{netip.MustParsePrefix("10.0.3.0/24")} }},
		{state.RuleNever, prefixes(0, 1), prefixes(0, 2), func(p *state.Policy) { p.Allow = nil }},
		{state.RulePrefixLength, nil, []string{"10.0.0.0/25"}, func(p *state.Policy) { p.Lengths4.Max = 24 }},
		{state.RuleMaxRoutes, nil, prefixes(0, 3), func(p *state.Policy) { p.MaxRoutes = 2 }},
		{state.RuleNextHop, nil, prefixes(0, 1), func(p *state.Policy) { p.NextHops = &state.NextHops{Self: true} }},
		{state.RuleCommunity, nil, prefixes(0, 1), func(p *state.Policy) { p.Communities = []state.CommunityPattern{} }},
		{state.RuleRPKI, nil, prefixes(0, 1), func(p *state.Policy) { p.RPKI = state.RPKI{VRPs: "vrps.json", NotFound: state.Refuse} }},
	} {
		t.Run(string(test.rule), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, target, told := newFakeSpeaker(), NewTarget(), noted{}
				target.NoteTo(told)
				before := file(t, test.before...)
				before.Revision.Digest = "before"
				target.Set(before)
				stop := converging(t, f, target)
				defer stop()
				sent := len(f.sent())

				after := file(t, test.after...)
				if test.rule == state.RuleCommunity {
					after.Routes[0].Terms.Attrs, _ = after.Routes[0].Attrs.With(state.Community, []string{"65000:1"})
				}
				guarded := *after
				policy := *state.Unguarded()
				test.guard(&policy)
				guarded.Policy, guarded.Revision.Digest = &policy, "after"
				target.Set(&guarded)
				synctest.Wait()
				if got := len(f.sent()); got != sent {
					t.Fatalf("the guard lets through %v", f.sent()[sent:])
				}
				if p := target.Progress(); !slices.Contains(p.Guarded, test.rule) || p.Refusals[test.rule] != 1 {
					t.Errorf("held by %v, refusals %v", p.Guarded, p.Refusals)
				}
				if f.left == 0 {
					t.Error("the speaker is told that nothing is left to do")
				}
				if !strings.Contains(told[Guarded], string(test.rule)+": ") {
					t.Errorf("noted: %q", told[Guarded])
				}
				if do := told["do "+Guarded]; !strings.Contains(do, "routesync override ") || !strings.HasSuffix(do, " --owner team --reason WHY") {
					t.Errorf("to do: %q, of a speaker that may have several owners", do)
				}
				if target.Accepted().Digest != "before" || slices.Contains(f.declared, "after") {
					t.Errorf("what is held is in force: %v, %v", target.Accepted(), f.declared)
				}
				time.Sleep(5 * time.Minute)
				synctest.Wait()
				if got := len(f.sent()); got != sent || target.Progress().Refusals[test.rule] != 1 {
					t.Errorf("after a while it is sent, or counted again: %v", target.Progress())
				}

				after.Revision.Digest = "after"
				target.Set(after) // the same without the guard
				synctest.Wait()
				if len(f.sent()) != sent+1 || len(f.sent()[sent]) == 0 {
					t.Errorf("without the guard %v is sent", f.sent()[sent:])
				}
				if f.left != 0 {
					t.Errorf("%d changes are said to be left", f.left)
				}
				if told[Guarded] != "" || len(target.Progress().Guarded) != 0 || target.Accepted().Digest != "after" {
					t.Errorf("still held: %v", told)
				}
			})
		})
	}
}

// held runs Converge until it holds a plan that withdraws two of four.
func held(t *testing.T, do func(f *fakeSpeaker, target *Target, d *state.Desired, e *GuardedError)) {
	synctest.Test(t, func(t *testing.T) {
		f, target := newFakeSpeaker(), NewTarget()
		target.Set(guardedFile(t, "before", nil, prefixes(0, 4)...))
		stop := converging(t, f, target)
		defer stop()
		d := guardedFile(t, "after", nil, prefixes(0, 2)...)
		target.Set(d)
		synctest.Wait()
		if len(f.sent()) != 1 {
			t.Fatalf("sent %v", f.sent())
		}
		do(f, target, d, refusalOf(t, f, d))
	})
}

// refusalOf is what a command would be told of the same.
func refusalOf(t *testing.T, f *fakeSpeaker, d *state.Desired) *GuardedError {
	t.Helper()
	plan, err := state.Diff(d, &f.set)
	if err != nil {
		t.Fatal(err)
	}
	_, err = new(Gate).Judge(plan, d, &f.set, nil, time.Now())
	var refused *GuardedError
	if !errors.As(err, &refused) {
		t.Fatalf("not refused: %v", err)
	}
	return refused
}

// TestOverrideToARunningWatch: it holds for the plan that it was given for, and the
// bridge is told when that is done.
func TestOverrideToARunningWatch(t *testing.T) {
	held(t, func(f *fakeSpeaker, target *Target, d *state.Desired, e *GuardedError) {
		part := e.Override
		part.Rules = part.Rules[:1]
		other := e.Override
		other.Plan = "000000000000"
		f.inbox <- func() { f.overrides = []state.Override{part, other} }
		synctest.Wait()
		if len(f.sent()) != 1 {
			t.Fatalf("sent %v with an override of a part, and one of another plan", f.sent()[1:])
		}
		f.inbox <- func() { f.overrides = []state.Override{part, other, e.Override} }
		synctest.Wait()
		if len(f.sent()) != 2 || len(f.sent()[1]) != 2 {
			t.Fatalf("sent %v", f.sent()[1:])
		}
		if f.carriedAt != 2 {
			t.Errorf("the bridge was told with %d routes there that it is done", f.carriedAt)
		}
		if got := fmt.Sprint(f.carriedOut); got != fmt.Sprint([]state.Override{part, e.Override}) {
			t.Errorf("carried out: %s", got)
		}
		// What is undone of it is done again, without another word.
		undo := func() {
			for _, w := range file(t, prefixes(2, 2)...).Routes {
				f.set.Routes.Set(f.set.Routes.Get(d.Routes[0].Key), w.Key)
			}
		}
		f.inbox <- func() { f.overrides = nil } // the bridge has dropped it
		f.inbox <- undo
		synctest.Wait()
		if len(f.sent()) != 3 || len(f.sent()[2]) != 2 {
			t.Fatalf("sent %v", f.sent()[2:])
		}
		// But not if the file says otherwise now, though it asks for the same.
		policy := *d.Policy
		policy.MinRoutes = 3
		stricter := *d
		stricter.Policy = &policy
		target.Set(&stricter)
		synctest.Wait()
		f.inbox <- undo
		synctest.Wait()
		if len(f.sent()) != 3 {
			t.Errorf("under another policy, sent %v", f.sent()[3:])
		}
	})
}

// TestLiftedIsOnRecord: which guards were lifted for what was sent, and by whom, and
// for nothing that is sent behind it.
func TestLiftedIsOnRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeSpeaker()
		target, n := withRecord()
		target.Set(guardedFile(t, "before", nil, prefixes(0, 4)...))
		stop := converging(t, f, target)
		defer stop()
		d := guardedFile(t, "after", nil, prefixes(0, 2)...)
		target.Set(d)
		synctest.Wait()
		e := refusalOf(t, f, d)
		o := e.Override
		o.By = "al on noc1 (override): moving"
		f.inbox <- func() { f.overrides = []state.Override{o} }
		synctest.Wait()
		target.Set(guardedFile(t, "next", nil, prefixes(0, 3)...))
		synctest.Wait()
		if len(n.sendings) != 3 || len(n.sendings[0].Lifted) != 0 || len(n.sendings[2].Lifted) != 0 {
			t.Fatalf("on record is %+v", n.sendings)
		}
		var want []Lifted
		for _, x := range e.Findings {
			want = append(want, Lifted{x.Rule, x.Text, o})
		}
		if got := n.sendings[1].Lifted; len(want) == 0 || !reflect.DeepEqual(got, want) {
			t.Errorf("lifted are %+v, want %+v", got, want)
		}
	})
}

// TestOverrideInTheFile: the file that lifts its own guard, for this plan.
func TestOverrideInTheFile(t *testing.T) {
	held(t, func(f *fakeSpeaker, target *Target, d *state.Desired, e *GuardedError) {
		policy := *d.Policy
		policy.Overrides = []state.Override{e.Override}
		lifted := *d
		lifted.Policy = &policy
		target.Set(&lifted)
		synctest.Wait()
		if len(f.sent()) != 2 {
			t.Fatalf("sent %v", f.sent()[1:])
		}
		// It says nothing about the next one.
		next := *guardedFile(t, "next", nil, "10.0.9.0/24")
		next.Policy = &policy
		target.Set(&next)
		synctest.Wait()
		if len(f.sent()) != 2 {
			t.Errorf("an override for another plan lets through %v", f.sent()[2:])
		}
	})
}

// TestAdvertisedSaysSo: what is held goes on when what is advertised makes it small.
func TestAdvertisedSaysSo(t *testing.T) {
	held(t, func(f *fakeSpeaker, target *Target, d *state.Desired, e *GuardedError) {
		f.inbox <- func() { f.set.Routes.Set(nil, file(t, "10.0.3.0/24").Routes[0].Key) }
		synctest.Wait()
		if len(f.sent()) != 2 || len(f.sent()[1]) != 1 {
			t.Errorf("sent %v", f.sent()[1:])
		}
	})
}

// TestRestOfWhatWasPassed: a session that broke in the middle leaves a rest, which
// would be refused by itself.
func TestRestOfWhatWasPassed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, target := newFakeSpeaker(), NewTarget()
		target.Set(guardedFile(t, "before", nil, prefixes(0, 10)...))
		stop := converging(t, f, target)
		d := guardedFile(t, "after", func(p *state.Policy) { p.MaxWithdraw = state.Limit{Share: 3000, Count: state.NoCount} }, prefixes(0, 7)...)
		f.breaks = true
		target.Set(d)
		synctest.Wait()
		if err := stop(); !errors.Is(err, errBroken) {
			t.Fatalf("ended with %v", err)
		}
		sent := len(f.sent())
		// Meanwhile six of the seven others have gone: the rest is three of four.
		for _, w := range file(t, prefixes(1, 6)...).Routes {
			f.set.Routes.Set(nil, w.Key)
		}
		f.others = true
		stop = converging(t, f, target)
		defer stop()
		if len(f.sent()) <= sent {
			t.Fatal("the rest is held")
		}
		gone := 0
		for _, c := range slices.Concat(f.sent()[sent:]...) {
			if c.Op() == state.Withdraw {
				gone++
			}
		}
		if gone != 3 {
			t.Errorf("%d are withdrawn; sent %v", gone, f.sent()[sent:])
		}
	})
}

// TestApplyIsGuarded: what changed since somebody agreed is judged anew.
func TestApplyIsGuarded(t *testing.T) {
	f := newFakeSpeaker()
	for _, w := range file(t, prefixes(0, 4)...).Routes {
		f.set.Routes.Set([]state.Advert{{Attrs: w.Attrs, Owner: "team", At: []state.At{{Peer: peerA, Grade: state.Sent}}}}, w.Key)
	}
	d := guardedFile(t, "after", nil, prefixes(0, 2)...)
	gate := &Gate{}
	permit := func(plan *state.Plan) error {
		_, err := gate.Judge(plan, d, &f.set, nil, time.Now())
		return err
	}
	_, err := Apply(t.Context(), f, d, state.Sent, permit, nil)
	var refused *GuardedError
	if !errors.As(err, &refused) || len(f.sent()) != 0 {
		t.Fatalf("%v, and sent %v", err, f.sent())
	}
	gate.Overrides = []state.Override{refused.Override}
	if _, err := Apply(t.Context(), f, d, state.Sent, permit, nil); err != nil || len(f.sent()) != 1 {
		t.Errorf("with the override: %v, and sent %v", err, f.sent())
	}
}

// TestEvidence: what is known from elsewhere is asked for, and asked for again.
func TestEvidence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, target := newFakeSpeaker(), NewTarget()
		var known atomic.Bool
		target.JudgeBy(func(c *guard.Case) {
			c.Tags = func(state.Key, netip.Addr) ([]string, bool) { return nil, known.Load() }
		})
		target.Set(guardedFile(t, "before", nil, prefixes(0, 4)...))
		stop := converging(t, f, target)
		defer stop()
		none := state.Limit{Share: 0, Count: state.NoCount}
		target.Set(guardedFile(t, "after", func(p *state.Policy) { p.Tags = []state.TagBounds{{Tag: "ddos", MaxWithdraw: &none}} }, prefixes(0, 3)...))
		synctest.Wait()
		if len(f.sent()) != 1 {
			t.Fatalf("sent %v though it may be of the tag", f.sent()[1:])
		}
		known.Store(true)
		time.Sleep(2 * lookAgain)
		synctest.Wait()
		if len(f.sent()) != 2 {
			t.Error("held though it is known not to be of the tag")
		}
	})
}
