package main

import (
	"context"
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"routesync/examples/lab/rig"
)

// partnersGroup is what ben takes out of the file.
const partnersGroup = `  - name: partners
    tags: [partners]
    routes:
      - prefixes-from: lists/partners.txt
`

func (r *repository) text() string {
	return fmt.Sprintf(`version: 1
owner: edge-team
speakers: [%s]

defaults:
  next-hop: 192.0.2.1

groups:
  - name: customers
    tags: [customers]
    routes:
      - prefix: %s
      - prefixes-from: lists/customers.txt
%s`, speaker, r.single, partnersGroup)
}

// all is how many routes the file asks for at first.
func (r *repository) all() int { return 1 + len(r.customers) + len(r.partners) }

func (r *repository) begin(ctx context.Context) error {
	r.title("A Git repository made on the spot, with %d routes, and the first apply", r.all())
	if _, err := r.git(ctx, ana, "init", "--quiet", "--initial-branch=main"); err != nil {
		return err
	}
	for name, text := range map[string]string{
		gitopsRoutes: r.text(), gitopsCustomers: listed(r.customers), gitopsPartners: listed(r.partners), ".gitignore": gitopsPlan + "\nhistory/\n",
	} {
		if err := r.put(name, text); err != nil {
			return err
		}
	}
	if err := r.show(20); err != nil {
		return err
	}
	if err := r.commit(ctx, ana, "the table as it is"); err != nil {
		return err
	}
	if _, err := r.says(ctx, 0, ends(6, 6), "plan --out "+gitopsPlan, "Apply exactly this with: routesync apply "+gitopsPlan); err != nil {
		return err
	}
	if err := r.moves(ctx, rig.Counters{Updates: r.all()}, func() error { return r.applyPlan(ctx, fmt.Sprintf("%d of %[1]d routes sent", r.all())) }); err != nil {
		return err
	}
	return r.table(ctx, r.all(), r.single)
}

// applyPlan applies the saved plan.
func (r *repository) applyPlan(ctx context.Context, texts ...string) error {
	_, err := r.says(ctx, 0, closing, "apply "+gitopsPlan, texts...)
	return err
}

func (r *repository) change(ctx context.Context) error {
	r.title("ana changes one route. The plan is reviewed as Markdown, and exactly that is applied")
	if _, err := r.git(ctx, ana, "switch", "--quiet", "--create", "prefer-second-line"); err != nil {
		return err
	}
	line := fmt.Sprintf("      - prefix: %s\n", r.single)
	if err := r.replace(gitopsRoutes, line, line+"        med: 50\n"); err != nil {
		return err
	}
	if err := r.commit(ctx, ana, "the first customer by the second line, ticket 4711"); err != nil {
		return err
	}
	if _, err := r.review(ctx, 2, "1 to change", r.single.String(), "50"); err != nil {
		return err
	}
	if err := r.merge(ctx, "prefer-second-line"); err != nil {
		return err
	}
	if err := r.moves(ctx, rig.Counters{Updates: 1}, func() error { return r.applyPlan(ctx) }); err != nil {
		return err
	}
	if err := r.med(ctx, "50"); err != nil {
		return err
	}
	return r.table(ctx, r.all(), r.single)
}

// merge brings a branch into main.
func (r *repository) merge(ctx context.Context, branch string) error {
	if _, err := r.git(ctx, ben, "switch", "--quiet", "main"); err != nil {
		return err
	}
	_, err := r.git(ctx, ben, "merge", "--quiet", "--ff-only", branch)
	return err
}

// withoutPartners is how many routes are left when half of the table is gone.
func (r *repository) withoutPartners() int { return 1 + len(r.customers) }

// overrideOf is the override that a refusal names.
var overrideOf = regexp.MustCompile(`--override '?([a-z,-]+@[0-9a-f]{12})`)

func (r *repository) half(ctx context.Context) error {
	r.title("ben takes the partners out: half of the table. A guard stops it, with its numbers")
	if err := r.replace(gitopsRoutes, partnersGroup, ""); err != nil {
		return err
	}
	if err := r.commit(ctx, ben, "without the partners"); err != nil {
		return err
	}
	numbers := fmt.Sprintf("%d of %d", len(r.partners), r.all())
	if _, err := r.review(ctx, 3, fmt.Sprintf("%d to withdraw", len(r.partners)), numbers); err != nil {
		return err
	}
	if err := r.moves(ctx, rig.Counters{}, func() error {
		got, err := r.says(ctx, 3, refusal, "apply "+gitopsPlan, numbers, "30%", "nothing was sent")
		if err != nil {
			return err
		}
		found := overrideOf.FindStringSubmatch(got.stderr + got.stdout)
		if found == nil {
			return fmt.Errorf("the refusal names no override:\n%s%s", got.stderr, got.stdout)
		}
		r.lift = found[1]
		return nil
	}); err != nil {
		return err
	}
	return r.table(ctx, r.all(), r.partners[0])
}

func (r *repository) override(ctx context.Context) error {
	r.title("It is meant. The override is of this plan and no other: it is committed, reviewed, and applied")
	if err := r.replace(gitopsRoutes, "\ngroups:", fmt.Sprintf("\nguard:\n  override: [\"%s\"]\n\ngroups:", r.lift)); err != nil {
		return err
	}
	if err := r.commit(ctx, ana, "the partners may go"); err != nil {
		return err
	}
	if _, err := r.review(ctx, 2, fmt.Sprintf("%d to withdraw", len(r.partners))); err != nil {
		return err
	}
	if err := r.moves(ctx, rig.Counters{Withdraws: len(r.partners)}, func() error { return r.applyPlan(ctx) }); err != nil {
		return err
	}
	return r.table(ctx, r.withoutPartners(), r.single)
}

// hotfix is what ben types while ana's plan is reviewed.
const hotfix = "45.66.77.0/24"

func (r *repository) stale(ctx context.Context) error {
	r.title("ana's plan is reviewed while ben works by hand: it is stale, and says what moved")
	if err := r.setMED(r.single.String(), "50", "60"); err != nil {
		return err
	}
	if err := r.commit(ctx, ana, "the first customer a little further"); err != nil {
		return err
	}
	if _, err := r.review(ctx, 2, "1 to change"); err != nil {
		return err
	}
	if _, err := r.command(ctx, 0, strings.TrimSpace, "console", "--speaker", speaker, "-c", "+ "+hotfix+" next-hop 192.0.2.1"); err != nil {
		return err
	}
	if err := r.router.WaitRoute(ctx, netip.MustParsePrefix(hotfix), func(route *rig.Route) bool { return route != nil }); err != nil {
		return err
	}
	if err := r.moves(ctx, rig.Counters{}, func() error {
		_, err := r.says(ctx, 4, ends(0, 12), "apply "+gitopsPlan, "+ "+hotfix, "announced by owner console, given by ")
		return err
	}); err != nil {
		return err
	}
	if _, err := r.review(ctx, 2, "1 to change"); err != nil {
		return err
	}
	if err := r.moves(ctx, rig.Counters{Updates: 1}, func() error { return r.applyPlan(ctx) }); err != nil {
		return err
	}
	return r.table(ctx, r.withoutPartners()+1, r.single)
}
