package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"strings"
)

const (
	// otherExaBGP names the environment variable with the command of the exaBGP
	// that the integration tests start in place of the installed one.
	otherExaBGP = "ROUTESYNC_TEST_EXABGP"
	// pathTests are the tests of a route's way to the router, which any exaBGP
	// that the bridge knows should pass.
	pathTests = "^(TestFamilyNotNegotiated|TestPeers|TestNextHopSelf|TestDiagnostics|TestStaticRoute|TestTwoOwners|TestDrift|TestBridgeKilled|TestSessionFlap|TestPeerDown|TestExaBGPKilled|TestExaBGPRestartGraceful|TestEveryAttribute|TestWholeTable|TestReceived|TestClassicQueue|TestSilentExaBGP)$"
)

// testOther is the test of another exaBGP, whose command is in the options; nil
// if they are wrong.
func testOther(options []string) func(context.Context, *slog.Logger, io.Writer) error {
	flags := flag.NewFlagSet("test", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	command := flags.String("exabgp", "", "the command")
	if flags.Parse(options) != nil || flags.NArg() > 0 || *command == "" {
		return nil
	}
	return func(ctx context.Context, log *slog.Logger, out io.Writer) error {
		return inTestLab(ctx, log, out, func(string) []check {
			return []check{{
				name: "path tests with " + *command,
				argv: []string{"go", "test", "-count=1", "-v", "-tags", "integration", "-timeout", "12m", "-run", pathTests, "./examples/lab"},
				env:  []string{otherExaBGP + "=" + *command},
			}}
		})
	}
}

// releaseOf asks an exaBGP for its release: "ExaBGP : 4.2.21".
func releaseOf(ctx context.Context, command []string) (string, error) {
	var said []byte
	for _, word := range []string{"--version", "version"} { // until 4.2, and since
		said, _ = exec.CommandContext(ctx, command[0], append(command[1:len(command):len(command)], word)...).CombinedOutput()
		for line := range strings.Lines(string(said)) {
			if name, release, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "ExaBGP" {
				return strings.TrimSpace(release), nil
			}
		}
	}
	return "", fmt.Errorf("ask %q for its release: it said %q", strings.Join(command, " "), said)
}
