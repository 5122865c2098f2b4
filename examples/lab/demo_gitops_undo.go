package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"routesync/examples/lab/rig"
)

// onTrial is how long the demo's change waits for its confirmation.
const onTrial = 12 * time.Second

func (r *repository) trial(ctx context.Context) error {
	r.title("A change on trial: nobody confirms it, the bridge is killed, and what was before comes back")
	if err := r.setMED(r.single.String(), "60", "70"); err != nil {
		return err
	}
	if err := r.commit(ctx, ben, "the first customer as far as it goes"); err != nil {
		return err
	}
	if _, err := r.review(ctx, 2, "1 to change"); err != nil {
		return err
	}
	begun := time.Now()
	if err := r.moves(ctx, rig.Counters{Updates: 1}, func() error {
		_, err := r.says(ctx, 0, closing, "apply "+gitopsPlan+" --confirm-within "+onTrial.String(), "routesync confirm")
		return err
	}); err != nil {
		return err
	}
	if err := r.med(ctx, "70"); err != nil {
		return err
	}
	if err := r.ask(ctx, "route", r.single.String(), "all"); err != nil {
		return err
	}
	// The next bridge may have exaBGP send again what it has: only a withdraw would be
	// seen by anybody.
	seen, err := r.during(ctx, func() error {
		before, err := r.speaker.BridgePID(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(r.out, "$ kill -9 %d    # the bridge\n", before)
		if err := r.speaker.KillBridge(ctx); err != nil {
			return err
		}
		if err := r.med(ctx, "60"); err != nil {
			return err
		}
		took := time.Since(begun)
		fmt.Fprintf(r.out, "the router has what was before, %.1f s after apply began\n", took.Seconds())
		if took < onTrial {
			return fmt.Errorf("it was reverted after %v, before its time", took)
		}
		return r.ask(ctx, "route", r.single.String(), "all")
	})
	if err != nil {
		return err
	}
	if fmt.Fprintf(r.out, "the router saw %d withdrawn\n", seen.Withdraws); seen.Withdraws != 0 {
		return fmt.Errorf("the router saw %d withdraws", seen.Withdraws)
	}
	const reverted = "nobody confirmed it"
	if err := r.until(ctx, "status says that it was reverted", func() (bool, error) {
		status, err := r.routesync(ctx, "status", "--speaker", speaker)
		return strings.Contains(status.stdout, reverted), err
	}); err != nil {
		return err
	}
	_, err = r.says(ctx, 0, strings.TrimSpace, "status", reverted)
	return err
}

// setMED changes the MED that the file has for a route.
func (r *repository) setMED(prefix, old, new string) error {
	line := fmt.Sprintf("      - prefix: %s\n        med: ", prefix)
	return r.replace(gitopsRoutes, line+old+"\n", line+new+"\n")
}

func (r *repository) revert(ctx context.Context) error {
	r.title("The file that was not confirmed is not taken for good again; git revert makes it agree")
	if err := r.moves(ctx, rig.Counters{}, func() error {
		if err := r.until(ctx, "others may command again", func() (bool, error) {
			got, err := r.routesync(ctx, "apply", "--yes")
			return !strings.Contains(got.stderr, "being brought back"), err
		}); err != nil {
			return err
		}
		_, err := r.says(ctx, 1, strings.TrimSpace, "apply --yes", "was reverted at", "not confirmed")
		return err
	}); err != nil {
		return err
	}
	if _, err := r.git(ctx, ben, "revert", "--no-edit", "HEAD"); err != nil {
		return err
	}
	_, err := r.says(ctx, 0, ends(1, 4), "plan --detailed-exitcode", "No changes.")
	return err
}

func (r *repository) blame(ctx context.Context) error {
	r.title("Who did that? Every change is on record, with the commit that it was of")
	if _, err := r.says(ctx, 0, strings.TrimSpace, "history"); err != nil {
		return err
	}
	got, err := r.says(ctx, 0, strings.TrimSpace, "blame "+r.partners[0].String())
	if err != nil {
		return err
	}
	commit, err := r.quietly(ctx, ana, "log", "--format=%H", "--grep", "the partners may go")
	if err != nil {
		return err
	}
	if err := said("blame", got.stdout, strings.TrimSpace(commit)[:7]); err != nil {
		return err
	}
	_, err = r.git(ctx, ana, "show", "--no-patch", "--format=%h %an: %s", strings.TrimSpace(commit)[:12])
	return err
}

// beforeHalf is the entry of the history behind which the partners were there: the first
// apply, and the change that was reviewed.
const beforeHalf = "2"

func (r *repository) rollback(ctx context.Context) error {
	r.title("The partners come back: a rollback to what was in force before, and the file agrees")
	if err := r.moves(ctx, rig.Counters{Updates: len(r.partners) + 1}, func() error {
		_, err := r.says(ctx, 0, closing, "rollback "+beforeHalf+" --yes", fmt.Sprintf("%d to announce, 1 to change, 0 to withdraw", len(r.partners)))
		return err
	}); err != nil {
		return err
	}
	commit, err := r.quietly(ctx, ana, "log", "--format=%h", "--grep", "ticket 4711")
	if err != nil {
		return err
	}
	if _, err := r.says(ctx, 0, ends(6, 0), "show "+beforeHalf, strings.TrimSpace(commit)[:7]); err != nil {
		return err
	}
	if _, err := r.git(ctx, ana, "checkout", strings.TrimSpace(commit), "--", "."); err != nil {
		return err
	}
	if err := r.commit(ctx, ana, "back to what was in force before the partners went"); err != nil {
		return err
	}
	if _, err := r.says(ctx, 0, ends(1, 4), "plan --detailed-exitcode", "No changes."); err != nil {
		return err
	}
	if err := r.med(ctx, "50"); err != nil {
		return err
	}
	return r.table(ctx, r.all()+1, r.partners[0]) // one was typed by hand
}
