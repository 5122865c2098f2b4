package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// What is shown of a plan besides.
const (
	planAgainst  = "the same against a snapshot"
	planValidate = "validate of the same file"
)

// planned plans a file of many routes of which one is another than what is
// advertised, validates it, and plans it against a snapshot. The clock starts with the
// program.
func planned(ctx context.Context, b *bench) (err error) {
	routes := askFor(b.some4(benchMany), 0)
	s, err := b.sync(ctx, routes)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if _, err := s.waitMark(ctx, markDone, 1); err != nil {
		return err
	}
	changed := withChanged(routes, len(routes)/3, 7)
	if _, err := s.save("changed.yaml", itemsFile([]string{s.name}, changed)); err != nil {
		return err
	}
	const one = "0 to announce, 1 to change, 0 to withdraw"
	for _, run := range []struct {
		system, says string
		args         []string
	}{
		{"", "", []string{"snapshot", "-f", "changed.yaml", "-o", "state.json"}},
		{ours, one, []string{"plan", "-f", "changed.yaml"}},
		{planAgainst, one, []string{"plan", "-f", "changed.yaml", "--against", "state.json"}},
		{planValidate, "ok", []string{"validate", "-f", "changed.yaml"}},
	} {
		took, err := s.timed(ctx, run.says, run.args...)
		if err != nil {
			return err
		}
		if run.system != "" {
			b.addTime(rowPlan, run.system, took)
		}
	}
	return nil
}

// timed is how long a command of routesync takes, which has to say something.
func (s *synced) timed(ctx context.Context, says string, args ...string) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, s.bench.binary, args...)
	cmd.Dir, cmd.Env = s.dir, append(os.Environ(), "ROUTESYNC_AMQP="+s.bench.broker.URL, "NO_COLOR=1")
	start := time.Now()
	out, err := cmd.Output()
	took := time.Since(start)
	if err == nil && !strings.Contains(string(out), says) {
		err = fmt.Errorf("it does not say %q: %.1000s", says, out)
	}
	if err != nil {
		return 0, fmt.Errorf("routesync %s: %w", strings.Join(args, " "), err)
	}
	return took, nil
}
