package bridge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"routesync/bridge/exabgp"
	"routesync/bridge/journal"
)

const (
	// mendEvery is how often the journal is looked at: whoever removes its file
	// tells nobody.
	mendEvery = 5 * time.Second
	// mendMost bounds the pause between two attempts to write one that can't be.
	mendMost = time.Minute
	// renewPatience bounds the wait for a journal that another process has locked.
	renewPatience = time.Second
)

// memory is the server's way to its journal. One that can't be written is behind
// from then on, and has to be written as a whole.
type memory struct {
	Journal
	behind bool
	slate  Slate
	noted  bool      // the slate says that it is whole
	next   time.Time // when to look at it again
	pause  time.Duration
}

// remember writes down what must be before anything else happens.
func (s *Server) remember(e effects) {
	var errs []error
	if e.begin {
		errs = append(errs, s.memory.Begin(s.core.boot))
	}
	if e.epoch != 0 {
		errs = append(errs, s.memory.SetEpoch(e.epoch))
	}
	if len(e.banned) > 0 {
		errs = append(errs, s.memory.Quarantine(e.banned))
	}
	if len(e.owners) > 0 {
		errs = append(errs, s.memory.PutOwners(e.owners))
	}
	for _, t := range e.tried {
		errs = append(errs, s.memory.Try(t.Owner, t.Entries))
	}
	switch {
	case errors.Join(errs...) != nil: // a claim must not be there without what it is based on
	case len(e.claims) > 0 || e.proof != nil:
		proof := e.proof
		if s.memory.behind {
			proof = nil // it has not all claims
		}
		errs = append(errs, s.keep(e.claims, proof))
	}
	if e.replayed {
		errs = append(errs, s.memory.Replayed())
	}
	s.recall(errors.Join(errs...))
	if s.core.phase == ready && !s.memory.behind {
		s.noteWhole(true)
	}
}

// keep stores claims, and up to where what was read is known with them.
func (s *Server) keep(claims []journal.Entry, proof *journal.Proof) error {
	if proof == nil || s.tape == nil {
		return s.memory.Keep(claims, proof)
	}
	proof.Tape, proof.Read = s.place.epoch, s.place.offset
	err := s.memory.Keep(claims, proof)
	if err == nil {
		s.place = s.tape.known(s.place)
	}
	return err
}

// rewind takes what the bridge before had read and not written down. Answers are
// of its questions; only what happened counts.
func (s *Server) rewind(proof *journal.Proof) {
	if s.tape == nil {
		return
	}
	from := tapePlace{}
	if proof != nil {
		from = tapePlace{proof.Tape, proof.Read}
	}
	text, end := s.tape.since(from)
	s.place = end
	if proof == nil {
		return
	}
	for line := range bytes.Lines(text) {
		whole, is := bytes.CutSuffix(line, []byte{'\n'})
		switch {
		case !is:
			s.torn = string(line)
			s.place.offset -= uint64(len(line))
		case exabgp.IsEvent(string(whole)):
			s.retained = append(s.retained, string(whole))
		}
	}
}

// whole is a line that was read, with what the bridge before had read of it.
func (s *Server) whole(line string) string {
	line, s.torn = s.torn+line, ""
	s.place.offset += uint64(len(line)) + 1
	return line
}

// noteWhole notes on the slate whether the journal is whole.
func (s *Server) noteWhole(whole bool) {
	m := &s.memory
	if m.slate == nil || m.noted && whole {
		return
	}
	err := m.slate.Note(whole)
	if err != nil {
		s.core.trouble(err.Error())
	}
	m.noted = whole && err == nil
}

// recall notes whether the journal is behind.
func (s *Server) recall(err error) {
	if err == nil {
		return
	}
	if !s.memory.behind {
		s.noteWhole(false)
	}
	s.memory.behind = true
	s.core.forgets(fmt.Sprintf("the journal can't be written; if this bridge dies now, its routes will be taken for foreign ones: %v", err))
}

// mend writes the journal as a whole if it is behind or lost.
func (s *Server) mend(ctx context.Context, now time.Time) {
	m := &s.memory
	if m.Journal == nil || now.Before(m.next) {
		return
	}
	m.next = now.Add(max(mendEvery, m.pause))
	lost := m.Lost()
	s.recall(lost)
	if !m.behind || s.core.phase != ready {
		return
	}
	m.pause = min(2*max(mendEvery, m.pause), mendMost)
	if err := s.rewrite(ctx, now, lost != nil); err != nil {
		s.recall(err)
		return
	}
	m.behind, m.pause = false, 0
	s.core.forgets("")
}

func (s *Server) rewrite(ctx context.Context, now time.Time, lost bool) error {
	if lost {
		ctx, cancel := context.WithTimeout(ctx, renewPatience)
		defer cancel()
		if err := s.memory.Renew(ctx, now); err != nil {
			return err
		}
	}
	s.core.attest.forget()
	errs := []error{s.memory.Begin(s.core.boot), s.memory.SetEpoch(s.core.epoch), s.memory.PutOwners(s.core.watches.owners())}
	for _, t := range s.core.everyTrial() {
		errs = append(errs, s.memory.Try(t.Owner, t.Entries))
	}
	errs = append(errs, s.memory.Replace(s.core.everyClaim()), s.memory.Replayed(), s.memory.Quarantine(slices.Collect(maps.Values(s.core.banned))))
	return errors.Join(errs...)
}

// forgets says once that the journal is behind, and why, and "" that it is not
// any more.
func (c *core) forgets(why string) {
	why = cut(why, maxReported)
	switch {
	case why == c.amnesia:
		return
	case why == "":
		c.trouble("over: the journal is whole again")
	case c.amnesia == "":
		c.trouble(why)
	}
	c.amnesia, c.aboutNews = why, true
}

// everyTrial is all that the journal should have of them.
func (c *core) everyTrial() []journal.Tried {
	var all []journal.Tried
	for _, owner := range slices.Sorted(maps.Keys(c.trials)) {
		t, x := c.trials[owner], journal.Tried{Owner: owner}
		for _, k := range t.keys() {
			x.Entries = append(x.Entries, journal.Entry{Key: k, Claims: t.before[k]})
		}
		all = append(all, x)
	}
	return all
}

// everyClaim is all that the journal should have.
func (c *core) everyClaim() []journal.Entry {
	pending := c.out.claims
	c.out.claims = nil
	for at := range c.lost {
		if c.table.entries[at.key] == nil {
			c.claim(at.key)
		}
	}
	for k := range c.table.entries {
		c.claim(k)
	}
	if c.quiet != nil {
		for at := range c.quiet.withdrawn {
			if c.table.entries[at.key] == nil {
				c.claim(at.key)
			}
		}
	}
	all := c.out.claims
	c.out.claims = pending
	return all
}
