package watch

import (
	"io/fs"
	"maps"
	"os"
	"time"
)

// stamp is what a file looks like from outside.
type stamp struct {
	info   fs.FileInfo // nil if the file cannot be had
	err    string
	others map[wish]stamp // of what it leads to
}

func (s stamp) same(t stamp) bool {
	return s.alike(t) && maps.EqualFunc(s.others, t.others, stamp.alike)
}

// alike compares the file alone.
func (s stamp) alike(t stamp) bool {
	if s.info == nil || t.info == nil {
		return s.info == nil && t.info == nil && s.err == t.err
	}
	return s.err == t.err && os.SameFile(s.info, t.info) && s.info.Size() == t.info.Size() &&
		s.info.ModTime().Equal(t.info.ModTime()) && s.info.Mode() == t.info.Mode()
}

// reading is the file, with all that it leads to, as it was found once.
type reading struct {
	stamp   stamp
	torn    bool   // it changed while it was read, or may
	busy    string // a file that somebody has open for writing
	content Content
}

// sameContent tells whether a reader of the files would see no difference.
func (r *reading) sameContent(s *reading) bool {
	return r.first().same(s.first()) && maps.EqualFunc(r.content.others, s.content.others, (*found).same)
}

func (r *reading) first() *found { return &found{data: r.content.Data, err: r.content.Err} }

// failed tells whether some of the files could not be read.
func (r *reading) failed() bool {
	for _, f := range r.content.others {
		if f.err != nil {
			return true
		}
	}
	return r.content.Err != nil
}

// saved is when the last of the files was changed.
func (r *reading) saved() time.Time {
	var at time.Time
	if r.stamp.info != nil {
		at = r.stamp.info.ModTime()
	}
	for _, s := range r.stamp.others {
		if s.info != nil {
			at = newest(at, s.info.ModTime())
		}
	}
	return at
}

// emitted is the content for whoever makes something of it.
func (r *reading) emitted() Content {
	c := r.content
	if r.stamp.info != nil {
		c.Saved = r.stamp.info.ModTime()
	}
	for w, f := range c.others {
		if s, ok := r.stamp.others[w]; ok && s.info != nil {
			f.changed = s.info.ModTime()
		}
	}
	c.asked = &asked{used: map[wish]struct{}{}}
	return c
}

// narrow forgets what the settled files do not lead to any more.
func (s *settler) narrow(needs map[wish]struct{}) {
	if s.last == nil {
		return
	}
	unneeded := func(w wish) bool { _, needed := needs[w]; return !needed }
	maps.DeleteFunc(s.last.stamp.others, func(w wish, _ stamp) bool { return unneeded(w) })
	maps.DeleteFunc(s.last.content.others, func(w wish, _ *found) bool { return unneeded(w) })
}

// settler decides when the file is to be read and which reading counts. It
// knows no clock and no file.
//
// After the last event it waits for half the settle time, has the file read,
// waits for the other half, has it read again: if the two agree, the file was
// left alone for the settle time. Where that was not told by events it leaves
// the whole settle time between the two readings.
type settler struct {
	settle, maxWait time.Duration

	due       time.Time // of the next reading; zero when all is settled
	first     time.Time // event since it was last settled
	trusted   bool      // nothing happened since the last event, as far as is known
	base      stamp     // of the file at that event
	disturbed bool      // an event came since prev, and was not waited for
	prev      *reading
	last      *reading // settled
}

// event notes that something happened to the file, which now looks like seen.
func (s *settler) event(now time.Time, seen stamp) {
	if s.due.IsZero() {
		s.first = now
	}
	// Events that never stop say nothing any more; from here on only the file
	// itself tells whether it is settled.
	if !s.due.IsZero() && now.Sub(s.first) >= s.maxWait {
		s.trusted, s.disturbed = false, true
		return
	}
	s.trusted, s.base, s.prev = true, seen, nil
	s.due = now.Add(s.settle / 2)
}

// suspect notes that the file may have changed without an event.
func (s *settler) suspect(now time.Time) {
	if s.due.IsZero() {
		s.first, s.trusted, s.prev, s.due = now, false, nil, now
	}
}

// read takes the reading that was due, and tells whether it is to be emitted.
func (s *settler) read(now time.Time, r *reading) bool {
	if s.agrees(r) {
		// The same, saved again, says that it is meant.
		changed := s.last == nil || !s.last.sameContent(r) || !s.last.failed() && !s.last.saved().Equal(r.saved())
		s.last, s.prev, s.due, s.disturbed = r, nil, time.Time{}, false
		return changed
	}
	// The first reading in a quiet time follows half of it. One that differs
	// from what was there before shows a change of which the event is late, or
	// never comes.
	s.trusted = s.trusted && s.prev == nil && s.base.same(r.stamp)
	gap := s.settle
	if s.trusted {
		gap = s.settle - s.settle/2
	}
	s.prev, s.disturbed, s.due = r, false, now.Add(gap)
	return false
}

func (s *settler) agrees(r *reading) bool {
	if s.prev == nil || r.torn || s.prev.torn || !s.prev.stamp.same(r.stamp) || !s.prev.sameContent(r) {
		return false
	}
	// A file that is deleted and made again all the time looks the same
	// whenever it is gone.
	return !r.failed() || !s.disturbed
}
