package bridge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"routesync/bridge/rabbit"
	"routesync/bridge/wire"
	"routesync/state"
)

const (
	// answerPatience is how long a batch may go unanswered before the lease is
	// asked for anew, and routePatience how much longer for each route of it: an
	// exaBGP that is busy takes some hundreds a second.
	answerPatience = 10 * time.Second
	routePatience  = 5 * time.Millisecond
	// requestPatience is how long a request may go unanswered, or a snapshot
	// without its next part, before it is made again: it may have gone to a
	// bridge that had just died.
	requestPatience = 3 * time.Second
	// aliveEvery is how often a commander says that it is there: a fraction of
	// the shortest lease that a route may have.
	aliveEvery = 3 * time.Second
	// absentPause is the pause between requests while no bridge is there.
	absentPause = time.Second
)

// ErrFenced says that somebody else commands the speaker for this owner now.
var ErrFenced = errors.New("somebody else commands now")

// Reader follows one speaker over one session with the broker. It publishes
// requests for the speaker's state, and has no means to publish a command. It
// belongs to one goroutine and dies with its session.
type Reader struct {
	requests
	session Session
	replica *replica

	mandate   Mandate // of the lease that goes with the state; the zero one for none
	hold      []wire.Condition
	conflicts Conflicts
	// overridden are the overrides of which the plans were carried out.
	overridden []string

	inbox    <-chan rabbit.Delivery
	epoch    int64 // 0: no lease
	seq      int64 // of the last batch sent
	largest  int   // how many routes one of them had at most
	reached  bool  // the commander found nothing left to do, when it last looked
	asked    time.Time
	looked   time.Time       // when it was last seen to that requests are answered
	progress time.Time       // when the bridge last answered a batch, or one was sent
	alive    time.Time       // when the bridge was last told that the commander is there
	contests []state.Contest // and what it asks for that others have
	heard    time.Time       // when something of the speaker last came
	readied  string          // the life of the bridge that is known to be ready
	holdback
}

// NewReader returns a reader of a speaker.
func NewReader(s Session, speaker string, log *slog.Logger) *Reader {
	return &Reader{
		requests: requests{publish: s.Offer, log: log.With("speaker", speaker), speaker: speaker},
		session:  s, replica: newReplica(speaker),
	}
}

// Commander is a reader that holds a lease, and so may command the speaker.
type Commander struct {
	*Reader
}

// Locator says where the file that is in force has a route; false if it does
// not ask for it. The zero Addr is any peer.
type Locator func(state.Key, netip.Addr) (state.Position, bool)

// NewCommander returns a commander of a speaker.
func NewCommander(s Session, speaker string, m Mandate, log *slog.Logger) *Commander {
	r := NewReader(s, speaker, log)
	r.mandate, r.held = m, m.Held
	return &Commander{r}
}

// Open subscribes to the speaker's updates and asks for its state. The state
// is there when [Reader.Advertised] is complete.
func (c *Reader) Open(ctx context.Context) error {
	if err := c.session.DeclareEvents(ctx); err != nil {
		return err
	}
	if c.mandate.Owner != "" {
		if err := c.session.DeclareSpeaker(ctx, c.replica.speaker); err != nil {
			return err
		}
	}
	var err error
	if c.queue, c.inbox, err = c.session.Subscribe(ctx, eventKey(c.replica.speaker)); err != nil {
		return err
	}
	c.heard = time.Now()
	return c.patiently(c.request(ctx))
}

// Advertised is the speaker's set as of the last Await; it is valid until the
// next one.
func (c *Reader) Advertised() *state.Advertised { return &c.replica.set }

// Touched are the keys of which what is advertised may have changed since it was
// asked last, in any order; all is any key.
func (c *Reader) Touched() (keys []state.Key, all bool) { return c.replica.touched.take() }

// About is what the bridge last said of itself, nil before it did.
func (c *Reader) About() *wire.About { return c.replica.about }

// Boot names the life of exaBGP that the set belongs to.
func (c *Reader) Boot() string { return c.replica.boot }

// Epoch is the epoch of the lease, 0 for none.
func (c *Reader) Epoch() int64 { return c.epoch }

// Digest is the digest of the set.
func (c *Reader) Digest() state.Digest { return c.replica.digest }

// applied is the last of this client's batches that was answered; a lease of
// another epoch says nothing about them.
func (c *Reader) applied() int64 {
	if c.replica.about == nil {
		return -1
	}
	for _, l := range c.replica.about.Leases {
		if l.Owner == c.mandate.Owner && l.Epoch == c.epoch {
			return l.Applied
		}
	}
	return -1
}

// Await takes what comes from the bridge until the state may have changed,
// wake is signalled, or ctx ends (its error). Another error means that the
// session is of no use any more. While the broker takes no messages a commander
// waits, and goes on taking; who only reads gets a [rabbit.BlockedError].
func (c *Reader) Await(ctx context.Context, wake <-chan struct{}) error {
	pause := time.NewTicker(absentPause)
	defer pause.Stop()
	for {
		changed, err := c.alarm(ctx)
		if err != nil {
			return err
		}
		// By the clock and not by the ticker alone: a speaker with much news
		// would starve it.
		if time.Since(c.looked) >= absentPause {
			c.looked = time.Now()
			if err := c.patiently(c.retry(ctx)); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-wake:
			return nil
		case <-c.session.Context().Done():
			return context.Cause(c.session.Context())
		case <-pause.C:
		case <-changed:
		case d, ok := <-c.inbox:
			if !ok {
				return fmt.Errorf("updates of %s: the subscription ended", c.replica.speaker)
			}
			changed, err := c.take(ctx, d)
			err = c.patiently(err)
			if ackErr := d.Ack(); err == nil && ackErr != nil {
				err = ackErr
			}
			if err != nil || changed {
				return err
			}
		}
	}
}

// take handles one message and tells whether it changed something.
func (c *Reader) take(ctx context.Context, d rabbit.Delivery) (bool, error) {
	c.heard = time.Now()
	switch d.Type {
	case wire.TypeUpdate:
		u, err := wire.DecodeUpdate(d.Body)
		if err != nil {
			return false, err
		}
		if u.Part != nil {
			c.asked = time.Now()
		}
		before := c.applied()
		err = c.replica.apply(&u)
		if errors.Is(err, errGap) || err == nil && c.nowReady(&u) {
			return true, c.restart(ctx)
		}
		if c.applied() > before {
			c.progress = time.Now()
			c.through()
		}
		if err == nil {
			err = cmp.Or(c.halted(), c.fenced())
		}
		return true, err
	case wire.TypeGrant:
		g, err := wire.DecodeGrant(d.Body)
		if err != nil || g.Owner != c.mandate.Owner || g.Speaker != c.replica.speaker {
			return false, err
		}
		if g.Stale && c.mandate.Base != nil {
			return true, &StaleError{Speaker: c.speaker, Base: *c.mandate.Base, InForce: g.Now}
		}
		if g.Older != nil {
			return true, &OlderError{Speaker: c.speaker, Has: c.mandate.Revision, InForce: *g.Older}
		}
		if g.Ordered && c.mandate.Pausable {
			return true, fmt.Errorf("%s: %w: %s", c.speaker, ErrPaused, g.Refused)
		}
		if g.Refused != "" {
			c.refused(g.Refused)
			return false, nil
		}
		c.held.reached()
		c.epoch, c.seq, c.largest, c.reached, c.progress, c.alive = g.Epoch, 0, 0, false, time.Now(), time.Time{}
		return true, c.askSnapshot(ctx)
	case wire.TypeRejected:
		r, err := wire.DecodeRejected(d.Body)
		if err != nil || r.Owner != c.mandate.Owner || r.Epoch != c.epoch {
			return false, err
		}
		return true, c.rejected(ctx, r)
	case wire.TypeLocate:
		l, err := wire.DecodeLocate(d.Body)
		if err != nil || c.mandate.Locate == nil || d.ReplyTo == "" {
			return false, nil // whoever asked is told that nobody answered
		}
		return false, c.located(ctx, l, d.ReplyTo)
	}
	return false, nil
}

// located tells where the file has a route.
func (c *Reader) located(ctx context.Context, l wire.Locate, to string) error {
	answer := wire.Located{ID: l.ID, From: c.mandate.From}
	answer.Pos, answer.Found = c.mandate.Locate(l.Key, l.Peer)
	body, err := wire.EncodeLocated(answer)
	if err != nil {
		return err
	}
	return c.session.Offer(ctx, rabbit.Message{Key: to, Type: wire.TypeLocated, ID: l.ID, Body: body, Expiration: answerPatience})
}

// fenced finds out that the lease has gone to somebody else.
func (c *Reader) fenced() error {
	if c.epoch == 0 || c.replica.about == nil {
		return nil
	}
	for _, l := range c.replica.about.Leases {
		if l.Owner == c.mandate.Owner && l.Epoch > c.epoch {
			return fmt.Errorf("%s: %w: %s", c.replica.speaker, ErrFenced, l.Holder)
		}
	}
	return nil
}

func (c *Reader) rejected(ctx context.Context, r wire.Rejected) error {
	c.log.Warn("batch rejected", "seq", r.Seq, "reason", r.Reason, "detail", r.Detail)
	switch r.Reason {
	case wire.RejectFenced:
		return fmt.Errorf("%s: %w: %s", c.replica.speaker, ErrFenced, r.Detail)
	case wire.RejectMalformed:
		return fmt.Errorf("%s: batch %d: %s", c.replica.speaker, r.Seq, r.Detail)
	case wire.RejectOlder:
		return c.older(r.Detail)
	case wire.RejectGap:
		// Not at once: if what makes the gap is a batch that can't be read, it
		// comes again with every new lease.
		c.epoch, c.seq, c.asked = 0, 0, time.Now()
		c.replica.set.Complete = false
		return nil
	}
	return c.restart(ctx)
}

// restart begins again: a new lease, a new snapshot, and so a new difference.
// Nothing that was sent before is sent again as it was.
func (c *Reader) restart(ctx context.Context) error {
	c.epoch, c.seq = 0, 0
	c.replica.set.Complete = false
	return c.request(ctx)
}

// request asks for the lease, if it commands, and for the state.
func (c *Reader) request(ctx context.Context) error {
	if c.mandate.Owner == "" {
		return c.askSnapshot(ctx)
	}
	c.holding()
	conditions := c.conditions()
	if slices.ContainsFunc(conditions, func(x wire.Condition) bool { return x.Name == wire.Denied }) {
		// Who may not ask for the lease says so in this way, which is open to all.
		err := c.put(ctx, wire.Request{Kind: wire.RequestStandby, Owner: c.mandate.Owner, From: c.mandate.From, Revision: c.mandate.Revision, Conditions: conditions})
		if err != nil || c.absent.Load() {
			return err
		}
	}
	return c.send(ctx, wire.Request{
		Kind: wire.RequestLease, Owner: c.mandate.Owner, From: c.mandate.From,
		Revision: c.mandate.Revision, Over: c.mandate.Over, Conditions: c.conditions(),
		Base: c.mandate.Base, ConfirmWithin: c.mandate.ConfirmWithin.Milliseconds(), Pausable: c.mandate.Pausable,
	})
}

func (c *Reader) askSnapshot(ctx context.Context) error {
	return c.send(ctx, wire.Request{Kind: wire.RequestSnapshot, From: c.mandate.From})
}

// send makes a request that is to be answered.
func (c *Reader) send(ctx context.Context, r wire.Request) error {
	c.asked = time.Now()
	return c.put(ctx, r)
}

// retry makes a request again that no answer came to, and asks for a new lease
// if a batch went unanswered: it may be lost, and is never simply repeated.
func (c *Reader) retry(ctx context.Context) error {
	if c.blocked || time.Now().Before(c.until) {
		return nil
	}
	c.holding()
	if err := c.sayAlive(ctx); err != nil {
		return err
	}
	if err := errors.Join(c.gone(), c.resubscribe(ctx)); err != nil {
		return err
	}
	c.sayRivals(time.Now())
	waited := time.Since(c.asked)
	switch {
	case c.absent.Load(), !c.ready() && waited >= requestPatience, c.replica.about != nil && !c.replica.about.Ready && waited >= absentPause:
		return c.restart(ctx)
	case c.mandate.Owner != "" && c.epoch == 0 && waited >= absentPause:
		return c.request(ctx)
	case c.unanswered():
		c.log.Warn("the bridge has not answered a batch; asking for its state again", "seq", c.seq)
		if err := c.session.Bind(ctx, c.queue, eventKey(c.replica.speaker)); err != nil {
			return err // the answer may have found no subscription
		}
		return c.restart(ctx)
	}
	return nil
}

// unanswered tells whether a batch has gone without an answer for long. Who holds
// no lease sends none.
func (c *Reader) unanswered() bool {
	return c.mandate.Owner != "" && c.ready() && c.applied() < c.seq && time.Since(c.progress) >= answerPatience+time.Duration(c.largest)*routePatience
}

// sayAlive tells the bridge that the commander is there, when it is time.
func (c *Reader) sayAlive(ctx context.Context) error {
	if c.epoch == 0 || c.absent.Load() || time.Since(c.alive) < aliveEvery {
		return nil
	}
	c.alive = time.Now()
	return c.put(ctx, wire.Request{
		Kind: wire.RequestAlive, Owner: c.mandate.Owner, From: c.mandate.From, Reached: c.reached,
		Contests: c.contests, Conditions: c.conditions(), Revision: c.mandate.Revision, Overridden: c.carriedOut(),
	})
}

// nowReady tells whether a bridge says, for the first time in its life, that it
// knows what exaBGP announces, to one who waits for that. To ask again now and
// then would cost seconds of every death of a bridge.
func (c *Reader) nowReady(u *wire.Update) bool {
	if u.Part != nil || u.About == nil || !u.About.Ready || u.Run == c.readied {
		return false
	}
	c.readied = u.Run
	unready := c.replica.about != nil && !c.replica.about.Ready
	refused := c.epoch == 0 && c.why != ""
	// Who only reads may have asked the bridge before this one, which died of it.
	unheard := c.mandate.Owner == "" && c.replica.run == ""
	return (unready || refused || unheard) && !c.blocked && !time.Now().Before(c.until)
}

func (c *Reader) ready() bool {
	return c.replica.set.Complete && (c.mandate.Owner == "" || c.epoch != 0)
}
