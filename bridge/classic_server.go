package bridge

import (
	"context"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"routesync/bridge/exabgp"
	"routesync/bridge/rabbit"
)

// classicAhead is how many messages of to-exabgp the broker sends ahead: many,
// for a line is a message there.
const classicAhead = 2000

// Classic says how the classic queues are served.
type Classic struct {
	Declare rabbit.ClassicDeclare
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
	return nil
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
