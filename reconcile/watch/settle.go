package watch

import (
	"crypto/sha256"
	"io/fs"
	"os"
	"time"
)

// stamp is what a file looks like from outside.
type stamp struct {
	info fs.FileInfo // nil if the file cannot be had
	err  string
}

func (s stamp) same(t stamp) bool {
	if s.info == nil || t.info == nil {
		return s.info == nil && t.info == nil && s.err == t.err
	}
	return s.err == t.err && os.SameFile(s.info, t.info) && s.info.Size() == t.info.Size() &&
		s.info.ModTime().Equal(t.info.ModTime()) && s.info.Mode() == t.info.Mode()
}

// reading is the file as it was found once.
type reading struct {
	stamp   stamp
	torn    bool // it changed while it was read, or may
	busy    bool // somebody has it open for writing
	content Content
	sum     [sha256.Size]byte
}

// sameContent tells whether a reader of the file would see a difference.
func (r *reading) sameContent(s *reading) bool {
	if r.content.Err != nil || s.content.Err != nil {
		return r.content.Err != nil && s.content.Err != nil && r.content.Err.Error() == s.content.Err.Error()
	}
	return r.sum == s.sum
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
		changed := s.last == nil || !s.last.sameContent(r)
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
	return r.content.Err == nil || !s.disturbed
}
