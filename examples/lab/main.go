package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"

	"golang.org/x/sys/unix"

	"routesync/examples/lab/rig"
)

func main() {
	rig.KeeperMain()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

const usage = `usage: go run ./examples/lab demo|demo console|demo flow|demo gitops|test|faults|soak|up|bench
  demo          the main job on real input, shown at the router; ends by itself
  demo console  the original session, on a real terminal; likewise
  demo flow     a blackhole and a FlowSpec rule that end by themselves; likewise
  demo gitops   plans that are reviewed, guarded, applied, undone; likewise
  test          gofmt, vet, staticcheck, unit tests and integration tests
  test -exabgp 'COMMAND'   the path tests, with another exaBGP than the installed
  faults        everything that can go wrong, with what it costs at the router
  soak          random saves and random faults together, for half an hour
  up            the demo's lab, left running, with the commands to try
  bench         how fast it is, with how much, beside exaBGP, BIRD and the classic system
  bench -n N -rounds N -run REGEXP -o text|json|markdown -plot FILE.svg
`

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	commands := map[string]func(context.Context, *slog.Logger, io.Writer) error{
		"demo": demo, "demo console": demoConsole, "demo flow": demoFlow, "demo gitops": demoGitops, "test": test, "up": up,
	}
	command := commands[strings.Join(args, " ")]
	if len(args) > 1 && args[0] == "test" {
		command = testOther(args[1:])
	}
	if len(args) > 0 && args[0] == "faults" {
		command = faultsCommand(args[1:], stderr)
	}
	if len(args) > 0 && args[0] == "bench" {
		command = benchCommand(args[1:], stderr)
	}
	if len(args) > 0 && args[0] == "soak" {
		command = soakCommand(args[1:], stderr)
	}
	if command == nil {
		fmt.Fprint(stderr, usage)
		return 64
	}
	ctx, err := underGoRun(ctx)
	if err == nil {
		err = command(ctx, log, stdout)
	}
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "stopped")
	case !errors.Is(err, errSaid):
		fmt.Fprintf(stderr, "error: %v\n", err)
	}
	return 1
}

// errSaid is an error of which the reason was printed already.
var errSaid = errors.New("failed")
