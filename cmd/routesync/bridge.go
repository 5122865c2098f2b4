package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"routesync/bridge"
	"routesync/bridge/exabgp"
	"routesync/bridge/journal"
	"routesync/bridge/rabbit"
)

// gcPercent is for the bridge. It is to be quick at bursts of routes, often on a core
// that exaBGP or the broker wants too; but what it has of a large table is in memory
// as long as exaBGP lives, and as much again is room for garbage with 100. A million
// routes announced, told to a reader and withdrawn took 8.5 s of CPU with 400, 9.4 s
// with 100 and 11 s with 50, in 1390, 830 and 710 MB, the test around it included; with
// 80 it took 3 % more than with 100. At exaBGP the peak of a million was 495 MiB with
// 100, and 406 to 449 with 80, where BIRD takes 455 for as many.
const gcPercent = 80

const (
	bridgeName = "bridge"
	// defaultState is where systemd's StateDirectory=routesync is.
	defaultState = "/var/lib/routesync"
	envState     = "STATE_DIRECTORY"
	// defaultBacklog is some 70 MB of a broker's memory at most.
	defaultBacklog = 100_000
	// defaultAudit is often enough for what nothing tells, and 100,000 routes take
	// exaBGP less than half a second, with exabgp.api.chunk as the drop-in has it.
	defaultAudit = 5 * time.Minute
	// retryCap bounds the pause between attempts to reach the broker: a router
	// waits for what is behind it, and it takes two that have come back.
	retryCap = 2 * time.Second
)

func bridgeCommand(w *world, g *globalFlags, f *bridgeFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   bridgeName + " --speaker NAME",
		Short: "Serve one speaker; exaBGP runs this as its helper",
		Long: `Serve one speaker: apply what comes over the broker, and confirm what exaBGP
really sends. exaBGP runs this as its helper; stdin and stdout are its API.
A bridge that can't start says why and stays, so that exaBGP goes on.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runBridge(cmd.Context(), w, g, f)
		},
	}
	cmd.Flags().StringVar(&f.speaker, "speaker", "", "name of this speaker, as the files have it")
	cmd.Flags().StringVar(&f.state, "state", "", "directory of the journal; $"+envState+" or "+defaultState+" if not given")
	cmd.Flags().DurationVar(&f.auditEvery, "audit-every", defaultAudit, "how often exaBGP's own table is compared with what is advertised, without a cause; 0 for never")
	cmd.Flags().BoolVar(&f.classic, "classic", false, "serve the queues to-exabgp and from-exabgp too")
	cmd.Flags().StringVar(&f.declare, "classic-declare", "auto", "how to declare them if they are not there: auto, transient, durable or never")
	cmd.Flags().StringVar(&f.format, "classic-format", string(bridge.ClassicText), "lines of from-exabgp: text (ipv4 unicast, as the old helper), all (every family) or json")
	cmd.Flags().IntVar(&f.backlog, "classic-backlog", defaultBacklog, "how many lines may wait in from-exabgp for a reader")
	return cmd
}

// classicQueues is how the classic queues are to be served, nil for not at all.
func (f *bridgeFlags) classicQueues() (*bridge.Classic, error) {
	if !f.classic {
		return nil, nil
	}
	c := &bridge.Classic{Declare: rabbit.ClassicDeclare(f.declare), Format: bridge.ClassicFormat(f.format), Backlog: f.backlog}
	switch c.Format {
	case bridge.ClassicText, bridge.ClassicAll, bridge.ClassicJSON:
	default:
		return nil, usage(fmt.Errorf("--classic-format %q is not text, all or json", f.format))
	}
	if c.Backlog < 1 {
		return nil, usage(fmt.Errorf("--classic-backlog %d is no number of lines", f.backlog))
	}
	switch c.Declare {
	case "auto":
		c.Declare = rabbit.ClassicAuto
	case rabbit.ClassicTransient, rabbit.ClassicDurable, rabbit.ClassicNever:
	default:
		return nil, usage(fmt.Errorf("--classic-declare %q is not auto, transient, durable or never", f.declare))
	}
	return c, nil
}

func runBridge(ctx context.Context, w *world, g *globalFlags, f *bridgeFlags) error {
	if f.speaker == "" {
		return usage(errors.New("bridge needs --speaker NAME"), "the name is the one that routes.yaml has under speakers")
	}
	if err := checkSpeakers(f.speaker); err != nil {
		return err
	}
	if f.auditEvery < 0 {
		return usage(fmt.Errorf("--audit-every %s is no time to wait", f.auditEvery))
	}
	cfg, err := g.broker("bridge " + f.speaker)
	if err != nil {
		return err
	}
	cfg.Permissions = rabbit.BridgePermissions(f.speaker, f.classic)
	classic, err := f.classicQueues()
	if err != nil {
		return err
	}
	if isTerminal(w.stdin) {
		program, err := os.Executable()
		if err != nil {
			program = "/usr/bin/routesync"
		}
		return byHand(w.stderr, program, f.speaker)
	}
	log := w.log.With("speaker", f.speaker)
	if s, err := newSupervisor(w, log); err != nil || s != nil {
		if err != nil {
			return err
		}
		return s.run(ctx)
	}
	debug.SetGCPercent(gcPercent)
	if classic != nil {
		of := cfg
		of.Name += " / classic"
		classic.Broker = rabbit.New(of, log.With("for", "classic queues"))
	}
	stdin, slate, tape := inherited(w, log)
	options := bridge.Options{
		Speaker: f.speaker, Version: version(), PID: os.Getpid(), Run: rand.Text(),
		Pipe: exabgp.NewPipe(stdin, w.stdout), Broker: bridge.RabbitMQ{Broker: rabbit.New(cfg, log)}, TooLong: bridge.ListingTooLong(w.getenv),
		Chunk: bridge.ListingChunk(w.getenv), AuditEvery: f.auditEvery, Classic: classic, Slate: slate, Tape: tape,
	}
	options.Pipe.Start(ctx)
	if options.Boot, err = bridge.Incarnation(); err != nil {
		return fmt.Errorf("find out which exaBGP this is: %w", err)
	}
	if options.Host, err = os.Hostname(); err != nil {
		log.Warn("this host has no name", "error", err)
	}
	if j := openJournal(ctx, &options, f.stateDir(w.getenv), log); j != nil {
		defer func() {
			if err := j.Close(); err != nil {
				log.Error("close the journal", "error", err)
			}
		}()
	}
	return serve(ctx, options, log)
}

func (f *bridgeFlags) stateDir(getenv func(string) string) string {
	if f.state != "" {
		return f.state
	}
	if dir := getenv(envState); dir != "" {
		return dir
	}
	return defaultState
}

// openJournal opens the journal, and goes on without one if it must: routes
// matter more, and whoever looks is told.
func openJournal(ctx context.Context, o *bridge.Options, dir string, log *slog.Logger) *journal.Journal {
	j, err := journal.Open(ctx, dir, o.Speaker, time.Now())
	if err != nil {
		log.Error("no journal; if this bridge dies, its routes will be taken for foreign ones", "error", err)
		o.Lacks = append(o.Lacks, fmt.Sprintf("no state directory: %v; give --state DIR that exaBGP's user can write", err))
		return nil
	}
	o.Journal = j
	if path, reason := j.SetAside(); path != "" {
		log.Error("the journal could not be believed and was put aside", "kept as", path, "reason", reason)
		o.Begins = fmt.Sprintf("the journal could not be believed and was put aside as %s: what was announced is foreign until it is adopted, "+
			"and if a trial waited to be confirmed, it stays as it is: nobody reverts it; what people had ordered is forgotten", path)
	}
	return j
}

func serve(ctx context.Context, o bridge.Options, log *slog.Logger) error {
	rests := make(chan struct{}, 1)
	o.Rests = rests
	ctx, cancel := context.WithCancel(ctx)
	var tidies sync.WaitGroup
	tidies.Go(func() { _ = tidy(ctx, rests) }) // it ends with ctx alone
	defer tidies.Wait()
	defer cancel()
	server, err := bridge.NewServer(o, log)
	if err != nil {
		return err
	}
	log.Info("bridge starts", "boot", o.Boot, "pid", o.PID, "version", o.Version)
	err = server.Run(ctx)
	switch {
	case bridge.IsGone(err):
		log.Info("exaBGP closed its pipe; the bridge ends")
		return nil
	case err == nil || ctx.Err() != nil:
		log.Info("bridge ends")
		return said(exitStopped)
	}
	return fmt.Errorf("the bridge broke: %w", err)
}

// linger keeps a bridge that can't begin from being a helper that dies: it reads
// on until exaBGP goes or ctx ends. It returns code.
func linger(ctx context.Context, stdin io.Reader, code int) int {
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		_, _ = io.Copy(io.Discard, stdin) // any end is the end
	}()
	select {
	case <-drained:
	case <-ctx.Done():
	}
	return code
}

// byHand tells a person who starts the bridge what it is for.
func byHand(to io.Writer, program, speaker string) error {
	_, err := fmt.Fprintf(to, `The bridge is meant to be run by exaBGP, not by hand. Add to exabgp.conf:

    process routesync {
        run %s bridge --speaker %s;
        encoder json;
    }

and in every neighbor:

    adj-rib-out true;
    manual-eor true;
    capability { route-refresh disable; }
    api { processes [ routesync ]; neighbor-changes; send { parsed; update; } }
`, program, speaker)
	if err != nil {
		return err
	}
	return said(exitUsage)
}
