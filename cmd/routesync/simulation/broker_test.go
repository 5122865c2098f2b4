package simulation

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"routesync/bridge"
	"routesync/bridge/rabbit"
	"routesync/bridge/wire"
)

// broker is RabbitMQ as its clients see it, with the faults of its network.
type broker struct {
	mu       sync.Mutex
	rng      *rand.Rand
	note     func(format string, args ...any)
	batch    func(body []byte)              // is shown every batch that is published
	taken    func(by *process, body []byte) // and every one that is delivered
	down     bool
	full     bool          // the command queue takes no more
	thawed   chan struct{} // closed when it works again; nil if it does
	queues   map[string]*queue
	bound    map[string][]*queue // by exchange and key
	sessions []*session
	locks    map[string]*session
	plan     [kinds]plan
	made     int
	past     []rabbit.Message // commands that it took
	tail     time.Time        // when the last message comes that is held back
}

// kind is what a message is for.
type kind int

const (
	commands kind = iota
	events
	requests
	replies
	kinds
)

func (k kind) String() string { return []string{"commands", "events", "requests", "replies"}[k] }

// plan is what is to happen to the next messages of a kind.
type plan struct {
	lose, repeat, hold int
	held               time.Duration
}

type queue struct {
	name      string
	kind      kind
	durable   bool
	messages  []*message
	consumers []*consumer
}

type message struct {
	rabbit.Message
	again int
	at    time.Time
}

func newBroker(rng *rand.Rand, note func(string, ...any)) *broker {
	return &broker{
		rng: rng, note: note, batch: func([]byte) {},
		queues: map[string]*queue{}, bound: map[string][]*queue{}, locks: map[string]*session{},
	}
}

// latency is the time of one way; b.mu is held.
func (b *broker) latency() time.Duration {
	return 200*time.Microsecond + time.Duration(b.rng.Int64N(int64(800*time.Microsecond)))
}

// pass waits for one way to the broker, and as long as it is frozen.
func (b *broker) pass(ctx context.Context) error {
	b.mu.Lock()
	d := b.latency()
	b.mu.Unlock()
	if !sleep(ctx, d) {
		return context.Cause(ctx)
	}
	for {
		b.mu.Lock()
		thawed := b.thawed
		b.mu.Unlock()
		if thawed == nil {
			return nil
		}
		select {
		case <-thawed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (b *broker) freeze() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.thawed == nil {
		b.thawed = make(chan struct{})
	}
}

func (b *broker) thaw() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.thawed != nil {
		close(b.thawed)
		b.thawed = nil
	}
}

// accept takes a published message; b.mu is held.
func (b *broker) accept(m rabbit.Message) error {
	to := b.bound[m.Exchange+" "+m.Key]
	k := events
	switch m.Exchange {
	case "":
		to, k = nil, replies
		if q := b.queues[m.Key]; q != nil {
			to = []*queue{q}
		}
	case rabbit.CommandExchange:
		k = commands
		if m.Type == wire.TypeBatch {
			b.past = append(b.past, m)
		}
	}
	if len(to) > 0 {
		k = to[0].kind
		if m.Exchange == "" && k == events {
			k = replies
		}
	}
	if len(to) == 0 {
		if m.Mandatory {
			return rabbit.ErrNoRoute
		}
		return nil
	}
	if k == commands && b.full {
		return rabbit.ErrRejected
	}
	p := &b.plan[k]
	if p.lose > 0 {
		p.lose--
		b.note("a message of the %s is lost", k)
		return nil
	}
	times := 1
	if p.repeat > 0 {
		p.repeat--
		times = 2
		b.note("a message of the %s is repeated", k)
	}
	for range times {
		if p.hold > 0 {
			p.hold--
			b.note("a message of the %s is held back", k)
			later := slices.Clone(to)
			b.after(p.held, func() { b.enqueue(later, m) })
			continue
		}
		b.put(to, m)
	}
	return nil
}

// after does something about a message later; b.mu is held.
func (b *broker) after(d time.Duration, f func()) {
	if at := time.Now().Add(d); at.After(b.tail) {
		b.tail = at
	}
	time.AfterFunc(d, f)
}

// busy tells whether commands wait, or messages are held back.
func (b *broker) busy() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	q := b.queues[rabbit.CommandQueue(speaker)]
	if q == nil || !time.Now().After(b.tail) || len(q.messages) > 0 {
		return true
	}
	for _, c := range q.consumers {
		if len(c.unacked) > 0 {
			return true
		}
	}
	return false
}

func (b *broker) enqueue(to []*queue, m rabbit.Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.put(to, m)
}

func (b *broker) put(to []*queue, m rabbit.Message) {
	for _, q := range to {
		q.messages = append(q.messages, &message{Message: m, at: time.Now()})
		q.tell()
	}
}

func (q *queue) tell() {
	for _, c := range q.consumers {
		notify(c.wake)
	}
}

// declare makes a queue unless it is there; b.mu is held.
func (b *broker) declare(name string, k kind, durable bool) *queue {
	if q := b.queues[name]; q != nil {
		return q
	}
	q := &queue{name: name, kind: k, durable: durable}
	b.queues[name] = q
	return q
}

func (b *broker) bind(q *queue, exchange, key string) {
	at := exchange + " " + key
	if !slices.Contains(b.bound[at], q) {
		b.bound[at] = append(b.bound[at], q)
	}
}

// remove deletes a queue: its consumers' sessions end. b.mu is held.
func (b *broker) remove(q *queue) {
	delete(b.queues, q.name)
	for at, list := range b.bound {
		b.bound[at] = slices.DeleteFunc(list, func(x *queue) bool { return x == q })
	}
	for _, c := range q.consumers {
		c.session.over(errors.New("consumer cancelled by the broker"))
	}
	q.consumers = nil
}

// purge drops the commands that no bridge has yet.
func (b *broker) purge() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if q := b.queues[rabbit.CommandQueue(speaker)]; q != nil {
		b.note("%d commands are purged", len(q.messages))
		q.messages = nil
	}
}

// again has a command of before come once more.
func (b *broker) again(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	q := b.queues[rabbit.CommandQueue(speaker)]
	if q == nil || len(b.past) == 0 {
		return
	}
	b.put([]*queue{q}, b.past[max(0, len(b.past)-1-n)])
}

func (b *broker) deleteCommands() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if q := b.queues[rabbit.CommandQueue(speaker)]; q != nil {
		b.remove(q)
	}
}

// publishForeign puts a message that nobody can read before the bridge.
func (b *broker) publishForeign() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if q := b.queues[rabbit.CommandQueue(speaker)]; q != nil {
		b.put([]*queue{q}, rabbit.Message{Type: wire.TypeBatch, ID: "foreign", Body: []byte("{}")})
	}
}

// crash ends the broker; what is not durable goes with it, and with data lost
// all the rest.
func (b *broker) crash(lost bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down = true
	for _, s := range slices.Clone(b.sessions) {
		s.over(errors.New("the broker is gone"))
		b.release(s)
	}
	for _, q := range b.queues {
		if lost || !q.durable {
			b.remove(q)
		}
		q.messages = slices.DeleteFunc(q.messages, func(m *message) bool { return !m.Persistent })
	}
	clear(b.locks)
}

func (b *broker) start() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down = false
}

// cut breaks the sessions of a process; the broker notices later.
func (b *broker) cut(p *process, later time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range slices.Clone(b.sessions) {
		if s.process != p {
			continue
		}
		s.over(errors.New("connection reset"))
		if later == 0 {
			b.release(s)
			continue
		}
		time.AfterFunc(later, func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.release(s)
		})
	}
}

// release gives up what a session had; b.mu is held.
func (b *broker) release(s *session) {
	i := slices.Index(b.sessions, s)
	if i < 0 {
		return
	}
	b.sessions = slices.Delete(b.sessions, i, i+1)
	for name, holder := range b.locks {
		if holder == s {
			delete(b.locks, name)
		}
	}
	for _, c := range s.consumers {
		c.queue.consumers = slices.DeleteFunc(c.queue.consumers, func(x *consumer) bool { return x == c })
		c.requeue()
	}
	for _, q := range s.own {
		if b.queues[q.name] == q {
			b.remove(q)
		}
	}
}

// connect opens a session for a process.
func (b *broker) connect(ctx context.Context, p *process) (*session, error) {
	if err := b.pass(ctx); err != nil {
		return nil, err
	}
	if !p.runs() {
		return nil, context.Canceled
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down {
		return nil, errors.New("connection refused")
	}
	s := &session{broker: b, process: p, turn: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	s.ctx, s.end = context.WithCancelCause(context.Background())
	b.sessions = append(b.sessions, s)
	p.onDeath(func() {
		go func() { // the kernel closes the sockets
			b.mu.Lock()
			defer b.mu.Unlock()
			s.over(errors.New("killed"))
			b.release(s)
		}()
	})
	return s, nil
}

// client gives a process sessions, one after the other, as rabbit.Broker does.
type client struct {
	*broker
	process *process
}

// Run is of bridge.Broker.
func (c client) Run(ctx context.Context, work func(context.Context, bridge.Session) error) error {
	return c.run(ctx, func(ctx context.Context, s *session) error { return work(ctx, s) })
}

func (c client) run(ctx context.Context, work func(context.Context, *session) error) error {
	const most = 5 * time.Second
	pause := 200 * time.Millisecond
	for {
		s, err := c.connect(ctx, c.process)
		if err == nil {
			begin := time.Now()
			inner, cancel := context.WithCancelCause(ctx)
			stop := context.AfterFunc(s.ctx, func() { cancel(context.Cause(s.ctx)) })
			err = work(inner, s)
			stop()
			cancel(nil)
			s.close()
			if time.Since(begin) > most {
				pause = 200 * time.Millisecond
			}
		}
		if ctx.Err() != nil || errors.Is(err, rabbit.ErrStop) {
			return err
		}
		c.mu.Lock()
		c.note("%s: session: %v", c.process.name, err)
		d := time.Duration(c.rng.Int64N(int64(pause)))
		c.mu.Unlock()
		pause = min(2*pause, most)
		if !sleep(ctx, d) {
			return ctx.Err()
		}
	}
}

func (b *broker) name(what string) string {
	b.made++
	return fmt.Sprintf("amq.gen-%s-%d", what, b.made)
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
