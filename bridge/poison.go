package bridge

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"routesync/bridge/exabgp"
	"routesync/state"
)

// A route can pass every check, be taken by exaBGP, and end the session when it
// is sent: the peer answers with a NOTIFICATION, or exaBGP itself fails at it.
// exaBGP holds it and sends it at every reconnect, so the session falls for ever,
// and with it every route of the peer. What is new since the session was last
// known to be good is suspected. It is taken out of exaBGP's table while the
// session is down and brought back in parts; the part with which the session
// falls again is divided in its turn.

const (
	// proofTime is how long a session lives on after a route was sent until the
	// route is not suspected any more.
	proofTime = 5 * time.Second
	// control is how long a session must be up before a suspect is brought back:
	// if it falls at once, that is not the suspect's doing.
	control = time.Second
	// A peer takes a round trip and a little work until its NOTIFICATION is read:
	// the more of it, the longer is waited for in a search. It is measured, and
	// measured wrong at most until the session falls without a suspect.
	quietMin, quietMax = 250 * time.Millisecond, 500 * time.Millisecond
	quietLimit         = 8 * time.Second
	// Suspects are divided into as many parts as take this time if all are good. A
	// fall costs a reconnect, for which exaBGP (reactor/delay.py) and routers wait
	// longer from time to time; a part that is good costs the quiet time.
	roundTime          = 5 * time.Second
	partsMin, partsMax = 4, 24
	// slowTime is in the place of proofTime at the end of a search in which a
	// route was proven too soon.
	slowTime = 30 * time.Second
	// barrenFalls is after how many falls that nothing new explains all that is
	// announced is suspected. A session that has lived for slowTime ends them.
	barrenFalls = 3
	// lostFalls is how many connections have to be lost in a row, each with
	// something new, until it is searched, and lostMost how many, with no
	// NOTIFICATION in between, until the search ends without a result: of a lost
	// connection nobody is guilty, but a NOTIFICATION can be lost with it.
	lostFalls, lostMost = 2, 10
)

// suspicion is what is known at one peer of the routes that its session may fall
// of. The zero suspicion is ready to use.
type suspicion struct {
	fresh fresh
	falls map[value]int // how often the session fell while one was suspected
	parts [][]value     // that were set aside, in the order of their return
	trial []value       // that were brought back last
	// accused are those of which the session fell when they alone were new. They
	// are guilty once it has lived on without them, and with all else.
	accused []accusal
	retried map[value]bool // they were accused, and tried again
	left    time.Time      // when the last that left this session unproven was sent
	// passed are those that are proven by no more than the quiet time, and when
	// each was last sent.
	passed   map[state.Key]time.Time
	passedAt time.Time          // when the last of them was proven
	quiet    time.Duration      // 0 for quietMax
	least    time.Duration      // what it is never under again; 0 for quietMin
	reason   string             // of the last fall
	slow     bool               // a route was proven too soon
	lost     int                // connections lost in a row with something new
	losses   int                // connections lost in this search since its last NOTIFICATION
	spared   map[value]bool     // with which alone one was
	resigned bool               // lost connections count for nothing
	barren   int                // falls in a row that nothing explains
	others   map[state.Key]bool // of which another value was sent in this session
}

// value is a route with its attributes: with others it is another suspect.
type value struct {
	key   state.Key
	attrs state.Attrs
}

// suspect is a route with which a session fell.
type suspect struct {
	value
	at    time.Time // when it was taken, or last sent
	sent  bool      // in the session that fell
	other bool      // another value of it was, of which it may have fallen
}

// doubt notes a route that was taken, or last sent, at some time.
func (d *suspicion) doubt(k state.Key, at time.Time) {
	d.fresh.put(k, at)
	delete(d.passed, k)
}

// wrote notes that a route is on its way to the peer.
func (d *suspicion) wrote(k state.Key, now time.Time) {
	if _, ok := d.fresh.at[k]; ok {
		d.fresh.put(k, now)
	}
	if _, ok := d.passed[k]; ok {
		d.passed[k] = now
	}
}

// sentOther notes that what a peer was sent of a route is not what exaBGP's table
// has: something older, see [latecomer].
func (d *suspicion) sentOther(k state.Key, now time.Time) {
	if d.others == nil {
		d.others = map[state.Key]bool{}
	}
	d.others[k], d.left = true, now
}

// searching tells whether a culprit is looked for.
func (d *suspicion) searching() bool { return len(d.falls) > 0 }

// silence is how long nothing must happen after a route was sent.
func (d *suspicion) silence() time.Duration {
	if !d.searching() {
		return proofTime
	}
	return cmp.Or(d.quiet, quietMax)
}

// proven notes that a route is cleared that was last sent at some time.
func (d *suspicion) proven(k state.Key, at, now time.Time) {
	d.lost = 0
	if !d.searching() {
		return
	}
	if d.passed == nil {
		d.passed = map[state.Key]time.Time{}
	}
	d.passed[k], d.passedAt = at, now
}

// fell judges the suspects of a fall. It returns those that are to be set aside,
// the likeliest first: the session may come up before the last of them. The others
// stay in exaBGP's table, and are sent then.
func (d *suspicion) fell(all []suspect, fall exabgp.Fall, now time.Time) []value {
	d.trial, d.barren = nil, 0
	if !fall.Lost {
		d.losses = 0
	}
	// What was sent before an exception is as little to blame for it as what was
	// not sent for a NOTIFICATION.
	likely := slices.DeleteFunc(slices.Clone(all), func(s suspect) bool { return s.sent == fall.Raised })
	if len(likely) == 0 {
		likely = all
	}
	oldest, newest := span(likely)
	d.measure(oldest, newest, fall.Raised, now)
	likeliestFirst(likely)
	if d.falls == nil {
		d.falls = map[value]int{}
	}
	values := make([]value, len(likely))
	again := make(map[value]bool, len(likely))
	for i, s := range likely {
		values[i], again[s.value] = s.value, true
		if d.falls[s.value] += 0; !s.other {
			d.falls[s.value]++
		}
	}
	for i, part := range d.parts { // of a fall before that exaBGP did not hear of in time
		d.parts[i] = slices.DeleteFunc(part, func(v value) bool { return again[v] })
	}
	if len(values) == 1 && fall.Lost {
		return d.spare(values[0])
	}
	if len(values) == 1 && d.falls[values[0]] > 1 {
		d.accuse(values[0], now)
		if len(d.parts) > 1 { // most often one route is guilty, and the rest good
			d.parts = [][]value{slices.Concat(d.parts...)}
		}
		return values
	}
	parts := divide(values, int(roundTime/d.quiet))
	if last := len(parts) - 1; len(likely) == len(all) && len(parts[last]) > 1 {
		parts = parts[:last] // it stays; one by itself is tried when the session is up
	}
	d.parts = append(parts, d.parts...)
	return slices.Concat(parts...)
}

// spare has a route tried once more with which alone the connection was lost.
func (d *suspicion) spare(v value) []value {
	if d.spared == nil {
		d.spared = map[value]bool{}
	}
	d.falls[v]--
	d.spared[v] = true
	d.parts = append(d.parts, []value{v})
	return []value{v}
}

// losing tells whether a lost connection counts.
func (d *suspicion) losing() bool {
	if d.lost++; d.resigned || !d.searching() && d.lost < lostFalls {
		return false
	}
	d.losses++
	d.resigned = d.losses > lostMost
	return true
}

// measure learns from a fall how fast the peer answers: it did not take longer
// than since the oldest suspect was sent, and no less than since the newest was.
// What it took once in a search it may take again.
func (d *suspicion) measure(oldest, newest time.Time, raised bool, now time.Time) {
	d.quiet = max(d.quiet, cmp.Or(d.least, quietMin))
	if !raised {
		d.quiet = max(d.quiet, min(4*now.Sub(oldest), quietMax), min(2*now.Sub(newest), quietLimit))
	}
}

// misjudged returns what passed, after a fall without a suspect: one of it was
// sent just before its time was over. It is not one that the session lived on
// with, if there is another. Who was accused meanwhile is tried again.
func (d *suspicion) misjudged(now time.Time) map[state.Key]time.Time {
	if d.searching() {
		d.least = min(2*cmp.Or(d.quiet, quietMax), quietLimit)
	}
	d.slow = true
	for _, a := range d.accused {
		d.falls[a.value] = 1
		d.parts = append(d.parts, []value{a.value})
	}
	d.accused = nil
	young := maps.Clone(d.passed)
	maps.DeleteFunc(young, func(_ state.Key, at time.Time) bool { return now.Sub(at) >= proofTime })
	if len(young) > 0 {
		return young
	}
	return maps.Clone(d.passed)
}

// last is how long a session lives on at the end of a search.
func (d *suspicion) last() time.Duration {
	if d.slow {
		return slowTime
	}
	return proofTime
}

// next takes out the part whose turn it is, nil if there is none.
func (d *suspicion) next() []value {
	d.trial = nil
	if len(d.parts) > 0 {
		d.trial, d.parts = d.parts[0], d.parts[1:]
	}
	return d.trial
}

// over ends a search, and returns the guilty, with how often the session fell of
// each.
func (d *suspicion) over() map[value]int {
	guilty := map[value]int{}
	for _, a := range d.accused {
		guilty[a.value] = d.falls[a.value]
	}
	*d = suspicion{fresh: d.fresh, barren: d.barren, resigned: d.resigned}
	return guilty
}

// span is when the first and the last of them was sent.
func span(all []suspect) (oldest, newest time.Time) {
	at := func(a, b suspect) int { return a.at.Compare(b.at) }
	return slices.MinFunc(all, at).at, slices.MaxFunc(all, at).at
}
