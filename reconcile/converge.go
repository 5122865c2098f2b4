package reconcile

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"routesync/reconcile/guard"
	"routesync/state"
)

// Target is what one speaker is to be brought to. It is set by whoever reads
// the file and read by the speaker's loop.
type Target struct {
	mu      sync.Mutex
	desired *state.Desired
	changed chan struct{}
	reached chan<- struct{} // may be nil
	notes   Notes           // may be nil
	ledger  *Ledger         // may be nil

	progress progress
	guards   guarded // of the loop alone

	reconsider atomic.Bool
	accepted   state.Revision
}

// NewTarget returns a target without a desired set: nothing is done until Set.
func NewTarget() *Target { return &Target{changed: make(chan struct{}, 1)} }

// Set puts a new desired set in force. The caller does not change it any more.
func (t *Target) Set(d *state.Desired) {
	t.mu.Lock()
	t.desired = d
	t.mu.Unlock()
	select {
	case t.changed <- struct{}{}:
	default:
	}
}

// Locate is where the file in force has a route; false if it does not ask for
// it. The zero Addr is any peer.
func (t *Target) Locate(k state.Key, peer netip.Addr) (state.Position, bool) {
	desired := t.current()
	if desired == nil {
		return state.Position{}, false
	}
	w := desired.Find(k, peer)
	if w == nil {
		return state.Position{}, false
	}
	return w.Pos, true
}

// Revision is of the set that is in force; zero if none is.
func (t *Target) Revision() state.Revision {
	if desired := t.current(); desired != nil {
		return desired.Revision
	}
	return state.Revision{}
}

// Accepted is of the last set of which no guard refused what leads there; zero if
// there was none. What a guard holds is not in force.
func (t *Target) Accepted() state.Revision {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.accepted
}

// Held tells whether a guard holds the plan for the speaker.
func (t *Target) Held() bool { return len(t.Progress().Guarded) > 0 }

func (t *Target) accept(r state.Revision) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.accepted = r
}

// JudgeBy has evidence complete what the guards judge plans by. It is called before
// [Converge].
func (t *Target) JudgeBy(evidence func(*guard.Case)) { t.guards.Evidence = evidence }

// Reconsider has the plan judged again, for there is other evidence. It may be called
// from any goroutine.
func (t *Target) Reconsider() {
	t.reconsider.Store(true)
	select {
	case t.changed <- struct{}{}:
	default:
	}
}

// Changed is signalled when another set is put in force, for who does not
// converge to it meanwhile.
func (t *Target) Changed() <-chan struct{} { return t.changed }

// Tell has reached signalled whenever nothing more is left to send of a set that was
// put in force. It is called before [Converge].
func (t *Target) Tell(reached chan<- struct{}) { t.reached = reached }

// Record has a record kept of what is sent. It is called before [Converge].
func (t *Target) Record(owner string, to Recorder) *Ledger {
	t.ledger = NewLedger(owner, to, CauseStart, t.current)
	return t.ledger
}

func (t *Target) reach() {
	t.ledger.reach()
	select {
	case t.reached <- struct{}{}:
	default:
	}
}

func (t *Target) current() *state.Desired {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.desired
}

// Converge keeps a speaker at its target until ctx ends or the connection
// breaks: it acts on every new desired set, whenever a route of it starts or
// expires, and whenever the advertised set moves away from it.
func Converge(ctx context.Context, sp Speaker, t *Target, log *slog.Logger) error {
	sp = Recorded(sp, t.ledger, t.Revision())
	tried := attempts{}
	var acted *state.Desired // the set that tried is about
	var epoch int64          // and the epoch
	var told *state.Desired  // the set that was reported converged
	var contests []state.Contest
	var clock inForce
	var plans planner
	for {
		desired, byTime := clock.at(t.current(), time.Now())
		if byTime {
			log.Info("a route has come to its start or its end", "routes", len(desired.Routes))
		}
		if now := sp.Epoch(); desired != acted || now != epoch {
			tried, acted, epoch = attempts{}, desired, now
		}
		left, held := 0, time.Duration(0)
		if desired != nil && sp.Advertised().Complete && sp.Settled() {
			plan, err := plans.next(sp, desired)
			if err != nil {
				return err
			}
			sp.Left(len(plan.Changes))
			if t.reconsider.Swap(false) {
				t.guards.last = judgement{}
			}
			passed := t.guards.pass(t, sp, plan, desired, time.Now(), log)
			t.progress.saw(plan, desired, t.guards.refusal, time.Now())
			if !passed {
				if err := await(ctx, sp, t.changed, clock.wait(0, lookAgain, time.Now())); err != nil {
					return err
				}
				continue
			}
			sp.Declare(desired.Revision)
			t.accept(desired.Revision)
			if err := sp.Contest(ctx, plans.contests); err != nil {
				return err
			}
			contests = reportContests(log, contests, sp.Advertised().ContestsOf(desired.Owner))
			var free []state.Change
			free, held = t.guards.part(t, sp, plan, desired, time.Now(), log)
			todo := tried.fresh(free, time.Now())
			left = len(free)
			switch {
			case len(todo) > 0:
				told = nil
				announce, replace, withdraw := state.Count(todo)
				log.Info("publishing", "announce", announce, "change", replace, "withdraw", withdraw)
				t.guards.flaps.Sent(todo, time.Now())
				t.ledger.Lift(t.guards.lifted)
				if err := sp.Send(ctx, todo); err != nil {
					return err
				}
				t.progress.published(Changes{announce, replace, withdraw})
			case told != desired:
				told = desired
				report(log, plan, left, sp.Advertised(), desired.Owner)
				t.reach()
			}
		}
		if err := await(ctx, sp, t.changed, clock.wait(left, held, time.Now())); err != nil {
			return err
		}
	}
}

// await waits for news, or for wake, no longer than the time given; 0 is for ever.
func await(ctx context.Context, sp Speaker, wake <-chan struct{}, longest time.Duration) error {
	wait, cancel := ctx, context.CancelFunc(func() {})
	if longest > 0 {
		wait, cancel = context.WithTimeout(ctx, longest)
	}
	defer cancel()
	err := sp.Await(wait, wake)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil
	}
	return err
}

// reportContests reports which routes of the file another owner asks for since
// last time, and returns them all.
func reportContests(log *slog.Logger, last, now []state.Contest) []state.Contest {
	for _, c := range now {
		if !slices.Contains(last, c) {
			log.Warn("somebody else asks for this route too; it stays as this file says", "route", c.Key.String(), "owner", c.Owner)
		}
	}
	return now
}

// report says how a speaker is left. left is how many of the changes of the plan are
// not held.
func report(log *slog.Logger, plan *state.Plan, left int, advertised *state.Advertised, owner string) {
	switch held := len(plan.Changes) - left; {
	case len(plan.Changes) == 0 && len(plan.Overlaps) == 0:
		log.Info("converged", "routes", plan.Unchanged, "foreign", len(plan.Foreign))
	case left > 0:
		log.Warn("not converged: some changes are refused", "routes", plan.Unchanged, "left", left, "held", held)
	case held > 0:
		log.Warn("not converged: some changes are held", "routes", plan.Unchanged, "held", held)
	}
	wanted := map[state.Key]bool{}
	for _, c := range plan.Changes {
		wanted[c.Key] = true
	}
	for _, r := range advertised.Refused {
		if r.Owner == owner && wanted[r.Key] {
			log.Warn("refused", "route", r.Key.String(), "reason", r.Reason)
		}
	}
	for _, o := range plan.Overlaps {
		log.Error("two routes are for one peer; nothing is done about them", "overlap", o.String())
	}
	for _, f := range plan.Foreign {
		if f.Wanted != nil {
			log.Warn("somebody else announces this route, and keeps it", "route", f.Key.String(), "at", f.Wanted.Pos.String(), "owner", f.Advert.Owner, "given by", f.Advert.From.By)
		}
	}
}
