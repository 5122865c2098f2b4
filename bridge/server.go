package bridge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"routesync/bridge/exabgp"
	"routesync/bridge/journal"
	"routesync/bridge/rabbit"
	"routesync/bridge/wire"
)

const (
	// tickEvery is how often the core looks at the clock.
	tickEvery = 500 * time.Millisecond
	// updateEvery is the pace of updates while changes are in flight: most of
	// what they would say changes again before the next.
	updateEvery = 25 * time.Millisecond
	// subscribePatience bounds the set-up of a session.
	subscribePatience = 15 * time.Second
	// beatEvery is how often readers are told the digest when nothing happens.
	beatEvery = 10 * time.Second
)

// Server is exaBGP's side of the wire: it runs as a helper process of exaBGP.
type Server struct {
	core    *core
	pipe    *exabgp.Pipe
	memory  memory
	broker  Broker
	classic *Classic // nil: the classic queues are not served
	log     *slog.Logger

	links chan *link // a session that has come up
	gone  chan *link // a session that has ended
	idle  chan *link // its publisher is ready for more
	inbox chan delivery

	standings  chan standing
	leaderless atomic.Bool // the command queue does not answer

	link   *link // the session there is, nil for none
	queue  []rabbit.Message
	ready  bool // link's publisher waits
	paced  bool // an update has gone within updateEvery
	ticket ticket
	open   map[ticket]rabbit.Delivery
	later  []rabbit.Delivery // commands that wait until the core has room
	desk   classicDesk

	rests  chan<- struct{}
	rested time.Time // when that was last signalled: of the core

	tape     *Tape
	place    tapePlace // up to which the core knows what was read
	retained []string  // what the bridge before read, and its journal does not know
	torn     string    // of the line that it had read in part
}

// Options says who a server is, and lends it what it works with.
type Options struct {
	Speaker string
	Boot    string // of [Incarnation]
	Version string // of routesync
	Host    string
	PID     int
	Run     string   // unique to this process
	Lacks   []string // what the set-up is short of besides exaBGP's configuration
	// TooLong is as of [ListingTooLong]; nil: the listing never is.
	TooLong func() string
	// Chunk is as of [ListingChunk]; how many routes exaBGP lists at a time.
	Chunk int
	// AuditEvery is how often exaBGP's table is compared with what is advertised
	// without a cause; 0 for never.
	AuditEvery time.Duration
	Journal    Journal // nil: there is none
	// Begins is what is to be said when the bridge begins, of what it does not know;
	// "" for nothing.
	Begins string
	// Slate tells whether the bridge before this one wrote down all that it did; nil
	// if that is not known.
	Slate   Slate
	Tape    *Tape // of what Pipe reads; nil if there is none
	Pipe    *exabgp.Pipe
	Broker  Broker
	Classic *Classic // nil: the classic queues are not served
	// Rests is signalled when nothing is left to do, if it has room; nil for nobody.
	Rests chan<- struct{}
}

// NewServer makes a server. The journal stays the caller's to close.
func NewServer(o Options, log *slog.Logger) (*Server, error) {
	var past journal.Memory
	if o.Journal != nil {
		var err error
		if past, err = o.Journal.Load(); err != nil {
			return nil, err
		}
	}
	id := identity{Speaker: o.Speaker, Boot: o.Boot, Run: o.Run, Version: o.Version, Host: o.Host, PID: o.PID}
	s := &Server{
		core: newCore(id, past, log), pipe: o.Pipe, memory: memory{Journal: o.Journal, slate: o.Slate}, broker: o.Broker, classic: o.Classic, log: log,
		links: make(chan *link), gone: make(chan *link), idle: make(chan *link), inbox: make(chan delivery),
		standings: make(chan standing),
		open:      map[ticket]rabbit.Delivery{}, desk: newClassicDesk(),
	}
	if o.Journal == nil {
		s.core.memoryless = "this bridge has no journal, and would not remember it"
	}
	if o.Journal == nil && o.Slate != nil {
		if err := o.Slate.Note(false); err != nil {
			return nil, err
		}
	}
	if s.core.past != nil {
		s.core.past.kept = o.Slate != nil && o.Slate.Whole()
	}
	s.tape, s.rests = o.Tape, o.Rests
	s.core.begins = o.Begins
	s.rewind(past.Proof)
	s.core.lacks, s.core.audits.chunk, s.core.audits.every = o.Lacks, o.Chunk, o.AuditEvery
	if o.Classic != nil {
		s.core.texts.format = o.Classic.Format
	}
	if o.TooLong != nil {
		s.core.tooLong = o.TooLong
	}
	return s, nil
}

// Run serves until exaBGP closes stdin (io.EOF) or ctx ends, which is io.EOF too
// if exaBGP has said that it shuts down. The broker may be
// there or not; what is announced stays announced.
func (s *Server) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.pipe.Run(ctx) })
	g.Go(func() error {
		return s.broker.Run(ctx, func(session context.Context, rs Session) error {
			return s.session(ctx, session, rs)
		})
	})
	if s.classic != nil {
		g.Go(func() error {
			return s.classic.Broker.Run(ctx, func(session context.Context, rs *rabbit.Session) error {
				return s.classicSession(ctx, session, rs)
			})
		})
	}
	g.Go(func() error { return s.loop(ctx) })
	err := g.Wait()
	if errors.Is(err, context.Canceled) && s.core.ends {
		return io.EOF
	}
	return err
}

// loop owns the core.
func (s *Server) loop(ctx context.Context) error {
	every := tickEvery
	tick, beat := time.NewTicker(every), time.NewTicker(beatEvery)
	defer tick.Stop()
	defer beat.Stop()
	pace := time.NewTimer(updateEvery)
	defer pace.Stop()
	s.core.hello(time.Now())
	for _, line := range s.retained {
		s.core.line(line, time.Now())
	}
	s.retained = nil
	for {
		s.goOn()
		s.carryOut(ctx, s.core.take())
		s.feed(ctx, pace)
		s.feedClassic(ctx)
		s.pipe.Awake(s.core.owes())
		s.rest()
		if now := s.core.pace(); now != every {
			every = now
			tick.Reset(every)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.pipe.Ready():
			now := time.Now()
			for _, line := range s.pipe.Take() {
				s.core.line(s.whole(line), now)
			}
		case d := <-s.inbox:
			if d.link == s.link {
				s.admit(d.Delivery)
			}
		case x := <-s.standings:
			s.stand(x)
		case l := <-s.links:
			s.link, s.ready, s.queue, s.later = l, false, nil, nil
			clear(s.open)
			s.core.resume()
		case l := <-s.gone:
			if l == s.link {
				s.link, s.ready, s.queue, s.later = nil, false, nil, nil
			}
		case l := <-s.idle:
			s.ready = s.ready || l == s.link
		case e := <-s.desk.events:
			s.classicEvent(ctx, e)
		case <-pace.C:
			s.paced = false
		case now := <-tick.C:
			s.core.tick(now)
			s.mend(ctx, now)
		case <-beat.C:
			if s.ready {
				s.enqueue(s.core.beat())
			}
		}
	}
}

// stand notes how a link stands with the broker.
func (s *Server) stand(x standing) {
	s.core.step(time.Now())
	for _, is := range x.is {
		s.core.beginCondition(is)
		switch is.Name {
		case wire.Blocked, wire.Unfit:
		default:
			s.core.cutOff = is.Text
		}
	}
	s.core.endConditions(x.over...)
	if x.up {
		s.core.cutOff, x.link.up = "", true
	}
	x.link.told = x.link.told || x.told
}

// rest signals that nothing is left to do, once each time that it comes to that.
func (s *Server) rest() {
	c := s.core
	done := later(c.begun, c.converged)
	if c.phase != ready || c.busy() || s.rested.Equal(done) {
		return
	}
	s.rested = done
	select {
	case s.rests <- struct{}{}:
	default:
	}
}

// carryOut does what the core wants, in the order that it needs.
func (s *Server) carryOut(ctx context.Context, e effects) {
	if s.memory.Journal != nil {
		s.remember(e)
	}
	s.pipe.Write(e.lines...)
	if e.accepted && s.memory.Journal != nil {
		s.recall(s.memory.Sync()) // behind the lines, which need not wait for the disk
	}
	for _, g := range e.grants {
		body, err := wire.EncodeGrant(g.answer)
		s.reply(g.to, wire.TypeGrant, body, err)
	}
	for _, st := range e.standings {
		body, err := wire.EncodeStanding(st.answer)
		s.reply(st.to, wire.TypeStanding, body, err)
	}
	for _, to := range e.snapshots {
		for _, part := range s.core.snapshot() {
			body, err := wire.EncodeUpdate(part)
			s.reply(to, wire.TypeUpdate, body, err)
		}
	}
	for _, r := range e.rejected {
		body, err := wire.EncodeRejected(r)
		s.event(wire.TypeRejected, body, err)
	}
	for _, a := range e.answers {
		body, err := wire.EncodeAnswer(a.answer)
		s.reply(a.to, wire.TypeAnswer, body, err)
	}
	for _, a := range e.ordered {
		body, err := wire.EncodeOrdered(a.answer)
		s.reply(a.to, wire.TypeOrdered, body, err)
	}
	for _, t := range e.acks {
		d, ok := s.open[t]
		if !ok {
			s.desk.unacked.finish(t)
			continue
		}
		delete(s.open, t)
		if s.link != nil {
			offer(ctx, s.link.acks, d.Ack)
		}
	}
	s.ackClassic(ctx)
}

func (s *Server) enqueue(u wire.Update) {
	body, err := wire.EncodeUpdate(u)
	s.event(wire.TypeUpdate, body, err)
}

func (s *Server) event(kind string, body []byte, err error) {
	if s.link == nil || !s.link.told {
		return // there is nobody who could be told
	}
	s.post(rabbit.Message{Exchange: rabbit.EventExchange, Key: eventKey(s.core.speaker), Type: kind, Body: body}, err)
}

// tell takes what the streams have for their readers: behind everything else
// that waits, and at most a message of each.
func (s *Server) tell() {
	for _, t := range s.core.tell() {
		m := rabbit.Message{Key: t.to, Type: t.kind}
		if t.to == "" {
			m.Exchange, m.Key = rabbit.EventExchange, t.key
		}
		var err error
		m.Body, err = t.encode()
		s.post(m, err)
	}
}

func (s *Server) reply(to, kind string, body []byte, err error) {
	s.post(rabbit.Message{Key: to, Type: kind, Body: body}, err)
}

func (s *Server) post(m rabbit.Message, err error) {
	if err != nil {
		s.log.Error("encode", "error", err)
		return
	}
	if s.link == nil {
		return // nobody can be told; readers notice the gap and ask
	}
	m.ID = fmt.Sprintf("%s/%d", s.core.run, s.core.n)
	s.queue = append(s.queue, m)
}

// feed gives the publisher what there is, when it is ready for it: updates are
// made only then, so that what changes while the broker is slow is told once.
func (s *Server) feed(ctx context.Context, pace *time.Timer) {
	if !s.ready || s.link == nil {
		return
	}
	if s.link.told && len(s.queue) == 0 && s.core.news() && !(s.paced && s.core.busy()) {
		s.enqueue(s.core.update())
		s.paced = true
		pace.Reset(updateEvery)
	}
	if s.link.told {
		s.tell()
	}
	if len(s.queue) == 0 {
		return
	}
	if offer(ctx, s.link.out, s.queue) {
		s.queue, s.ready = nil, false
	}
}

// IsGone tells whether Run ended because exaBGP did.
func IsGone(err error) bool { return errors.Is(err, io.EOF) }
