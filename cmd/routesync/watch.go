package main

import (
	"context"
	"errors"
	"runtime/debug"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"routesync/reconcile/watch"
	"routesync/state/routefile"
)

const watchName = "watch"

func watchCommand(w *world, g *globalFlags, f *watchFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   watchName,
		Short: "Keep the speakers at the file, now and after each save",
		Long: `Keep the speakers at the file: now, after each save, when a route of it starts
or expires, and whenever what they advertise moves away from it. The files that
it includes, and lists of prefixes, are watched as it is itself. A bad file leaves the last good one in force, and
so does one that is older than what is in force. A second watch of the same owner stands by and takes over.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runWatch(cmd.Context(), w, g, f) },
	}
	addFile(cmd, &f.file)
	addOlderOK(cmd, &f.olderOK)
	addGuard(cmd, &f.guards)
	cmd.Flags().StringVar(&f.listen, "listen", "", "address to answer /metrics and /healthz at; nowhere if not given")
	return cmd
}

func runWatch(ctx context.Context, w *world, g *globalFlags, f *watchFlags) error {
	if f.file == stdinName {
		return usage(errors.New("stdin can't be watched"), "give a file with -f, or use apply")
	}
	guards, err := checkGuards(f.guards)
	if err != nil {
		return err
	}
	cfg, err := g.broker(watchName)
	if err != nil {
		return err
	}
	debug.SetGCPercent(watchGCPercent)
	group, ctx := errgroup.WithContext(ctx)
	k := &keeper{
		ctx: ctx, group: group, cfg: cfg, log: w.log, file: f.file, guards: guards, olderOK: f.olderOK, me: commander(watchName),
		faults:   faultWriter(w, g.logFormat),
		vrps:     newVRPKeeper(ctx, group, w.log),
		speakers: map[string]*kept{}, reached: make(chan struct{}, 1),
	}
	if err := listen(ctx, group, f.listen, k.look, w.log); err != nil {
		return err
	}
	k.record = func(owner string) *record { return newRecord(w, g, owner, f.file, k.me) }
	args := []any{"broker", brokers(cfg)}
	if len(f.guards) > 0 {
		args = append(args, "guard", f.guards)
	}
	w.log.Info("watching "+f.file, args...)
	group.Go(func() error { return watch.New(f.file, watch.Options{Waiting: k.waitFor}, w.log).Run(ctx, k.take) })
	group.Go(func() error { return tidy(ctx, k.reached) })
	err = group.Wait()
	for _, r := range k.records {
		r.close()
	}
	return err
}

// faultWriter says how the faults of a file are written: for people, unless
// the log is for programs.
func faultWriter(w *world, format string) func(error) {
	if format == "json" {
		return func(err error) {
			for _, f := range routefile.Faults(err) {
				w.log.Error(f.Msg, "at", f.Pos.String(), "hint", f.Hint)
			}
		}
	}
	return func(err error) {
		if err := routefile.Render(w.stderr, err); err != nil {
			w.log.Error("write to stderr", "error", err)
		}
	}
}
