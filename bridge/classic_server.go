package bridge

import (
	"context"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"routesync/bridge/exabgp"
	"routesync/bridge/rabbit"
)

// classicAhead is how many messages of to-exabgp the broker sends ahead: many,
// for a line is a message there.
const classicAhead = 2000

const (
	// classicTexts is how many messages are published together: few, for
	// everything else waits behind them.
	classicTexts = 64
	// lookInto is after how many messages the depth of from-exabgp is looked at,
	// at the latest.
	lookInto = 1000
	// fullPause is how long a queue that is full is left alone.
	fullPause = time.Second
)

// Classic says how the classic queues are served.
type Classic struct {
	Declare rabbit.ClassicDeclare
	Format  ClassicFormat
	// Backlog is how many messages may stand in from-exabgp. The queue is the
	// old programs' and has no limit of its own.
	Backlog int
}

// serveClassic serves the classic queues over one session. What comes over them
// is taken once they are both there.
func (s *Server) serveClassic(ctx context.Context, g *errgroup.Group, rs *rabbit.Session, l *link) error {
	for _, name := range []string{rabbit.ToExaBGP, rabbit.FromExaBGP} {
		if _, err := rs.DeclareClassic(ctx, name, s.classic.Declare); err != nil {
			return err
		}
	}
	if _, consumers, err := rs.Depth(ctx, rabbit.ToExaBGP); err == nil && consumers > 0 {
		s.log.Warn("somebody else takes commands from this queue too, and each command goes to one of us; is the old helper still running?",
			"queue", rabbit.ToExaBGP, "others", consumers)
	}
	texts, err := rs.ConsumeClassic(ctx, rabbit.ToExaBGP, false, classicAhead)
	if err != nil {
		return err
	}
	g.Go(func() error { return s.forward(ctx, texts, delivery{link: l, classic: true}) })
	g.Go(func() error { return s.publishClassic(ctx, rs, l) })
	return nil
}

// publishClassic publishes to from-exabgp as long as there is room; what comes
// meanwhile waits in the core, where a later change of a route takes the place
// of the one before.
func (s *Server) publishClassic(ctx context.Context, rs *rabbit.Session, l *link) error {
	look := min(lookInto, max(1, s.classic.Backlog/10))
	since := look // the depth is looked at first
	for {
		if since >= look {
			since = 0
			if err := s.roomInClassic(ctx, rs); err != nil {
				return err
			}
		}
		if !offer(ctx, s.hungry, l) {
			return ctx.Err()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case bodies := <-l.text:
			msgs := make([]rabbit.Message, len(bodies))
			for i, b := range bodies {
				msgs[i] = rabbit.Message{Key: rabbit.FromExaBGP, Body: b, Persistent: true, Mandatory: true, Plain: true}
			}
			// An ErrNoRoute is a queue that was deleted: the next session
			// declares it, and everything is told again.
			if err := rs.Publish(ctx, msgs...); err != nil {
				return fmt.Errorf("publish: %w", err)
			}
			since += len(bodies)
		}
	}
}

// roomInClassic returns once there is room in from-exabgp.
func (s *Server) roomInClassic(ctx context.Context, rs *rabbit.Session) error {
	full := false
	for {
		depth, readers, err := rs.Depth(ctx, rabbit.FromExaBGP)
		if err != nil {
			return err
		}
		switch {
		case depth < s.classic.Backlog && !full, depth <= s.classic.Backlog/2:
			if full {
				s.log.Info("there is room in the queue again", "queue", rabbit.FromExaBGP, "messages", depth)
			}
			return nil
		case !full:
			full = true
			s.log.Warn("the queue is full, because nobody reads it fast enough; the last word on each route waits here",
				"queue", rabbit.FromExaBGP, "messages", depth, "readers", readers)
		}
		if err := pause(ctx, fullPause); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// feedClassic gives the publisher of from-exabgp what there is, when it is ready
// for it.
func (s *Server) feedClassic(ctx context.Context) {
	if !s.texted || s.link == nil {
		return
	}
	if bodies := s.core.classicBodies(classicTexts); len(bodies) > 0 && offer(ctx, s.link.text, bodies) {
		s.texted = false
	}
}

func (s *Server) takeClassic(d rabbit.Delivery) {
	s.ticket++
	s.open[s.ticket] = d
	s.core.classic(d.Body, sender(d), s.ticket, time.Now())
}

// sender is who sent a message, as far as it says.
func sender(d rabbit.Delivery) string {
	words := []string{"queue " + rabbit.ToExaBGP}
	if d.UserID != "" { // the broker has checked it
		words = append(words, "user "+d.UserID)
	}
	if d.AppID != "" {
		words = append(words, "program "+d.AppID)
	}
	return exabgp.Printable(strings.Join(words, ", "))
}
