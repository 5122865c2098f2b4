package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"routesync/examples/lab/rig"
)

// series is a line of the table: one thing, timed several times.
type series struct {
	name  string
	times []time.Duration
	aim   time.Duration // of the median; 0 for none
}

func printFigures(out io.Writer, f figures, machine string) error {
	few, many := fmt.Sprintf("one route, file of %d: ", benchFew), fmt.Sprintf("%d routes: ", benchRoutes)
	lot := fmt.Sprintf("%d commands piped: ", benchPiped)
	lines := []series{
		{few + "save to router", f.alone, aimOneRoute},
		{few + "save to read by watch, once settled", f.settled, 0},
		{few + "save to confirmed at watch", f.confirmed, 0},
		{fmt.Sprintf("one route, file of %d: save to router", benchRoutes), f.among, 0},
		{many + "routesync, save to router", f.synced, 0},
		{many + "classic, first message to router", f.classic, 0},
		{many + "exaBGP alone, bulk commands to router", f.floor, 0},
		{lot + "routesync console, start to router", f.consoleHeld, 0},
		{lot + "routesync console, start to exit, all confirmed", f.consoleExit, 0},
		{lot + "classic sender, start to router", f.senderHeld, 0},
	}
	fmt.Fprintln(out)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\tmedian\tworst\tn\taim\t")
	for _, l := range lines {
		aim, verdict := "", ""
		if l.aim > 0 {
			aim, verdict = "<= "+inMS(l.aim), atMost(median(l.times), l.aim)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\t%s\n", l.name, inMS(median(l.times)), inMS(slices.Max(l.times)), len(l.times), aim, verdict)
	}
	compare := func(what string, slow, fast []time.Duration, aim float64) {
		ratio := float64(median(slow)) / float64(median(fast))
		fmt.Fprintf(table, "%s, medians\t%.1f x\t\t%d\t>= %.0f x\t%s\n", what, ratio, len(fast), aim, atLeast(ratio, aim))
	}
	compare(many+"classic / routesync", f.classic, f.synced, aimRatio)
	compare(lot+"classic sender to router / console to exit", f.senderHeld, f.consoleExit, aimPiped)
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print the figures: %w", err)
	}
	_, err := fmt.Fprintf(out, `
The router was asked every 5 ms, and for every route after each round of %d.
exaBGP is Debian's with its own settings, and logs at WARNING. The classic
helper reads exaBGP's answers in a thread, or exaBGP would block at some 13,000
routes; exaBGP sends it no events; its clock starts when the sender, connected,
publishes the first message. Of the piped commands the clock starts when the
console or the sender does, and each has carried a first command before.
%s
`, benchRoutes, machine)
	if err != nil {
		return fmt.Errorf("print the figures: %w", err)
	}
	return nil
}

func inMS(d time.Duration) string {
	return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
}

// median is the middle, or the mean of the two in the middle; 0 of nothing.
func median(all []time.Duration) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

func atMost(got, aim time.Duration) string {
	if got <= aim {
		return "met"
	}
	return "MISSED by " + inMS(got-aim)
}

func atLeast(got, aim float64) string {
	if got >= aim {
		return "met"
	}
	return fmt.Sprintf("MISSED: %.1f x short", aim-got)
}

// machine says on what the figures were found.
func (b *lanes) machine(ctx context.Context) (string, error) {
	broker, err := b.broker.Ctl(ctx, "version")
	if err != nil {
		return "", err
	}
	exabgp, err := firstLine(ctx, "exabgp", "--version")
	if err != nil {
		return "", err
	}
	bird, err := firstLine(ctx, "bird", "--version")
	if err != nil {
		return "", err
	}
	pika, err := firstLine(ctx, rig.Python3, "-c", `import pika, platform; print("pika", pika.__version__, "on Python", platform.python_version())`)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s/%s, %d cores; %s; RabbitMQ %s; %s; %s; %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(),
		exabgp, strings.TrimSpace(broker), bird, pika, runtime.Version()), nil
}

// firstLine is what a program says first. It may be a daemon's, for which an
// ordinary user's PATH has no folder.
func firstLine(ctx context.Context, program string, args ...string) (string, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		var err2 error
		if path, err2 = exec.LookPath("/usr/sbin/" + program); err2 != nil {
			return "", errors.Join(err, err2)
		}
	}
	text, err := exec.CommandContext(ctx, path, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("ask %s for its version: %w", program, err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.Join(strings.Fields(line), " "), nil
}
