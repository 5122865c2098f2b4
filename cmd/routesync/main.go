package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"routesync/bridge"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program: all that it has of the world is in its arguments.
func run(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) int {
	w := &world{getenv: getenv, stdin: stdin, stdout: stdout, stderr: stderr}
	root := newRoot(w, &flags{})
	root.SetArgs(append([]string{}, args...)) // nil would mean those of the process
	cmd, err := root.ExecuteContextC(ctx)
	code := w.report(err)
	if code != exitDone && cmd.Name() == bridgeName && !isTerminal(stdin) && getenv(bridge.EnvSupervised) == "" {
		return linger(ctx, stdin, code)
	}
	return code
}
