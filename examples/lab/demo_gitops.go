package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"routesync/examples/lab/rig"
	"routesync/examples/lab/table"
)

// The demo's files, in its repository.
const (
	gitopsRoutes    = "routes.yaml"
	gitopsCustomers = "lists/customers.txt"
	gitopsPartners  = "lists/partners.txt"
	gitopsPlan      = "plan.json"
)

// Who works on them.
const (
	ana = "ana"
	ben = "ben"
)

// gitopsLimit bounds the demo once everything is installed and built.
const gitopsLimit = 3 * time.Minute

// repository is the demo: a file in Git, of which plans are reviewed and applied, and what
// keeps mistakes from the router.
type repository struct {
	*play
	customers, partners []netip.Prefix
	single              netip.Prefix // a customer's that has a route of its own in the file
	lift                string       // the override that a guard has named
}

func demoGitops(ctx context.Context, log *slog.Logger, out io.Writer) (err error) {
	ctx, cancel := context.WithTimeout(ctx, demoLimit+gitopsLimit)
	defer cancel()
	fmt.Fprintln(out, "Starting RabbitMQ, exaBGP with routesync's bridge, and BIRD as the router ...")
	if err := rig.Install(ctx, log, rig.Git); err != nil {
		return err
	}
	s, err := openStage(ctx, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	ctx, end := context.WithTimeout(ctx, gitopsLimit)
	defer end()
	if _, err := s.routesync(ctx, "status", "--speaker", speaker); err != nil { // waits for the bridge
		return err
	}
	prefixes := table.Sample(41, 0)
	r := &repository{play: &play{stage: s, out: out}, customers: prefixes[1:21], partners: prefixes[21:], single: prefixes[0]}
	for _, act := range []func(context.Context) error{
		r.begin, r.change, r.half, r.override, r.stale, r.trial, r.revert, r.blame, r.rollback,
	} {
		if err := act(ctx); err != nil {
			return fmt.Errorf("demo gitops, step %d: %w", r.number, err)
		}
	}
	fmt.Fprintln(out, "\nDone. Every table and count was read from the router; all of it is stopped now.")
	return nil
}

// put writes a file of the repository.
func (r *repository) put(name, text string) error {
	path := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// replace changes the one place of a file.
func (r *repository) replace(name, old, new string) error {
	text, err := os.ReadFile(filepath.Join(r.dir, name))
	if err != nil {
		return fmt.Errorf("change %s: %w", name, err)
	}
	if n := strings.Count(string(text), old); n != 1 {
		return fmt.Errorf("change %s: it has %q %d times", name, old, n)
	}
	return r.put(name, strings.Replace(string(text), old, new, 1))
}

// git runs git for somebody, and shows what it prints.
func (r *repository) git(ctx context.Context, who string, args ...string) (string, error) {
	fmt.Fprintf(r.out, "%s$ git %s\n", who, typed(args))
	out, err := r.quietly(ctx, who, args...)
	fmt.Fprint(r.out, indent(out))
	return out, err
}

// quietly runs git without a word. Nothing of this machine's own configuration is used.
func (r *repository) quietly(ctx context.Context, who string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_PAGER=cat", "LC_ALL=C",
		"GIT_AUTHOR_NAME="+who, "GIT_AUTHOR_EMAIL="+who+"@example.net", "GIT_COMMITTER_NAME="+who, "GIT_COMMITTER_EMAIL="+who+"@example.net")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("git %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// commit commits everything that has changed, and shows what that is.
func (r *repository) commit(ctx context.Context, who, message string) error {
	if _, err := r.git(ctx, who, "add", "."); err != nil {
		return err
	}
	_, err := r.git(ctx, who, "commit", "--quiet", "--message", message)
	if err == nil {
		_, err = r.git(ctx, who, "show", "--shortstat", "--format=%h %an: %s")
	}
	return err
}

// says runs a command of routesync as [play.command] does, and expects texts in what it
// prints.
func (r *repository) says(ctx context.Context, code int, show func(string) string, command string, texts ...string) (result, error) {
	got, err := r.command(ctx, code, show, strings.Fields(command)...)
	if err != nil {
		return got, err
	}
	return got, said(command, got.stderr+got.stdout, texts...)
}

// said is an error unless all of the texts are in what a command printed.
func said(command, printed string, texts ...string) error {
	for _, text := range texts {
		if !strings.Contains(printed, text) {
			return fmt.Errorf("routesync %s does not say %q:\n%s", command, text, printed)
		}
	}
	return nil
}

// review makes a plan as a job of a pull request does, saved and as Markdown, and shows
// the Markdown.
func (r *repository) review(ctx context.Context, code int, texts ...string) (markdown string, err error) {
	got, err := r.command(ctx, code, ends(24, 12), "plan", "--out", gitopsPlan, "-o", "markdown", "--detailed-exitcode")
	if err != nil {
		return "", err
	}
	return got.stdout, said("plan", got.stdout, texts...)
}

// moves runs what f does, and expects the router to be told just so much, and to hold so
// many routes then. It is told a moment after routesync was.
func (r *repository) moves(ctx context.Context, want rig.Counters, f func() error) error {
	seen, err := r.during(ctx, func() error {
		before, err := r.router.Updates(ctx)
		if err != nil {
			return err
		}
		if err := f(); err != nil {
			return err
		}
		return r.until(ctx, fmt.Sprintf("the router has seen %+v", want), func() (bool, error) {
			now, err := r.router.Updates(ctx)
			seen := now.Sub(before)
			return seen.Updates >= want.Updates && seen.Withdraws >= want.Withdraws, err
		})
	})
	if err != nil {
		return err
	}
	return r.expect(seen, want)
}

// table shows how much the router holds, which must be so many, and what it has of one
// prefix.
func (r *repository) table(ctx context.Context, held int, one netip.Prefix) error {
	if err := r.router.WaitCount(ctx, held); err != nil {
		return err
	}
	if err := r.ask(ctx, "route", "count"); err != nil {
		return err
	}
	return r.ask(ctx, "route", one.String(), "all")
}

// med waits until the router has the single route with a MED; "" for none.
func (r *repository) med(ctx context.Context, med string) error {
	return r.router.WaitRoute(ctx, r.single, func(route *rig.Route) bool {
		return route != nil && route.Attributes["BGP.med"] == med
	})
}

// refusal is what is said of a plan that is not carried out, without the plan.
func refusal(text string) string {
	said, _, _ := strings.Cut(text, "\n"+speaker+": exaBGP ")
	return said
}

// closing is what a plan, or what came of it, ends with.
func closing(text string) string { return from(text, "Plan: ") }

func listed(prefixes []netip.Prefix) string {
	var b strings.Builder
	for _, p := range prefixes {
		fmt.Fprintln(&b, p)
	}
	return b.String()
}
