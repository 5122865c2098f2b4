package main

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"routesync/bridge/wire"
	"routesync/state"
	"routesync/state/snapshot"
)

// stale is why a saved plan is not carried out: what is otherwise than when it was
// made, paragraph by paragraph.
type stale struct {
	plan  *savedPlan
	begun bool // a part of it was sent before
	why   []paragraph
}

// paragraph is a line, and the routes that it is about.
type paragraph struct {
	line string
	rows []row
	of   int // how many rows there are in all
}

// check compares a saved plan with what there is now; nil if it is all the same. used
// tells whether it was used up before is to be looked at: the bridge decides that
// when it is asked for the lease, and after that it is.
func (s *savedPlan) check(now plans, used use) (*stale, error) {
	x := &stale{plan: s}
	x.file(now)
	for _, one := range now.speakers {
		i := slices.IndexFunc(s.speakers, func(o savedSpeaker) bool { return o.name == one.speaker })
		if i < 0 {
			continue // said above
		}
		if err := x.speaker(now, one, s.speakers[i], used); err != nil {
			return nil, err
		}
	}
	if len(x.why) == 0 {
		return nil, nil
	}
	return x, nil
}

// use says whether somebody may have used a plan up.
type use uint8

const (
	unused use = iota // it is not known to be unused
	ours              // the bridge has let us use it
)

// file compares what leads to a plan: the file, and what guards it.
func (x *stale) file(now plans) {
	s := x.plan
	if now.whole.Owner != s.owner {
		x.say("%s is for owner %s now, the plan for %s", now.file, now.whole.Owner, s.owner)
	}
	var speakers []string
	for _, o := range s.speakers {
		speakers = append(speakers, o.name)
	}
	if !slices.Equal(now.whole.Speakers, speakers) {
		x.say("%s is for %s now, the plan for %s", now.file, strings.Join(now.whole.Speakers, ", "), strings.Join(speakers, ", "))
	}
	if d := now.whole.Revision.Digest; d != s.desired {
		x.say("%s asks for something else now: its digest is %s, that of the plan %s", now.file, shortDigest(d), shortDigest(s.desired))
	}
	if p := now.policy(); p != s.Policy {
		x.say("the guards of %s say something else now: their digest is %s, that of the plan %s", now.file, shortDigest(p), shortDigest(s.Policy))
	}
}

// speaker compares what a speaker advertises, and what is to be done there.
func (x *stale) speaker(now plans, one speakerPlan, was savedSpeaker, used use) error {
	before := was.base.Advertised
	if used == unused {
		x.used(one, was.base)
	}
	if moves := state.Moved(before, one.advertised); len(moves) > 0 {
		x.list(fmt.Sprintf("%s advertises something else than then:", one.speaker), len(moves), func(i int) row { return one.move(moves[i]) })
		x.others(one, was.base, moves)
		return nil
	}
	steps, err := one.steps()
	if err != nil {
		return err
	}
	gone, come, err := stepsMoved(was.steps, steps)
	if err != nil {
		return err
	}
	same := one.digest(now) == was.digest
	switch {
	case len(gone)+len(come) > 0 && same:
		x.say("%s: the changes that the file of the plan shows are not those of its digest: it was edited", one.speaker)
	case len(gone)+len(come) > 0:
		all := append(rowsOf(come, "is to be done, and is not in the plan"), rowsOf(gone, "is in the plan, and is not to be done any more")...)
		x.list(fmt.Sprintf("%s: what is to be done is not what the plan says:", one.speaker), len(all), func(i int) row { return all[i] })
		for _, line := range neighborsMoved(before.Peers, one.advertised.Peers) {
			x.say("%s: %s", one.speaker, line)
		}
	case !same && len(x.why) == 0: // else it follows from what is said
		x.say("%s: the digest of what is to be done is %s, that of the plan %s", one.speaker, shortDigest(one.digest(now)), shortDigest(was.digest))
	}
	return nil
}

// used says whether a file was put in force since the plan was made: then it was
// carried out, or overtaken, whatever is advertised now.
func (x *stale) used(one speakerPlan, was snapshot.Speaker) {
	f, now := one.inForce(x.plan.owner), int64(0)
	if f != nil {
		now = f.Epoch
	}
	if now != epochOf(was, x.plan.owner) {
		x.say("%s: %s", one.speaker, x.overtaken(f))
	}
}

// overtaken says what was put in force since the plan was made.
func (x *stale) overtaken(f *wire.InForce) string {
	if f == nil {
		return "its bridge does not know any more what was put in force: the plan may have been used"
	}
	if f.Revision.Digest == x.plan.desired {
		return fmt.Sprintf("what it leads to was put in force since then, by %s; a plan is carried out once", f.Host)
	}
	return fmt.Sprintf("another file was put in force since then, by %s: changed at %s, digest %s", f.Host, timeJSON(f.Revision.Changed), f.Revision.Short())
}

// others says which other owners' files are other ones now, of those whose routes
// moved.
func (x *stale) others(one speakerPlan, was snapshot.Speaker, moves []state.Move) {
	if one.about == nil {
		return
	}
	for _, f := range one.about.InForce {
		theirs := func(a *state.Advert) bool { return a != nil && a.Owner == f.Owner }
		moved := slices.ContainsFunc(moves, func(m state.Move) bool { return theirs(m.Before) || theirs(m.Now) })
		if f.Owner == x.plan.owner || !moved || f.Epoch == epochOf(was, f.Owner) {
			continue
		}
		x.say("%s: owner %s has put a file in force since then, from %s: changed at %s", one.speaker, f.Owner, f.Host, timeJSON(f.Revision.Changed))
	}
}

// epochOf is the epoch under which the file of an owner was in force; 0 for none.
func epochOf(s snapshot.Speaker, owner string) int64 {
	for _, f := range s.InForce {
		if f.Owner == owner {
			return f.Epoch
		}
	}
	return 0
}

// neighborsMoved names the peers of which routes are meant otherwise than before.
func neighborsMoved(before, now []state.Neighbor) []string {
	var lines []string
	at := func(list []state.Neighbor, n state.Neighbor) int {
		return slices.IndexFunc(list, func(x state.Neighbor) bool { return x.Addr == n.Addr })
	}
	for _, n := range now {
		switch i := at(before, n); {
		case i < 0:
			lines = append(lines, fmt.Sprintf("neighbor %s is new", n.Addr))
		case n.PeerAS != before[i].PeerAS || !slices.Equal(n.Tags, before[i].Tags) || !slices.Equal(n.Families, before[i].Families):
			lines = append(lines, fmt.Sprintf("neighbor %s is configured otherwise", n.Addr))
		}
	}
	for _, n := range before {
		if at(now, n) < 0 {
			lines = append(lines, fmt.Sprintf("neighbor %s is not configured any more", n.Addr))
		}
	}
	return lines
}

// move is a route that moved, for people: what became of it, and whose it is or was.
func (s speakerPlan) move(m state.Move) row {
	r := row{nlri: m.Key.String()}
	switch {
	case m.Before == nil:
		r.sign, r.detail, r.where = "+", m.Now.Attrs.String(), "announced by "+whose(*m.Now)
	case m.Now == nil:
		r.sign, r.detail, r.where = "-", m.Before.Attrs.String(), "was announced by "+whose(*m.Before)
	default:
		was, is := m.Before.From, m.Now.From
		words := slices.Concat(difference(m.Before.Attrs, m.Now.Attrs), expiryDifference(was.Expires, is.Expires, timeJSON), leaseDifference(was.Lease, is.Lease))
		r.sign, r.detail, r.where = "~", strings.Join(words, ", "), "announced by "+whose(*m.Now)
		if m.Before.Owner != m.Now.Owner {
			r.where += "; it was of " + whose(*m.Before)
		}
	}
	r.where = strings.TrimSpace(s.where(m.Peers, m.Key.Family) + " " + r.where)
	return r
}

func rowsOf(steps []step, what string) []row {
	signs := map[string]string{"announce": "+", "change": "~", "withdraw": "-"}
	var rows []row
	for _, s := range steps {
		r := row{sign: cmp.Or(signs[s.Action], "?"), nlri: s.NLRI, where: what}
		if len(s.Peers) > 0 {
			r.detail = "at " + strings.Join(s.Peers, ", ")
		}
		rows = append(rows, r)
	}
	return rows
}

func (x *stale) say(format string, args ...any) {
	x.why = append(x.why, paragraph{line: fmt.Sprintf(format, args...)})
}

// list says something of routes, the first of which are named.
func (x *stale) list(line string, n int, rowAt func(int) row) {
	p := paragraph{line: line, of: n}
	for i := range min(n, maxListed) {
		p.rows = append(p.rows, rowAt(i))
	}
	x.why = append(x.why, p)
}

// Error is all of it, over several lines.
func (x *stale) Error() string {
	sent := "Nothing was sent."
	if x.begun {
		sent = "The rest of it was not sent."
	}
	text := fmt.Sprintf("stale plan: %s was made at %s. %s", x.plan.path, x.plan.Made.Format(time.RFC3339), sent)
	for _, p := range x.why {
		text += "\n  " + p.line
		for _, line := range p.lines() {
			text += "\n  " + line
		}
	}
	return text
}

// lines are the routes, in columns.
func (p paragraph) lines() []string {
	if p.of == 0 {
		return nil
	}
	var b bytes.Buffer
	out := bufio.NewWriter(&b)
	writeRows(out, p.rows, plain)
	if more := p.of - len(p.rows); more > 0 {
		fmt.Fprintf(out, "  ... and %d more\n", more)
	}
	_ = out.Flush() // a buffer takes all
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}

// shortDigest is as much of a digest as people compare, which may be of nothing.
func shortDigest(d string) string { return cmp.Or(state.Short(d), "none") }

// failure is the error of a command that does not carry the plan out.
func (x *stale) failure() error {
	return &failure{code: exitStale, err: x, hints: []string{
		fmt.Sprintf("see what is to be done now, and save that: %s --out %s", strings.Join(planWords(x.plan.File, x.plan.Guard), " "), shellWord(x.plan.path))}}
}
