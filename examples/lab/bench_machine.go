package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"routesync/examples/lab/figures"
	"routesync/examples/lab/rig"
)

// newReport is a report without samples: the rows that are asked for, and on what
// they are measured.
func (b *bench) newReport(ctx context.Context, root string) (*figures.Report, error) {
	r := &figures.Report{Routes: len(b.table), Rounds: b.rounds, Cores: runtime.NumCPU(), Notes: []string{
		fmt.Sprintf("The router was asked every %v for many routes, and every %v for one, and for every route after each round. "+
			"exaBGP is Debian's with its own settings, and logs at WARNING. The floor is a helper in Python that writes prepared commands of up to %d routes, "+
			"keeps exaBGP's loop awake, and counts answers. What warmed up is not counted.", askMany, askOne, floorBulk),
	}}
	for _, row := range b.rows() {
		if b.wants(row.Name) {
			r.Rows = append(r.Rows, row)
		}
	}
	var err error
	if r.Machine, err = b.machine(ctx); err != nil {
		return nil, err
	}
	r.Commit, err = commit(ctx, root)
	return r, err
}

// commit is what the checkout is of.
func commit(ctx context.Context, root string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")
	cmd.Dir = root
	text, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) || errors.As(err, new(*exec.ExitError)) {
		return "unknown", nil // no git, or a copy without it
	}
	if err != nil {
		return "", fmt.Errorf("find the commit: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// machine says on what the figures were found.
func (b *bench) machine(ctx context.Context) (string, error) {
	broker, err := b.broker.Ctl(ctx, "version")
	if err != nil {
		return "", err
	}
	said := []string{"RabbitMQ " + strings.TrimSpace(broker)}
	for _, ask := range [][]string{
		{"exabgp", "--version"}, {"bird", "--version"},
		{rig.Python3, "-c", `import pika, platform; print("pika", pika.__version__, "on Python", platform.python_version())`},
	} {
		line, err := firstLine(ctx, ask[0], ask[1:]...)
		if err != nil {
			return "", err
		}
		said = append(said, line)
	}
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return "", fmt.Errorf("find the kernel's version: %w", err)
	}
	return fmt.Sprintf("%s/%s %s, %d cores; %s; %s", runtime.GOOS, runtime.GOARCH, strings.TrimSpace(string(kernel)), runtime.NumCPU(),
		runtime.Version(), strings.Join(said, "; ")), nil
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
