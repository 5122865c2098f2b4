package history

import (
	"cmp"
	"fmt"
	"path/filepath"
	"time"

	"routesync/reconcile"
	"routesync/state"
)

// write does a job. It is of the goroutine that writes, as all in this file.
func (r *Recorder) write(j *job) error {
	switch {
	case j.note != nil:
		if j.once && r.store.hasNote(j.note.Note) {
			return nil
		}
		_, err := r.store.Begin(*j.note, Part{}, nil, nil)
		return err
	case j.sending != nil:
		return r.writeSending(j.speaker, j.sending, j.missed)
	}
	return r.conclude(j.speaker, j.confirming)
}

func (r *Recorder) writeSending(speaker string, s *reconcile.Sending, m *missed) error {
	p := Part{Speaker: speaker, Seq: 1, At: at(s.At), Cause: string(s.Cause)}
	policy := ""
	if r.opts.Policy != nil {
		policy = r.opts.Policy(s.Revision)
	}
	for _, x := range s.Lifted {
		p.Lifted = append(p.Lifted, Lifted{string(x.Rule), x.Text, x.Override.String(), x.Override.By})
	}
	plan := state.Plan{Owner: r.store.Owner(), Speaker: speaker, Changes: s.Changes}
	p.Plan = plan.Digest(s.Revision.Digest, policy)
	if m != nil {
		p.Missed, p.MissedSince = m.n, at(m.since)
	}
	gone := func(c *state.Change) bool { return s.Gone[c.Key] }
	before, had := r.last[speaker]
	var err error
	if g := group(s); g != "" && g == r.group && before.entry <= r.entry {
		if had && before.entry == r.entry {
			p.Seq = before.seq + 1
		}
		err = r.store.Add(r.entry, p, s.Changes, gone)
		before = place{r.entry, p.Seq}
	} else {
		h := r.opts.Head(s.Revision)
		h.At, h.Revision = p.At, s.Revision
		before = place{seq: 1}
		before.entry, err = r.store.Begin(h, p, s.Changes, gone)
		if err == nil && g != "" {
			r.group, r.entry = g, before.entry
		}
	}
	if err != nil {
		return err
	}
	r.last[speaker], r.parts[sendingID{speaker, s.ID}] = before, before
	if err := r.store.Keep(r.opts.Keep, time.Now()); err != nil {
		r.log.Warn("old entries of the history stay", "history", r.store.Dir(), "error", err)
	}
	return nil
}

// noteBack is among how many entries a note is looked for.
const noteBack = 200

// hasNote tells whether one of the last entries has a note.
func (s *Store) hasNote(note string) bool {
	numbers, err := s.Numbers()
	if err != nil {
		return false
	}
	for _, n := range numbers[max(0, len(numbers)-noteBack):] {
		var h Head
		if err := s.readHead(filepath.Join(s.entryDir(n), headFile), &h); err == nil && h.Note == note {
			return true
		}
	}
	return false
}

// group is what sendings have in common that are one entry: a file is put in force at
// all its speakers, but what one of them did by itself is its own.
func group(s *reconcile.Sending) string {
	switch s.Cause {
	case reconcile.CauseTime, reconcile.CauseDrift:
		return ""
	}
	return fmt.Sprintf("%s %d", cmp.Or(s.Revision.Digest, "none"), s.Revision.Changed)
}

func (r *Recorder) conclude(speaker string, c *reconcile.Confirming) error {
	id := sendingID{speaker, c.ID}
	where, there := r.parts[id]
	if !there {
		return nil // what was sent is not on record
	}
	o := &Outcome{At: at(c.At), Final: c.Final, Peers: []PeerOutcome{}}
	for _, p := range c.Peers {
		o.Peers = append(o.Peers, PeerOutcome{p.Peer, p.Changes, p.Confirmed, at(p.When)})
	}
	for _, u := range c.Open {
		o.Cases = append(o.Cases, Case{u.Key, u.Peer, string(u.State), u.Reason})
	}
	if err := r.store.Conclude(where.entry, speaker, where.seq, o); err != nil {
		return err
	}
	if c.Final {
		delete(r.parts, id)
	}
	return nil
}

// at is a time as it is kept.
func at(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC().Truncate(time.Millisecond)
}
