package bridge

import (
	"context"
	"errors"
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
	// idleLook is how often it is looked at if nothing is published.
	idleLook = 5 * time.Second
	// fullPause is how long a queue that is full is left alone.
	fullPause = time.Second
)

// Classic says how the classic queues are served.
type Classic struct {
	// Broker is for sessions of their own. Others write to these queues, and say
	// how they are; nothing of that may end the session of the files.
	Broker  *rabbit.Broker
	Declare rabbit.ClassicDeclare
	Format  ClassicFormat
	// Backlog is how many messages may stand in from-exabgp. The queue is the
	// old programs' and has no limit of its own.
	Backlog int
}

// classicDesk is the classic queues as the server's loop sees them.
type classicDesk struct {
	events  chan classicEvent
	link    *classicLink // the session there is, nil for none
	hungry  bool         // its publisher waits
	unacked unacked
	fault   string // why the last session ended
	said    time.Time
	// stuck is how many sessions in a row ended at a message that can't be read.
	// The sessions have it, one at a time.
	stuck int
}

func newClassicDesk() classicDesk { return classicDesk{events: make(chan classicEvent)} }

// classicLink is one session with the classic queues.
type classicLink struct {
	text chan [][]byte     // to publish; never full, for the loop sends only when the publisher is hungry
	acks chan func() error // never full: it holds more than the broker sends ahead
}

// classicEvent is what happens at a session with the classic queues: it is up,
// its publisher is ready for more, a message came or was dropped, or it has
// ended.
type classicEvent struct {
	link              *classicLink
	up, hungry, ended bool
	message           rabbit.Delivery
	dropped           bool  // a message that can't be read
	err               error // of ended
}

// classicSession serves the classic queues over one session. What comes over
// them is taken once they are both there. life is the server's, ctx the
// session's.
func (s *Server) classicSession(life, ctx context.Context, rs *rabbit.Session) error {
	l := &classicLink{text: make(chan [][]byte, 1), acks: make(chan func() error, classicAhead)}
	err := s.serveClassic(ctx, rs, l)
	if cause := context.Cause(rs.Context()); cause != nil {
		err = cause // says more
	}
	if errors.Is(err, rabbit.ErrUnreadable) {
		s.desk.stuck++
	} else {
		s.desk.stuck = 0
	}
	offer(life, s.desk.events, classicEvent{link: l, ended: true, err: err})
	return err
}

func (s *Server) serveClassic(ctx context.Context, rs *rabbit.Session, l *classicLink) error {
	for _, name := range []string{rabbit.ToExaBGP, rabbit.FromExaBGP} {
		if _, err := rs.DeclareClassic(ctx, name, s.classic.Declare); err != nil {
			return err
		}
	}
	if _, consumers, err := rs.Depth(ctx, rabbit.ToExaBGP); err == nil && consumers > 0 {
		s.log.Warn("somebody else takes commands from this queue too, and each command goes to one of us; is the old helper still running?",
			"queue", rabbit.ToExaBGP, "others", consumers)
	}
	ahead, err := s.passUnreadable(ctx, rs, l)
	if err != nil {
		return err
	}
	texts, err := rs.ConsumeClassic(ctx, rabbit.ToExaBGP, rabbit.Shared, ahead)
	if err != nil {
		return err
	}
	if !offer(ctx, s.desk.events, classicEvent{link: l, up: true}) {
		return ctx.Err()
	}
	g, inner := errgroup.WithContext(ctx)
	g.Go(func() error {
		return forward(inner, texts, s.desk.events, func(d rabbit.Delivery) classicEvent { return classicEvent{link: l, message: d} })
	})
	g.Go(func() error { return s.publishClassic(inner, rs, l) })
	g.Go(func() error { return acknowledge(inner, l.acks) })
	return g.Wait()
}

// passUnreadable gets past a message that ends every session, and returns how
// many messages the broker may send ahead. Those before it are taken one by one
// first, so that it is the first of the queue; then it is dropped.
func (s *Server) passUnreadable(ctx context.Context, rs *rabbit.Session, l *classicLink) (ahead int, err error) {
	switch s.desk.stuck {
	case 0:
		return classicAhead, nil
	case 1:
		return 1, nil
	}
	dropped, err := rs.DropUnreadable(ctx, rabbit.ToExaBGP)
	if err != nil {
		return 0, err
	}
	s.desk.stuck = 0
	if dropped && !offer(ctx, s.desk.events, classicEvent{link: l, dropped: true}) {
		return 0, ctx.Err()
	}
	return classicAhead, nil
}

// faultAgain is after what time it is said again why the classic queues are not
// served.
const faultAgain = 10 * time.Minute

func (s *Server) classicEvent(ctx context.Context, e classicEvent) {
	d := &s.desk
	switch {
	case e.up:
		d.link, d.hungry = e.link, false
		d.unacked.begin()
		s.core.repeat()
	case e.ended:
		if e.link == d.link {
			d.link, d.hungry = nil, false
			d.unacked.begin()
		}
		s.classicFault(ctx, e.err)
	case e.dropped:
		s.core.step(time.Now())
		s.core.trouble("dropped a message of queue to-exabgp: its headers can't be read")
	case e.link != d.link: // of a session before
	case e.hungry:
		d.hungry = true
	default:
		s.takeClassic(e.message)
	}
}

// classicFault says why the classic queues are not served, unless it is the
// broker that is away.
func (s *Server) classicFault(ctx context.Context, err error) {
	now := time.Now()
	if err == nil || ctx.Err() != nil || s.link == nil || err.Error() == s.desk.fault && now.Sub(s.desk.said) < faultAgain {
		return
	}
	s.desk.fault, s.desk.said = err.Error(), now
	s.core.step(now)
	s.core.trouble(fmt.Sprintf("the queues %s and %s are not served, and are tried again: %v", rabbit.ToExaBGP, rabbit.FromExaBGP, err))
}

// publishClassic publishes to from-exabgp as long as there is room; what comes
// meanwhile waits in the core, where a later change of a route takes the place
// of the one before.
func (s *Server) publishClassic(ctx context.Context, rs *rabbit.Session, l *classicLink) error {
	look := min(lookInto, max(1, s.classic.Backlog/10))
	since := look // the depth is looked at first
	for {
		if since >= look {
			since = 0
			if err := s.roomInClassic(ctx, rs); err != nil {
				return err
			}
		}
		if !offer(ctx, s.desk.events, classicEvent{link: l, hungry: true}) {
			return ctx.Err()
		}
		bodies, err := s.nextForClassic(ctx, rs, l)
		if err != nil {
			return err
		}
		msgs := make([]rabbit.Message, len(bodies))
		for i, b := range bodies {
			msgs[i] = rabbit.Message{Key: rabbit.FromExaBGP, Body: b, Persistent: true, Mandatory: true, Plain: true}
		}
		// An ErrNoRoute is a queue that was deleted: the next session declares
		// it, and everything is told again.
		if err := rs.Publish(ctx, msgs...); err != nil {
			return fmt.Errorf("publish: %w", err)
		}
		since += len(bodies)
	}
}

// nextForClassic waits for something to publish, and looks meanwhile whether
// from-exabgp is still there: somebody may wait at it.
func (s *Server) nextForClassic(ctx context.Context, rs *rabbit.Session, l *classicLink) ([][]byte, error) {
	idle := time.NewTicker(idleLook)
	defer idle.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case bodies := <-l.text:
			return bodies, nil
		case <-idle.C:
			if _, _, err := rs.Depth(ctx, rabbit.FromExaBGP); err != nil {
				return nil, err
			}
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
	d := &s.desk
	if !d.hungry || d.link == nil {
		return
	}
	if bodies := s.core.classicBodies(classicTexts); len(bodies) > 0 && offer(ctx, d.link.text, bodies) {
		d.hungry = false
	}
}

func (s *Server) takeClassic(d rabbit.Delivery) {
	s.ticket++
	if s.desk.unacked.take(d, s.ticket) {
		s.core.classic(d.Body, sender(d), s.ticket, time.Now())
	}
}

// ackClassic acknowledges what was carried out.
func (s *Server) ackClassic(ctx context.Context) {
	for _, d := range s.desk.unacked.due() {
		if s.desk.link != nil {
			offer(ctx, s.desk.link.acks, d.Ack)
		}
	}
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
