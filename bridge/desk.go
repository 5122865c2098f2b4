package bridge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"routesync/bridge/rabbit"
	"routesync/bridge/wire"
)

const (
	// giveAgain is how long commands may go without their last answer until
	// they are given again; the bridge knows them, and says what it knows.
	giveAgain = 3 * time.Second
	// deskTick is how often a desk looks at the clock.
	deskTick = 250 * time.Millisecond
)

// Desk gives commands by hand to bridges, and hands on the answers, over as
// many sessions with the broker as it takes: what was not answered when one
// broke is given again in the next, and is carried out once.
type Desk struct {
	me   wire.Commander
	tell func(speaker string, there bool)
	down func() error
	log  *slog.Logger
	news chan struct{}

	mu        sync.Mutex
	counters  map[string]*counter
	questions map[string]*question
	blocked   string // why the broker takes no messages; "" if it does
}

// counter is what a desk has to do with one speaker.
type counter struct {
	speaker string
	last    int64 // number of the last commands that were given
	// open are those not answered in full, and those behind them: a bridge
	// that must begin again has to do all of it again, in this order. What it is
	// given again it has to answer again, though nobody is told: until then the
	// last of it may not be done.
	open    []*given
	present bool // in this session a bridge was there
	absent  bool // no bridge was there
	again   time.Time
}

// given is commands that were handed over together.
type given struct {
	seq     int64
	at      time.Time // when they were typed
	asked   time.Time // when they were last published in this session; zero for never
	out     int       // how often they were published and may have reached a bridge
	cmds    []wire.Command
	got     []bool           // since it was given last
	left    int              // of those
	results chan wire.Result // never full
	ended   bool             // all is answered, or nobody waits for it
}

// NewDesk returns a desk at which me types. tell is called when a bridge that
// is needed turns out not to be there, and when it is back; down says why there
// is no session, nil while there is one.
func NewDesk(me wire.Commander, tell func(speaker string, there bool), down func() error, log *slog.Logger) *Desk {
	return &Desk{
		me: me, tell: tell, down: down, log: log, news: make(chan struct{}, 1),
		counters: map[string]*counter{}, questions: map[string]*question{},
	}
}

// Give hands over commands for a speaker, behind those that were given before.
// The channel gets the result of each, in the order in which they are settled,
// and is closed when all are or ctx ends. Those that were never handed over get
// the result [wire.NotGiven] then; what became of the others is not known.
func (d *Desk) Give(ctx context.Context, speaker string, cmds []wire.Command) <-chan wire.Result {
	g := &given{at: time.Now(), cmds: cmds, got: make([]bool, len(cmds)), left: len(cmds), results: make(chan wire.Result, len(cmds))}
	if len(cmds) == 0 {
		close(g.results)
		return g.results
	}
	d.mu.Lock()
	c := d.counters[speaker]
	if c == nil {
		c = &counter{speaker: speaker}
		d.counters[speaker] = c
	}
	c.last++
	g.seq = c.last
	c.open = append(c.open, g)
	d.mu.Unlock()
	context.AfterFunc(ctx, func() { d.abandon(c, g) })
	d.wake()
	return g.results
}

// abandon forgets commands that nobody waits for any more.
func (d *Desk) abandon(c *counter, g *given) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if g.ended {
		return
	}
	c.open = slices.DeleteFunc(c.open, func(x *given) bool { return x == g })
	if g.out == 0 {
		reason := d.silence(c)
		for i, cmd := range g.cmds {
			g.results <- wire.Result{Command: i, Outcomes: []wire.Outcome{{Verdict: wire.NotGiven, Reason: reason, Keys: cmd.Keys}}}
		}
	}
	c.end(g)
}

// silence says why nothing was handed over.
func (d *Desk) silence(c *counter) string {
	if err := d.down(); err != nil {
		return err.Error()
	}
	if d.blocked != "" {
		return "the broker is blocked: " + d.blocked
	}
	if c.absent {
		return "no bridge answers for " + c.speaker + "; is its exaBGP running, with routesync bridge as its helper?"
	}
	return "the broker did not answer in time"
}

// end ends commands.
func (c *counter) end(g *given) {
	g.ended = true
	close(g.results)
	c.close()
}

// close forgets what is over, and nothing behind what is not.
func (c *counter) close() {
	for len(c.open) > 0 && c.open[0].ended && c.open[0].left == 0 {
		c.open = c.open[1:]
	}
}

func (d *Desk) wake() {
	select {
	case d.news <- struct{}{}:
	default:
	}
}

// Serve gives and answers over one session, until it ends.
func (d *Desk) Serve(ctx context.Context, s *rabbit.Session) error {
	queue, inbox, err := s.Subscribe(ctx)
	if err != nil {
		return err
	}
	d.begin()
	tick := time.NewTicker(deskTick)
	defer tick.Stop()
	for {
		if err := d.publish(ctx, s, queue); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-d.news:
		case <-tick.C:
		case m, ok := <-inbox:
			if !ok {
				return errors.New("the subscription to answers ended")
			}
			if err := d.take(m); err != nil {
				return err
			}
		}
	}
}

// begin makes everything unpublished: what was on the session before may be
// lost.
func (d *Desk) begin() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.counters {
		c.again, c.present = time.Time{}, false
		for _, g := range c.open {
			g.asked = time.Time{}
		}
	}
}

func (d *Desk) publish(ctx context.Context, s *rabbit.Session, queue string) error {
	for {
		c, sent, msgs, err := d.due(queue)
		if err != nil {
			return err
		}
		if c == nil {
			break
		}
		err = s.Offer(ctx, msgs...)
		if d.isBlocked(err) {
			d.postpone(c)
			break
		}
		if err != nil && !errors.Is(err, rabbit.ErrNoRoute) {
			return fmt.Errorf("commands for %s: %w", c.speaker, err)
		}
		d.there(c, sent, err == nil)
	}
	for _, q := range d.unasked() {
		if err := d.put(ctx, s, q, queue); err != nil {
			return err
		}
	}
	return nil
}

// due returns the commands for one speaker that it is time to publish, with
// their messages; nil if there are none for any. Until a bridge was there one
// goes ahead alone: of several it would not be known which came back.
func (d *Desk) due(queue string) (*counter, []*given, []rabbit.Message, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	for _, c := range d.counters {
		if now.Before(c.again) || len(c.open) == 0 {
			continue
		}
		// One that is overdue was lost, and those behind it with it: the bridge
		// takes them in their order only.
		overdue := now.Sub(c.open[0].asked) >= giveAgain
		var sent []*given
		var msgs []rabbit.Message
		var after int64
		for _, g := range c.open {
			before := after
			after = g.seq
			if !overdue && !g.asked.IsZero() {
				continue
			}
			m, err := d.message(c.speaker, g, before, queue)
			if err != nil {
				return nil, nil, nil, err
			}
			g.asked = now
			g.out++
			if g.ended {
				clear(g.got)
				g.left = len(g.got)
			}
			sent, msgs = append(sent, g), append(msgs, m)
			if !c.present {
				break
			}
		}
		if len(msgs) > 0 {
			return c, sent, msgs, nil
		}
	}
	return nil, nil, nil, nil
}

func (d *Desk) message(speaker string, g *given, after int64, queue string) (rabbit.Message, error) {
	body, err := wire.EncodeTyped(wire.Typed{
		Speaker: speaker, From: d.me, Seq: g.seq, After: after, At: g.at.UnixMilli(), Commands: g.cmds,
	})
	return rabbit.Message{
		Exchange: rabbit.CommandExchange, Key: rabbit.CommandKey(speaker), Type: wire.TypeTyped, ReplyTo: queue,
		ID: fmt.Sprintf("%s/%d", d.me.ID, g.seq), Body: body, Mandatory: true, Expiration: giveAgain,
	}, err
}

// isBlocked notes whether the broker takes no messages, of what came of
// publishing.
func (d *Desk) isBlocked(err error) bool {
	var blocked *rabbit.BlockedError
	is := errors.As(err, &blocked)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.blocked = ""
	if is {
		d.blocked = blockedCondition(blocked.Reason).Text
	}
	return is
}

// postpone gives commands again later: the bridge carries them out once.
func (d *Desk) postpone(c *counter) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c.again = time.Now().Add(absentPause)
	for _, g := range c.open {
		g.asked = time.Time{}
	}
}

// there notes whether a speaker's bridge was there for what was sent.
func (d *Desk) there(c *counter, sent []*given, is bool) {
	d.mu.Lock()
	if !is && len(sent) == 1 {
		sent[0].out-- // it came back
	}
	news := c.absent == is
	c.absent, c.present = !is, is
	if !is {
		c.again = time.Now().Add(absentPause)
		for _, g := range c.open {
			g.asked = time.Time{}
		}
	}
	d.mu.Unlock()
	if news {
		d.tell(c.speaker, is)
	}
}

// take hands on an answer.
func (d *Desk) take(m rabbit.Delivery) error {
	switch m.Type {
	case wire.TypeAnswer:
		a, err := wire.DecodeAnswer(m.Body)
		if err != nil {
			return err
		}
		if a.ID == d.me.ID {
			d.answered(a)
		}
	case wire.TypeLocated:
		l, err := wire.DecodeLocated(m.Body)
		if err != nil {
			return err
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		if q := d.questions[l.ID]; q != nil {
			delete(d.questions, l.ID)
			q.answer <- l
		}
	}
	return nil
}

func (d *Desk) answered(a wire.Answer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.counters[a.Speaker]
	if c == nil {
		return
	}
	i := slices.IndexFunc(c.open, func(g *given) bool { return g.seq == a.Seq })
	if i < 0 {
		return // told already
	}
	g := c.open[i]
	g.asked = time.Now() // it is known there
	for _, r := range a.Results {
		if r.Command < 0 || r.Command >= len(g.cmds) || g.got[r.Command] {
			continue
		}
		g.got[r.Command] = true
		g.left--
		switch {
		case !g.ended:
			g.results <- r
			if g.left == 0 {
				c.end(g)
			}
		case g.left == 0:
			c.close()
		}
	}
}
