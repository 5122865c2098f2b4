package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"routesync/examples/lab/rig"
)

// testLimit bounds all of the tests together.
const testLimit = 80 * time.Minute

// check is one step of the tests: a command that must end with 0, and print
// nothing if it lists faults.
type check struct {
	name  string
	argv  []string
	env   []string
	quiet bool // what it prints is a list of faults
}

func checks(broker string) []check {
	amqp := []string{"ROUTESYNC_TEST_AMQP=" + broker}
	return []check{
		{name: "gofmt", argv: []string{"gofmt", "-l", "."}, quiet: true},
		{name: "go vet", argv: []string{"go", "vet", "-tags", "integration", "./..."}},
		{name: "staticcheck", argv: []string{"go", "tool", "staticcheck", "-tags", "integration", "./..."}},
		{name: "go mod tidy", argv: []string{"go", "mod", "tidy", "-diff"}},
		{name: "unit tests, and the queue against RabbitMQ", argv: []string{"go", "test", "-race", "-timeout", "8m", "./..."}, env: amqp},
		// Half of them in each of the two that run at once. What races shows in the unit tests, which run a few.
		{name: "10,000 simulated histories", argv: append([]string{"go", "test", "-count=1", "-timeout", "8m", "-run", "TestHistories", "./cmd/routesync/simulation", "-rapid.checks=5000"}, seedOfCommit()...)},
		{name: "integration tests", argv: []string{"go", "test", "-count=1", "-race", "-parallel", "4", "-tags", "integration", "-timeout", "60m", "./examples/lab/..."}},
	}
}

// seedOfCommit has histories be drawn that are the same wherever a commit is tested, so
// that who has it can see what a test saw, and others at the next one. What is no
// clone of the repository has them drawn each time.
func seedOfCommit() []string {
	const digits = 15 // of the commit, which fit into a seed
	head, err := exec.Command("git", "rev-parse", "HEAD").Output()
	if err != nil || len(head) < digits {
		return nil
	}
	seed, err := strconv.ParseUint(string(head[:digits]), 16, 64)
	if err != nil {
		return nil
	}
	return []string{fmt.Sprintf("-rapid.seed=%d", seed)}
}

// test runs everything there is to check.
func test(ctx context.Context, log *slog.Logger, out io.Writer) error {
	return inTestLab(ctx, log, out, checks)
}

// inTestLab runs checks with a broker, each also after one has failed, and says
// at the end what did.
func inTestLab(ctx context.Context, log *slog.Logger, out io.Writer, checks func(broker string) []check) (err error) {
	ctx, cancel := context.WithTimeout(ctx, testLimit)
	defer cancel()
	root, err := moduleRoot(ctx)
	if err != nil {
		return err
	}
	if err := rig.Install(ctx, slog.New(slog.NewTextHandler(out, nil)), append(parts(), rig.GoBGP, rig.Pika, rig.Python, rig.Tmux, rig.Git, rig.Curl, rig.JQ)...); err != nil {
		return err
	}
	lab, err := rig.New(ctx, rig.Options{Log: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lab.Close()) }()
	broker, err := lab.Broker(ctx)
	if err != nil {
		return err
	}
	var failed []string
	steps := checks(broker.URL)
	for _, c := range steps {
		start := time.Now()
		fmt.Fprintf(out, "== %s\n", c.name)
		if err := c.run(ctx, root, out); err != nil {
			if ctx.Err() != nil {
				return fmt.Errorf("%s: %w", c.name, ctx.Err())
			}
			fmt.Fprintf(out, "FAIL %s: %v\n", c.name, err)
			failed = append(failed, c.name)
		}
		fmt.Fprintf(out, "   %s\n", time.Since(start).Round(100*time.Millisecond))
	}
	fmt.Fprintf(out, "%d passed, %d failed\n", len(steps)-len(failed), len(failed))
	if len(failed) > 0 {
		return fmt.Errorf("failed: %s", strings.Join(failed, "; "))
	}
	return nil
}

func (c check) run(ctx context.Context, root string, out io.Writer) error {
	cmd := exec.CommandContext(ctx, c.argv[0], c.argv[1:]...)
	cmd.Dir, cmd.Env = root, append(os.Environ(), c.env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	var printed bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.MultiWriter(out, &printed), out
	if err := cmd.Run(); err != nil {
		return err
	}
	if c.quiet && printed.Len() > 0 {
		return errors.New("see the list above")
	}
	return nil
}
