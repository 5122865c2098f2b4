package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"routesync/bridge"
	"routesync/bridge/rabbit"
	"routesync/bridge/wire"
	"routesync/reconcile"
	"routesync/reconcile/watch"
	"routesync/state"
	"routesync/state/routefile"
)

// keeper keeps speakers at a file. It belongs to the goroutine that watches
// the file, except for what each speaker's own goroutine does.
type keeper struct {
	ctx      context.Context // of everything it starts
	group    *errgroup.Group
	cfg      rabbit.Config
	log      *slog.Logger
	file     string
	guards   *state.Policy // besides those of the file; nil for none
	olderOK  bool          // the first good file is meant, however old
	me       wire.Commander
	faults   func(error)
	vrps     *vrpKeeper
	loader   routefile.Loader
	digester state.Digester

	owner    string // of the first good file; "" before it
	last     state.Revision
	speakers map[string]*kept
	reached  chan struct{} // signalled when there is memory to give back
	waiting  bool          // the hold is that somebody is writing the file

	// record begins a record for an owner; nil for none.
	record  func(owner string) *record
	records map[string]*record

	hold  atomic.Pointer[wire.Condition] // of all speakers: nil while the file is in force
	meant atomic.Pointer[state.Revision] // of what may be older; nil for nothing
	shown shown
}

// kept is one speaker.
type kept struct {
	name, owner string
	target      *reconcile.Target
	leave       context.CancelFunc
	left        chan struct{} // closed when nothing of it runs any more
	held        *bridge.Conditions

	connected atomic.Bool                    // there is a session with the broker
	commands  atomic.Bool                    // it is ours to command
	older     atomic.Pointer[wire.Condition] // the file is older than what is in force here
	notes     obstacles                      // what keeps the speaker from the file
	weighed   bool                           // the file was compared with what is in force, once
	over      string                         // digest of what is meant to be replaced by an older file
	ordered   atomic.Pointer[ordered]        // what people ordered there; nil before the bridge told

	record *record
	ledger *reconcile.Ledger
	rival  string // the watch that commanded before this one, as it was told last
}

// take takes a new content of the file.
func (k *keeper) take(c watch.Content) {
	if c.Err != nil {
		k.refuse(wire.Unreadable, "the file can't be read", bare(c.Err).Error(), "", "error", bare(c.Err))
		return
	}
	desired, err := k.loader.Load(k.file, c.Data, c)
	if !c.Whole() {
		return // it leads to files that were not read; it comes again with them
	}
	if err != nil {
		k.faults(err)
		k.refuse(wire.Faulty, "the file has faults", faultsText(err), "", "faults", len(routefile.Faults(err)))
		k.introduce(c.Data)
		select {
		case k.reached <- struct{}{}: // the faults of a large file were found in a tree of it
		default:
		}
		return
	}
	if desired.Policy, err = tighten(desired.Policy, "them", k.guards); err != nil {
		k.refuse(wire.Faulty, "its guards can't be in force", err.Error(), strings.Join(hintOf(err), ""), "error", err)
		k.introduce(c.Data)
		return
	}
	if k.owner != "" && desired.Owner != k.owner {
		k.refuse(wire.OtherOwner, "the file has another owner now; to change the owner, start watch again", "", "",
			"owner", desired.Owner, "watched for", k.owner)
		return
	}
	desired.Revision = revision(k.digester.Digest(desired), c.Changed(), time.Now())
	if desired.Revision.Digest == k.last.Digest { // saved again, or a copy of it restored
		desired.Revision.Changed = max(desired.Revision.Changed, k.last.Changed)
	}
	if k.bringsBack(desired.Revision) {
		k.refuse(wire.Older, "the file is older than the one that is in force", "", "touch it if it is meant",
			"changed", timeJSON(desired.Revision.Changed), "in force", timeJSON(k.last.Changed))
		return
	}
	if k.olderOK && k.owner == "" {
		// As if it was saved now: what is saved later is newer.
		desired.Revision.Changed = time.Now().UnixMilli()
		k.meant.Store(&desired.Revision)
	}
	k.owner, k.last = desired.Owner, desired.Revision
	k.shown.inForce(desired.Revision.Digest, time.Now())
	k.recordOf(k.owner).governed(desired.Policy)
	k.release()
	args := []any{"file", k.file, "owner", desired.Owner, "routes", len(desired.Routes)}
	if waiting, over := untimely(desired, time.Now().UnixMilli()); waiting+over > 0 {
		args = append(args, "not started", waiting, "expired", over)
	}
	k.log.Info("file is read", args...) // what of it is in force, the bridges say: a guard may hold it
	k.put(desired)
}

// bringsBack tells whether a set would bring back what this watch has replaced. Who
// commands nowhere is told by the bridges.
func (k *keeper) bringsBack(r state.Revision) bool {
	if !r.OlderThan(k.last) {
		return false
	}
	for _, s := range k.speakers {
		if s.commands.Load() && (!s.target.Held() || r.OlderThan(s.target.Accepted())) {
			return true
		}
	}
	return false
}

// refuse says that a content changes nothing, and why.
func (k *keeper) refuse(name, why, detail, do string, args ...any) {
	stays := "the last good one stays in force"
	if k.owner == "" {
		stays = "nothing is changed until there is a good one"
	}
	if do != "" {
		args = append(args, "do", do)
	}
	k.log.Error(why+"; "+stays, append([]any{"file", k.file}, args...)...)
	k.holds(name, why, detail, do, stays)
}

// put gives every speaker of the file its new target.
func (k *keeper) put(desired *state.Desired) {
	for _, name := range slices.Sorted(maps.Keys(k.speakers)) {
		s := k.speakers[name]
		switch {
		case s.leave == nil:
		case s.owner != k.owner: // as a faulty file had it
			s.leave()
			s.leave = nil
		case !slices.Contains(desired.Speakers, name):
			k.log.Warn("the speaker is not in the file any more; its routes are left as they are", "speaker", name)
			s.leave()
			s.leave = nil
		}
	}
	k.vrps.follow(desired.Guards().RPKI)
	for _, name := range desired.Speakers {
		k.speaker(name, k.owner).target.Set(desired)
	}
}

// speaker is one that is kept from now on.
func (k *keeper) speaker(name, owner string) *kept {
	s := k.speakers[name]
	if s == nil || s.leave == nil {
		s = k.begin(name, owner, s)
		k.speakers[name] = s
	}
	return s
}

// recordOf is the record of an owner, nil for none.
func (k *keeper) recordOf(owner string) *record {
	if k.record == nil {
		return nil
	}
	r, begun := k.records[owner]
	if !begun {
		r = k.record(owner)
		if k.records == nil {
			k.records = map[string]*record{}
		}
		k.records[owner] = r
	}
	return r
}

// begin starts to keep a speaker, behind the end of its life before.
func (k *keeper) begin(name, owner string, before *kept) *kept {
	log := k.log.With("speaker", name)
	s := &kept{name: name, owner: owner, target: reconcile.NewTarget(), left: make(chan struct{}), held: bridge.NewConditions(log)}
	s.target.Tell(k.reached)
	if s.record = k.recordOf(owner); s.record != nil {
		s.ledger = s.target.Record(owner, s.record.speaker(name))
	}
	s.target.NoteTo(&s.notes)
	s.record.tell(&s.notes)
	s.target.JudgeBy(newEvidence(k.vrps.get, s.record.past()).complete)
	k.shown.begun(s)
	var ctx context.Context
	ctx, s.leave = context.WithCancel(k.ctx)
	k.vrps.join(ctx, s.target, &s.notes)
	k.group.Go(func() error {
		defer close(s.left)
		defer k.shown.ended(s)
		if before != nil {
			<-before.left // it was told to
		}
		defer s.ledger.Close()
		return rabbit.New(k.cfg, log).Run(ctx, func(session context.Context, rs *rabbit.Session) error {
			s.connected.Store(true)
			defer s.connected.Store(false)
			err := k.command(session, rs, s, log)
			s.held.Note(cmp.Or(context.Cause(rs.Context()), err))
			return err
		})
	})
	return s
}

// declared is the revision that the lease is asked for with. What is put in force is
// what no guard refuses: of a set that was not judged yet nothing is said, unless an
// older file is meant, which can only be said with the lease.
func (s *kept) declared() state.Revision {
	r := s.target.Revision()
	if s.over == "" && r != s.target.Accepted() {
		return state.Revision{}
	}
	return r
}

// command keeps a speaker at its target over one session, once it is ours to
// command.
func (k *keeper) command(ctx context.Context, rs *rabbit.Session, s *kept, log *slog.Logger) error {
	if err := k.standBy(ctx, rs, s, log); err != nil {
		return err
	}
	s.commands.Store(true)
	defer s.commands.Store(false)
	if s.rival != "" {
		s.ledger.Because(reconcile.CauseTakeover)
		s.record.note("%s: took over from %s", s.name, s.rival)
		s.rival = ""
	}
	// The client puts the speaker's name into the log itself.
	c := bridge.NewCommander(rs, s.name, bridge.Mandate{
		Owner: s.owner, From: k.me, Locate: s.target.Locate, Held: s.held,
		Revision: s.declared(), Over: s.over, Hold: func() []wire.Condition { return s.notes.with(k.hold.Load()) },
		Pausable: true,
	}, k.log)
	if err := c.Open(ctx); err != nil {
		return err
	}
	err := reconcile.Converge(ctx, heeding{c, s}, s.target, log)
	if older := (*bridge.OlderError)(nil); errors.Is(err, bridge.ErrFenced) || errors.As(err, &older) {
		log.Warn("somebody else commands now, or did; standing by", "error", err)
		s.record.note("%v; what is done from now on is on record there", err)
	}
	if errors.Is(err, bridge.ErrPaused) {
		log.Warn("standing by, as it was ordered", "reason", err)
	}
	return err
}
