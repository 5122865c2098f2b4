package bridge

import (
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"

	"routesync/bridge/exabgp"
	"routesync/bridge/journal"
	"routesync/bridge/wire"
	"routesync/state"
)

// sendPatience is how long exaBGP may say nothing about a route that it
// accepted for a peer that is up, while it sends that peer nothing else
// either, before the route is reported as unsent. It is a report, no
// confirmation: if the UPDATE comes later, the route is sent.
const sendPatience = 5 * time.Second

// sendLimit is the same for a peer that exaBGP sends other things to.
const sendLimit = time.Minute

// peer is one BGP neighbor of the speaker.
type peer struct {
	exabgp.Neighbor
	lacks      []string
	up         bool
	since      time.Time
	negotiated []state.Family // nil until exaBGP was asked in this session
	asked      bool           // negotiated is known
	heard      time.Time      // when exaBGP last reported something sent to it
	spoke      bool           // a state event came since the sessions were last asked for
	flushed    time.Time      // when all was last sent again for one route's sake
	unproven   bool           // what it has was read from a table, and no UPDATE of it was seen
	owed       bool           // its session has had no End-of-RIB from here
	unsettled  bool           // it may have routes that are accepted and not sent
	resent     time.Time      // since when exaBGP sends it all of its table, if it is unsettled
	self4      netip.Addr     // what it got for next-hop self in this session, in IPv4 families
	self6      netip.Addr     // and in IPv6 families; zero if no such route was sent
	connecting bool           // exaBGP tries to bring its session up
	self       []netip.Addr   // its address, see alone
	sayable    sayable
	doubts     suspicion
	tally
	odd     int  // slots that are otherwise than their claims say, and not under way
	counted bool // each UPDATE to it is reported here, once
	twins   bool // exaBGP has several sessions to its address
	resumed bool // what it has is known from the bridge before
}

// carries tells whether the session can carry a family, as far as is known.
func (p *peer) carries(f state.Family) bool { return !p.asked || slices.Contains(p.negotiated, f) }

// ticket is what the shell needs to acknowledge a delivery.
type ticket int64

// effects is what the core wants done, in the order of its fields: the journal
// must hold before the lines go, and the lines before anyone is told.
type effects struct {
	begin     bool // in this life of exaBGP: what the journal has of another is of the life before
	replayed  bool // what that had is announced again
	claims    []journal.Entry
	proof     *journal.Proof // of all claims; nil if nothing is known to have changed
	owners    []journal.Owner
	tried     []journal.Tried
	banned    []journal.Quarantined
	epoch     int64 // to be stored before grants go; 0 if none
	lines     []string
	accepted  bool // what of owners is about files must outlive the machine
	grants    []reply[wire.Grant]
	standings []reply[wire.Standing]
	snapshots []string // queues that asked for one
	rejected  []wire.Rejected
	answers   []reply[wire.Answer]
	ordered   []reply[wire.Ordered]
	acks      []ticket
}

// reply is what is answered, and to which queue.
type reply[T any] struct {
	to     string
	answer T
}

// lease is who commands for one owner.
type lease struct {
	wire.Lease
	received int64 // highest seq that was taken
	batches  []*batch
	granted  time.Time
	heard    time.Time // when the holder last gave a sign of life
	told     time.Time // when it last said whether it found all as its file says
	reached  bool      // it did
	kept     time.Time // when a watch that is paused did
	pausable bool      // the holder gives way to a pause
	over     bool      // nothing that the holder sends is carried out any more
	contests []state.Contest
}

// batch is a batch of which some operations are not answered yet.
type batch struct {
	seq    int64
	open   int
	ticket ticket
}

// core decides. It is owned by one goroutine, holds no connection and reads no
// clock: every input comes with the time.
type core struct {
	speaker, boot, run string
	version            string
	host               string
	pid                int
	log                *slog.Logger

	now     time.Time
	phase   phase
	met     bool // the neighbors were read
	askedAt time.Time
	looked  time.Time        // when neighbors were last asked for without cause
	dialect exabgp.Dialect   // of the exaBGP above
	reader  exabgp.Reader    // of its lines
	named   bool             // it has just said its release
	cleared bool             // it has forgotten what the helper before this one gave it
	foreign string           // its release if it can't be talked to: 6.0 with its own API
	peers   []*peer          // that the bridge can command, in the order of their addresses
	deaf    []state.Neighbor // that do not name this helper
	table   adjRIBOut
	inbound map[netip.Addr]*inbound       // what the peers announce
	rcv     receivedStream                // of what they announce
	texts   classicOut                    // the same for the queue from-exabgp
	tooLong func() string                 // why exaBGP must not be asked for what it received
	evt     eventStream                   // of what happens
	claims  map[state.Key][]journal.Claim // of the life before, until the table is known
	past    *past                         // what this one may go on with; nil for nothing
	// unclaimed are keys to be written down as soon as the table is known.
	unclaimed map[state.Key]struct{}

	reopened      []*op     // what the one before had under way
	askedSessions time.Time // when exaBGP was last asked for them
	attest        attest
	lost          map[place]claimant      // whose it was that was withdrawn behind the bridge's back
	away          map[netip.Addr]struct{} // neighbors that exaBGP's configuration has no more, and lost has
	banned        quarantine
	delayed       map[state.Key]struct{} // keys with changes that wait for exaBGP to send its table
	strays        map[place]time.Time    // values that are not their owners', and since when
	tardy         map[place]latecomer    // what was withdrawn and may be sent all the same
	epoch         int64
	leases        map[string]*lease
	watches       watchers
	typed         typists
	early         []func()                // commands by hand that came before the table was read
	ending        map[state.Key]time.Time // keys with routes that end, and when to try again
	begun         time.Time               // of this bridge
	lines         []wire.RefusedLine      // of to-exabgp, the last ones
	gone          []state.Key             // that went by hand with the exaBGP before
	replay        replay
	// forgetful: the journal does not know what was announced before this bridge.
	forgetful bool
	ends      bool // exaBGP said that it shuts down
	windows   windows
	asides    []*exchange // commands that set suspects aside, before their turn
	audits    audits
	closed    int       // windows that were closed at the last look
	waited    time.Time // since when none was
	mute      bool      // it was said that exaBGP does not answer
	start     []*op     // operations to put into commands at the end of this step
	flying    map[*op]struct{}
	overdueAt time.Time // when something under way can be overdue
	launches  launches
	part      [1]part // room for parts
	// scratch is room for the claims of a key, and lastClaims are those of the last.
	scratch, lastClaims []journal.Claim

	refused map[refusalKey]state.Refusal
	unsaid  map[refusalKey]struct{}  // refusals changed since the last update
	tooLate map[refusalKey]time.Time // when those were refused that had expired
	// refusedByHand are the refusals that no lease takes back, the oldest first.
	refusedByHand []refusalKey
	aboutNews     bool
	n             int64 // number of the last update
	converged     time.Time
	fault         string // last thing that went wrong, for status
	faultAt       time.Time
	lacks         []string
	amnesia       string // why the journal is behind
	conditions    conditions
	cutOff        string // why no commands can be read from the queue; "" if they can

	respawned bool                  // exaBGP had a bridge before this one
	quiet     *quiet                // of an exaBGP that answers nothing; nil for others
	heard     map[netip.Addr]string // the last word on each session, for the same

	trials     map[string]*trial // by owner
	memoryless string            // why nothing outlives this bridge; "" if it does
	begins     string            // what is to be said when it begins

	out effects
}

type refusalKey struct {
	key   state.Key
	owner string
}

// identity is who this bridge is.
type identity struct {
	Speaker string
	Boot    string // one life of one exaBGP
	Run     string // one life of this bridge
	Version string // of routesync
	Host    string
	PID     int
}

// newCore returns a core that knows what the journal remembers.
func newCore(id identity, memory journal.Memory, log *slog.Logger) *core {
	c := &core{
		speaker: id.Speaker, boot: id.Boot, run: id.Run, version: id.Version, host: id.Host, pid: id.PID,
		log:     log,
		heard:   map[netip.Addr]string{},
		table:   newAdjRIBOut(),
		inbound: map[netip.Addr]*inbound{},
		tooLong: func() string { return "" },
		claims:  map[state.Key][]journal.Claim{},
		lost:    map[place]claimant{},
		banned:  newQuarantine(memory.Quarantined),
		delayed: map[state.Key]struct{}{},
		strays:  map[place]time.Time{},
		tardy:   map[place]latecomer{},
		away:    map[netip.Addr]struct{}{},
		epoch:   memory.Epoch,
		leases:  map[string]*lease{},
		watches: newWatchers(memory.Owners),
		typed:   newTypists(),
		ending:  map[state.Key]time.Time{},
		flying:  map[*op]struct{}{},
		refused: map[refusalKey]state.Refusal{},
		unsaid:  map[refusalKey]struct{}{},
		tooLate: map[refusalKey]time.Time{},

		unclaimed: map[state.Key]struct{}{},
		trials:    trialsOf(&memory),
	}
	c.respawned = memory.Boot == id.Boot
	c.rcv.limit, c.rcv.size, c.rcv.held = changesMax, messageRoutes, c.receivedRoutes
	c.texts.held = c.receivedRoutes
	if c.respawned {
		c.past = pastOf(&memory)
		c.launches.last = c.past.lastLaunch()
	}
	c.forgetful = memory.Boot == ""
	c.replay.before = shelved(memory, id.Boot)
	for _, e := range c.replay.before {
		for _, x := range e.Claims {
			if x.Value != "" || x.Leaving {
				continue
			}
			c.forgetful = true
			if state.ByHand(x.Owner) {
				c.gone = append(c.gone, e.Key)
			}
		}
	}
	return c
}

// take returns what there is to do since the last call.
func (c *core) take() effects {
	c.goOnReverting()
	c.launch()
	c.endOfRIB()
	c.pump()
	c.answer()
	c.claimStrangers()
	c.out.proof = c.attested()
	out := c.out
	c.out = effects{}
	return out
}

// step sets the time of the inputs that follow.
func (c *core) step(now time.Time) { c.now = now }

func (c *core) findPeer(a netip.Addr) *peer {
	i, found := slices.BinarySearchFunc(c.peers, a, func(p *peer, a netip.Addr) int { return p.Addr.Compare(a) })
	if !found {
		return nil
	}
	return c.peers[i]
}

// owes tells how many answers exaBGP owes.
func (c *core) owes() int {
	if c.quiet != nil {
		return 0 // blanks are a command to 3.4, and it wakes up by itself
	}
	return c.windows.owed()
}

// busy tells whether changes are in flight.
func (c *core) busy() bool { return len(c.flying) > 0 }

func (c *core) trouble(text string) {
	text = cut(text, maxReported)
	c.happen(wire.Happening{Kind: wire.Trouble, Text: text})
	c.fail(text)
}

// maxReported bounds what is reported of one fault: readers get it with every
// update, and a broker takes no message of any size.
const maxReported = 2000

// cut shortens a text to n bytes and a mark, between two characters.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + "..."
}

// fail notes what went wrong for status.
func (c *core) fail(text string) {
	text = cut(text, maxReported)
	c.fault, c.faultAt, c.aboutNews = text, c.now, true
	c.log.Warn(text)
}

// tick looks at what time alone can show.
func (c *core) tick(now time.Time) {
	c.step(now)
	c.typed.expire(now)
	c.expire()
	c.forgetContests()
	c.forgetOverrides()
	c.lookAtTrials()
	c.lookForSilent()
	c.forgetLate()
	c.overdue()
	c.revisit()
	c.auditDue()
	c.settleStrays()
	c.rest()
	c.waitedFor()
	c.search()
	c.sayAgain()
	c.forgetFollowers(now)
}

// answerPause is how long exaBGP may owe an answer until that is said.
const answerPause = 10 * time.Second

// waitedFor says once that exaBGP has stopped answering, and once that it is
// back.
func (c *core) waitedFor() {
	owed := c.windows.owed() > 0
	switch {
	case !owed || c.windows.closed != c.closed:
		if c.mute {
			c.log.Info("exaBGP answers again")
			c.happen(wire.Happening{Kind: wire.Trouble, Text: "over: exaBGP answers again"})
			c.aboutNews = true
		}
		c.mute, c.closed, c.waited = false, c.windows.closed, c.now
	case !c.mute && c.now.Sub(c.waited) >= answerPause:
		c.mute = true
		c.giveUpQuietly()
		c.trouble(fmt.Sprintf("exaBGP has not answered for %s; %d changes wait for it", c.now.Sub(c.waited).Round(time.Second), len(c.flying)))
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
