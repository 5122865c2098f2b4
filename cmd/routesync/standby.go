package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"routesync/bridge"
	"routesync/bridge/rabbit"
	"routesync/bridge/wire"
	"routesync/state"
)

const (
	// lockEvery is how often a watch that stands by tries to take over.
	lockEvery = time.Second
	// standbyEvery is how often it tells the bridge that it is there.
	standbyEvery = 3 * time.Second
	// standingPatience is how long it waits for the bridge's answer where that
	// decides whether it may command. A bridge that is not there says so later.
	standingPatience = time.Second
)

// standBy returns when this session holds the lock of the speaker, and the file is
// one that may be in force there.
func (k *keeper) standBy(ctx context.Context, rs *rabbit.Session, s *kept, log *slog.Logger) error {
	b := &bystander{k: k, s: s, rs: rs, log: log, standby: bridge.NewStandby(rs, s.name, s.owner, k.me, log)}
	if err := b.standby.Open(ctx); err != nil {
		return err
	}
	if err := b.ask(ctx); err != nil {
		return err
	}
	again, beat := time.NewTicker(lockEvery), time.NewTicker(standbyEvery)
	defer again.Stop()
	defer beat.Stop()
	for {
		if locked, err := b.lock(ctx); locked || err != nil {
			return err
		}
		b.say(time.Now())
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-again.C:
			if b.hold() == b.told {
				continue
			}
		case <-beat.C:
		case <-s.target.Changed():
		case d, ok := <-b.standby.Answers():
			if !ok {
				return errors.New("the subscription ended")
			}
			if err := b.take(d); err != nil {
				return err
			}
			continue
		}
		if err := b.tell(ctx); err != nil {
			return err
		}
	}
}

// bystander is a watch that stands by at one speaker over one session.
type bystander struct {
	k       *keeper
	s       *kept
	rs      *rabbit.Session
	log     *slog.Logger
	standby *bridge.Standby

	standing  *wire.Standing // as the bridge told last; nil before it did
	tried     time.Time      // to get the lock
	alone     int64          // epoch of who had commanded when the lock was free
	told      *wire.Condition
	unheard   bool   // what was told did not go: the broker takes no messages
	said      string // about who commands
	heldSaid  string // about what people ordered
	conflicts bridge.Conflicts
}

// lock takes the lock if it is time to try. What another watch had accepted in its
// last moments is asked for behind it.
func (b *bystander) lock(ctx context.Context) (bool, error) {
	if !b.may() && !b.unsure() || !b.tried.IsZero() && time.Since(b.tried) < lockEvery-lockEvery/10 {
		return false, nil
	}
	b.tried = time.Now()
	name := lockName(b.s.name, b.s.owner)
	err := b.rs.Lock(ctx, name)
	if errors.Is(err, rabbit.ErrLocked) {
		b.sayWho()
		return false, nil
	}
	if err == nil {
		err = b.ask(ctx)
	}
	switch {
	case err != nil:
		return false, err
	case !b.may():
		if b.standing != nil && b.standing.Lease != nil {
			b.alone = b.standing.Lease.Epoch
		}
		return false, b.rs.Unlock(ctx, name)
	case b.said != "":
		b.log.Info("taking over")
	}
	b.s.older.Store(nil)
	return true, nil
}

// unsure tells whether only the lock shows if who commands is there: the bridge
// notices late that one is gone. A file that is older is then looked at once, and
// leaves the lock to another.
func (b *bystander) unsure() bool {
	return b.tried.IsZero() && b.older() != nil && b.commander() != nil
}

// may tells whether the watch would command if nobody did.
func (b *bystander) may() bool {
	return b.s.target.Revision().Digest != "" && b.older() == nil && b.heldBack() == ""
}

// heldBack is why people want the watch to stand by; "" if nobody does.
func (b *bystander) heldBack() string {
	switch {
	case b.standing == nil:
	case b.standing.Pause != nil:
		p := b.standing.Pause
		return fmt.Sprintf("paused by %s at %s: %s", p.By.By(), timeJSON(p.At), p.Reason)
	case b.standing.Trial != nil && !b.standing.Trial.Free && b.standing.Trial.By.ID != b.k.me.ID:
		t := b.standing.Trial
		return fmt.Sprintf("a trial of %s waits to be confirmed until %s, or is being reverted", t.By, timeJSON(t.Deadline))
	}
	return ""
}

// sayHeldBack says so when it begins, and when it is over.
func (b *bystander) sayHeldBack() {
	why := b.heldBack()
	switch {
	case why == b.heldSaid:
	case why != "":
		b.log.Info("standing by: " + why)
	default:
		b.log.Info("it may command again")
	}
	b.heldSaid = why
}

// older is what is in force, if the file is older; nil if it may be in force.
func (b *bystander) older() *older {
	r := b.s.target.Revision()
	if b.standing == nil || b.standing.InForce == nil || r.Digest == "" {
		return nil
	}
	f := b.standing.InForce
	if !b.s.weighed {
		// It is meant over what is in force when the watch begins, and over nothing
		// that comes later.
		b.s.weighed = true
		if m := b.k.meant.Load(); m != nil && m.Digest == r.Digest {
			b.s.over = f.Revision.Digest
		}
	}
	if !r.OlderThan(f.Revision) || b.s.over == f.Revision.Digest && b.isMeant(r) {
		return nil
	}
	return &older{file: b.k.file, host: b.k.me.Host, has: r, inForce: *f}
}

func (b *bystander) isMeant(r state.Revision) bool {
	m := b.k.meant.Load()
	return m != nil && m.Digest == r.Digest
}

// hold is what keeps the watch from commanding, besides another one that does.
func (b *bystander) hold() *wire.Condition {
	if h := b.k.hold.Load(); h != nil {
		return h
	}
	return b.s.older.Load()
}

// tell tells the bridge that the watch is there.
func (b *bystander) tell(ctx context.Context) error {
	b.told = b.hold()
	var conditions []wire.Condition
	if b.told != nil {
		conditions = append(conditions, *b.told)
	}
	err := b.standby.Say(ctx, b.s.target.Revision(), conditions)
	if b.unheard = errors.As(err, new(*rabbit.BlockedError)); b.unheard {
		return nil // whoever commands says so
	}
	return err
}

// ask tells it, and waits for the answer.
func (b *bystander) ask(ctx context.Context) error {
	if err := b.tell(ctx); err != nil || b.unheard || b.standby.Absent() {
		return err
	}
	patience := time.NewTimer(standingPatience)
	defer patience.Stop()
	for before := b.standing; b.standing == before; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-patience.C:
			return nil
		case d, ok := <-b.standby.Answers():
			if !ok {
				return errors.New("the subscription ended")
			}
			if err := b.take(d); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bystander) take(d rabbit.Delivery) error {
	standing, err := b.standby.Take(d)
	if err != nil || standing == nil {
		return err
	}
	b.standing = standing
	b.s.record.reverted(b.s.name, standing.InForce)
	b.s.ordered.Store(&ordered{standing.Pause != nil, standing.Trial})
	return nil
}

// commander is who commands, as far as the bridge knows; nil for nobody.
func (b *bystander) commander() *wire.Lease {
	if b.standing == nil || b.standing.Lease == nil || b.standing.Lease.Silent != 0 || b.standing.Lease.Epoch == b.alone {
		return nil
	}
	return b.standing.Lease
}

// sayWho says once who commands.
func (b *bystander) sayWho() {
	text := fmt.Sprintf("standing by: somebody else commands %s for owner %s", b.s.name, b.s.owner)
	rival := "somebody else"
	if l := b.commander(); l != nil {
		text, rival = fmt.Sprintf("standing by: %s commands %s for owner %s", l.Holder, b.s.name, b.s.owner), l.Holder.String()
		if l.Holder.ID == b.k.me.ID {
			text, rival = "waiting until the broker lets go of the session before", ""
		}
	}
	b.s.rival = rival
	if text != b.said {
		b.said = text
		b.log.Info(text)
	}
}

// say says what is not as it should be: that who commands has another file, or
// that nobody does and the file is older than what is in force.
func (b *bystander) say(now time.Time) {
	b.sayHeldBack()
	l, has := b.commander(), b.s.target.Revision()
	var conflicts []string
	if l != nil && l.Holder.ID != b.k.me.ID && l.Revision.Differs(has) {
		conflicts = []string{fmt.Sprintf("%s commands with another file, changed at %s, digest %s", l.Holder, timeJSON(l.Revision.Changed), l.Revision.Short())}
	}
	begun, over := b.conflicts.Look(now, conflicts)
	for _, text := range begun {
		b.log.Warn("conflict: "+text+"; this one stands by", "file", b.k.file, "changed", timeJSON(has.Changed), "digest", has.Short())
	}
	for _, text := range over {
		b.log.Info("no conflict any more: " + text)
	}
	older := b.older()
	was := b.s.older.Load()
	if older == nil || l != nil {
		if was != nil {
			b.s.older.Store(nil)
		}
		return
	}
	hints := older.hints(now)
	hold := newHold(wire.Older, now, older.Error(), hints[len(hints)-1])
	if was != nil && was.Text == hold.Text {
		return
	}
	b.s.older.Store(hold)
	b.log.Error("nothing is sent: "+older.Error(), "do", hints)
}
