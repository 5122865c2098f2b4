package reconcile

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"routesync/reconcile/guard"
	"routesync/state"
)

// Guarded is what is noted while guards refuse the plan for a speaker.
const Guarded = "guarded"

// guarded holds a target while guards refuse what would lead there.
type guarded struct {
	Gate
	using   []state.Override // that lift rules for what is being carried out
	lifted  []Lifted         // for the plan that was let through last
	refusal *GuardedError    // of what is held, as it was told; nil while nothing is
	warned  string
	flaps   flapping
}

// pass tells whether a plan may be carried out, and says once why not.
func (g *guarded) pass(t *Target, sp Speaker, plan *state.Plan, desired *state.Desired, now time.Time, log *slog.Logger) bool {
	ordered := sp.Overrides()
	verdict, err := g.Judge(plan, desired, sp.Advertised(), ordered, now)
	g.warn(verdict.Warnings, log)
	if refused := (*GuardedError)(nil); errors.As(err, &refused) {
		g.hold(t, plan, refused, log)
		return false
	}
	if g.refusal != nil {
		g.refusal = nil
		t.note(Guarded, "", "")
		log.Info("no guard refuses the plan any more")
	}
	g.lifted = g.Lifted()
	for _, x := range g.lifted {
		log.Warn("a guard is overridden", "rule", x.Rule, "text", x.Text, "override", x.Override.String(), "by", cmp.Or(x.Override.By, "the file"))
	}
	g.carried(sp, plan, ordered)
	return true
}

// hold says once that nothing is sent, and why.
func (g *guarded) hold(t *Target, plan *state.Plan, e *GuardedError, log *slog.Logger) {
	text := findingsText(e.Findings)
	if last := g.refusal; last != nil && last.Digest == e.Digest && findingsText(last.Findings) == text {
		return
	}
	g.refusal = e
	log.Error("nothing is sent: a guard refuses the plan", "plan", e.Digest[:state.ShortDigest],
		"announce", e.Plan.Announce, "change", e.Plan.Change, "withdraw", e.Plan.Withdraw, "override", e.Override.String())
	for _, f := range e.Findings {
		log.Error("refused by guard "+string(f.Rule), "text", f.Text, "routes", f.List())
	}
	t.note(Guarded, fmt.Sprintf("nothing of plan %s is sent (%d to announce, %d to change, %d to withdraw): %s",
		e.Digest[:state.ShortDigest], e.Plan.Announce, e.Plan.Change, e.Plan.Withdraw, text),
		"see routesync plan; if it is meant: "+orderText(e.Override, e.Speaker, plan.Owner))
}

// orderText is the command that gives an override, to be pasted wherever one is: a
// speaker has several owners.
func orderText(o state.Override, speaker, owner string) string {
	return fmt.Sprintf("routesync override %s --speaker %s --owner %s --reason WHY", o, speaker, owner)
}

// warn says once what there is against a plan that does not keep it from being
// carried out.
func (g *guarded) warn(all []guard.Finding, log *slog.Logger) {
	text := findingsText(all)
	if text != g.warned {
		for _, f := range all {
			log.Warn("guard "+string(f.Rule)+" warns", "text", f.Text, "routes", f.List())
		}
	}
	g.warned = text
}

// carried tells the speaker of which overrides the plans are carried out.
func (g *guarded) carried(sp Speaker, plan *state.Plan, ordered []state.Override) {
	for _, x := range g.Lifted() {
		g.use(ordered, x.Rule, g.last.digest)
	}
	if len(plan.Changes) == 0 && len(g.using) > 0 {
		sp.CarriedOut(g.using)
		g.using = nil
	}
}

// use remembers which of some overrides lift a rule for the plan with a digest.
func (g *guarded) use(ordered []state.Override, r state.Rule, digest string) {
	for _, o := range ordered {
		if o.Lifts(r, digest) && !slices.ContainsFunc(g.using, func(x state.Override) bool { return x.String() == o.String() }) {
			g.using = append(g.using, o)
		}
	}
}

// findingsText names the rules of findings, with their numbers.
func findingsText(all []guard.Finding) string {
	words := make([]string, len(all))
	for i, f := range all {
		words[i] = fmt.Sprintf("%s: %s", f.Rule, f.Text)
	}
	return strings.Join(words, "; ")
}
