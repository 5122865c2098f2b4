package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"routesync/bridge"
	"routesync/bridge/rabbit"
	"routesync/bridge/wire"
	"routesync/reconcile"
	"routesync/reconcile/watch"
	"routesync/state"
	"routesync/state/routefile"
)

const (
	watchName = "watch"
	// lockEvery is how often a watcher that stands by tries to take over.
	lockEvery = time.Second
)

func watchCommand(w *world, g *globalFlags, f *watchFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   watchName,
		Short: "Keep the speakers at the file, now and after each save",
		Long: `Keep the speakers at the file: now, after each save, when a route of it starts
or expires, and whenever what they advertise moves away from it. The files that
it includes, and lists of prefixes, are watched as it is itself. A bad file leaves the last good one in force. A
second watch of the same owner stands by and takes over.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runWatch(cmd.Context(), w, g, f) },
	}
	addFile(cmd, &f.file)
	return cmd
}

func runWatch(ctx context.Context, w *world, g *globalFlags, f *watchFlags) error {
	if f.file == stdinName {
		return usage(errors.New("stdin can't be watched"), "give a file with -f, or use apply")
	}
	cfg, err := g.broker("watch")
	if err != nil {
		return err
	}
	debug.SetGCPercent(gcPercent)
	group, ctx := errgroup.WithContext(ctx)
	k := &keeper{
		ctx: ctx, group: group, cfg: cfg, log: w.log, file: f.file, me: commander("watch"),
		faults:   faultWriter(w, g.logFormat),
		speakers: map[string]*kept{},
	}
	w.log.Info("watching "+f.file, "broker", brokers(cfg))
	group.Go(func() error { return watch.New(f.file, watch.Options{}, w.log).Run(ctx, k.take) })
	return group.Wait()
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

// keeper keeps speakers at a file. It belongs to the goroutine that watches
// the file, except for what each speaker's own goroutine does.
type keeper struct {
	ctx    context.Context // of everything it starts
	group  *errgroup.Group
	cfg    rabbit.Config
	log    *slog.Logger
	file   string
	me     wire.Commander
	faults func(error)

	owner    string // of the first good file; "" before it
	speakers map[string]*kept
}

// kept is one speaker.
type kept struct {
	target *reconcile.Target
	leave  context.CancelFunc
	left   chan struct{} // closed when nothing of it runs any more
}

// take takes a new content of the file.
func (k *keeper) take(c watch.Content) {
	if c.Err != nil {
		k.refuse("the file can't be read", "error", bare(c.Err))
		return
	}
	desired, err := routefile.Load(k.file, c.Data, c)
	if !c.Whole() {
		return // it leads to files that were not read; it comes again with them
	}
	if err != nil {
		k.faults(err)
		k.refuse("the file has faults", "faults", len(routefile.Faults(err)))
		return
	}
	if k.owner != "" && desired.Owner != k.owner {
		k.refuse("the file has another owner now; to change the owner, start watch again",
			"owner", desired.Owner, "watched for", k.owner)
		return
	}
	k.owner = desired.Owner
	args := []any{"file", k.file, "owner", desired.Owner, "routes", len(desired.Routes)}
	if waiting, over := untimely(desired, time.Now().UnixMilli()); waiting+over > 0 {
		args = append(args, "not started", waiting, "expired", over)
	}
	k.log.Info("file is in force", args...)
	k.put(desired)
}

// refuse says that a content changes nothing, and why.
func (k *keeper) refuse(why string, args ...any) {
	stays := "the last good one stays in force"
	if k.owner == "" {
		stays = "nothing is changed until there is a good one"
	}
	k.log.Error(why+"; "+stays, append([]any{"file", k.file}, args...)...)
}

// put gives every speaker of the file its new target.
func (k *keeper) put(desired *state.Desired) {
	for _, name := range slices.Sorted(maps.Keys(k.speakers)) {
		if s := k.speakers[name]; s.leave != nil && !slices.Contains(desired.Speakers, name) {
			k.log.Warn("the speaker is not in the file any more; its routes are left as they are", "speaker", name)
			s.leave()
			s.leave = nil
		}
	}
	for _, name := range desired.Speakers {
		s := k.speakers[name]
		if s == nil || s.leave == nil {
			s = k.begin(name, s)
			k.speakers[name] = s
		}
		s.target.Set(desired)
	}
}

// begin starts to keep a speaker, behind the end of its life before.
func (k *keeper) begin(name string, before *kept) *kept {
	s := &kept{target: reconcile.NewTarget(), left: make(chan struct{})}
	var ctx context.Context
	ctx, s.leave = context.WithCancel(k.ctx)
	owner := k.owner
	k.group.Go(func() error {
		defer close(s.left)
		if before != nil {
			<-before.left // it was told to
		}
		log := k.log.With("speaker", name)
		held := bridge.NewConditions(log)
		return rabbit.New(k.cfg, log).Run(ctx, func(session context.Context, rs *rabbit.Session) error {
			err := k.command(session, rs, name, owner, s.target, held, log)
			held.Note(cmp.Or(context.Cause(rs.Context()), err))
			return err
		})
	})
	return s
}

// command keeps a speaker at its target over one session, once it is ours to
// command.
func (k *keeper) command(ctx context.Context, rs *rabbit.Session, speaker, owner string, target *reconcile.Target, held *bridge.Conditions, log *slog.Logger) error {
	if err := k.standBy(ctx, rs, speaker, owner, log); err != nil {
		return err
	}
	// The client puts the speaker's name into the log itself.
	c := bridge.NewCommander(rs, speaker, owner, k.me, target.Locate, held, k.log)
	if err := c.Open(ctx); err != nil {
		return err
	}
	err := reconcile.Converge(ctx, c, target, log)
	if errors.Is(err, bridge.ErrFenced) {
		log.Warn("somebody else commands now; standing by", "error", err)
	}
	return err
}

// standBy returns when this session holds the lock of the speaker.
func (k *keeper) standBy(ctx context.Context, rs *rabbit.Session, speaker, owner string, log *slog.Logger) error {
	name := lockName(speaker, owner)
	again := time.NewTicker(lockEvery)
	defer again.Stop()
	said := false
	for {
		err := rs.Lock(ctx, name)
		if err == nil {
			if said {
				log.Info("taking over")
			}
			return nil
		}
		if !errors.Is(err, rabbit.ErrLocked) {
			return err
		}
		if !said {
			said = true
			k.sayStandingBy(ctx, rs, speaker, owner, log)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-again.C:
		}
	}
}

func (k *keeper) sayStandingBy(ctx context.Context, rs *rabbit.Session, speaker, owner string, log *slog.Logger) {
	quiet := observer{cfg: k.cfg, log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	who := "somebody else"
	holder, ok := holderOf(ctx, rs, speaker, owner, quiet)
	if ctx.Err() != nil {
		return
	}
	if ok {
		if holder.ID == k.me.ID {
			log.Info("waiting until the broker lets go of the session before")
			return
		}
		who = holder.String()
	}
	log.Info(fmt.Sprintf("standing by: %s commands %s for owner %s", who, speaker, owner))
}
