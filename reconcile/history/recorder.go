package history

import (
	"log/slog"
	"sync"
	"time"

	"routesync/reconcile"
	"routesync/state"
)

const (
	// tryAgain is after what time a record is tried again that could not be kept.
	tryAgain = 5 * time.Second
	// maxWaiting is how much waits for a disk that takes nothing, in changes; what
	// comes then is counted, and not kept. A change is worth some hundred bytes.
	maxWaiting = 500_000
	// maxJobs is how many things wait for it.
	maxJobs = 10_000
	// linger is how long what is left may take when everything else has ended.
	linger = 3 * time.Second
)

// Recorder writes what speakers are told of into a record, in a goroutine of its own.
type Recorder struct {
	store *Store
	opts  Options
	log   *slog.Logger

	mu      sync.Mutex
	jobs    []job
	waiting int                // changes of the jobs
	missed  map[string]*missed // by speaker
	ended   bool

	wake chan struct{} // something came, or it ended
	done chan struct{} // closed when Run has returned

	// These belong to the goroutine that writes.
	parts  map[sendingID]place
	group  string // of what goes into the entry below
	entry  int
	last   map[string]place // of each speaker
	failed bool
}

// Options are what a recorder is told of who writes.
type Options struct {
	// Head is who does what for a file, called in the goroutine that writes.
	Head func(state.Revision) Head
	// Policy is the digest of the policy that is in force with a file.
	Policy func(state.Revision) string
	// Keep is how many entries are kept; 0 for all.
	Keep int
	// Notice, if any, is told what keeps the record from being kept; nil when nothing
	// does any more.
	Notice func(error)
}

type sendingID struct {
	speaker string
	id      int
}

// place is a part of an entry.
type place struct{ entry, seq int }

// missed is what could not be kept of a speaker.
type missed struct {
	n     int
	since time.Time
}

// job is one thing to write.
type job struct {
	speaker    string
	sending    *reconcile.Sending
	missed     *missed // before the sending, nil for nothing
	confirming *reconcile.Confirming
	note       *Head
	once       bool // unless it is there
}

// NewRecorder returns one that writes into a store.
func NewRecorder(s *Store, o Options, log *slog.Logger) *Recorder {
	return &Recorder{
		store: s, opts: o, log: log, missed: map[string]*missed{}, wake: make(chan struct{}, 1), done: make(chan struct{}),
		parts: map[sendingID]place{}, last: map[string]place{},
	}
}

// Speaker is the recorder of one speaker.
func (r *Recorder) Speaker(name string) reconcile.Recorder { return &scribe{r, name} }

type scribe struct {
	*Recorder
	speaker string
}

func (s *scribe) Sending(x reconcile.Sending) { s.put(job{speaker: s.speaker, sending: &x}) }
func (s *scribe) Confirming(x reconcile.Confirming) {
	s.put(job{speaker: s.speaker, confirming: &x})
}

// Note puts an entry on record that changes nothing.
func (r *Recorder) Note(h Head) { r.put(job{note: &h}) }

// NoteOnce is [Recorder.Note], unless one of the last entries has the same note.
func (r *Recorder) NoteOnce(h Head) { r.put(job{note: &h, once: true}) }

// put has a job done, soon. It waits for nothing.
func (r *Recorder) put(j job) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if j.sending != nil {
		if r.waiting > 0 && r.waiting+len(j.sending.Changes) > maxWaiting || len(r.jobs) >= maxJobs {
			r.miss(j)
			return
		}
		r.waiting += len(j.sending.Changes)
		j.missed = r.missed[j.speaker]
		delete(r.missed, j.speaker)
	}
	if j.confirming != nil {
		for i := 1; i < len(r.jobs); i++ { // only the last word counts; the first may be under way
			if x := &r.jobs[i]; x.confirming != nil && x.speaker == j.speaker && x.confirming.ID == j.confirming.ID {
				x.confirming = j.confirming
				return
			}
		}
	}
	if j.sending == nil && len(r.jobs) >= 2*maxJobs {
		return
	}
	r.jobs = append(r.jobs, j)
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// miss counts what is not kept. The lock is held.
func (r *Recorder) miss(j job) {
	m := r.missed[j.speaker]
	if m == nil {
		m = &missed{since: j.sending.At}
		r.missed[j.speaker] = m
	}
	m.n++
}

// Run writes until [Recorder.Close].
func (r *Recorder) Run() {
	defer close(r.done)
	for {
		j, ok := r.next()
		if !ok {
			return
		}
		err := r.write(&j)
		r.tell(err)
		if err == nil {
			r.take()
			continue
		}
		if r.hasEnded() {
			r.giveUp()
			return
		}
		pause := time.NewTimer(tryAgain)
		select {
		case <-pause.C:
		case <-r.woken():
		}
		pause.Stop()
	}
}

// woken is closed or sent to when it ends; what comes meanwhile makes no difference.
func (r *Recorder) woken() <-chan struct{} {
	if r.hasEnded() {
		now := make(chan struct{})
		close(now)
		return now
	}
	return r.wake
}

// next is the first job, once there is one; false at the end.
func (r *Recorder) next() (job, bool) {
	for {
		r.mu.Lock()
		if len(r.jobs) > 0 {
			j := r.jobs[0]
			r.mu.Unlock()
			return j, true
		}
		ended := r.ended
		r.mu.Unlock()
		if ended {
			return job{}, false
		}
		<-r.wake
	}
}

// take takes the first job away: it is done.
func (r *Recorder) take() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.jobs[0].sending; s != nil {
		r.waiting -= len(s.Changes)
	}
	r.jobs[0] = job{}
	r.jobs = r.jobs[1:]
}

func (r *Recorder) hasEnded() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ended
}

// giveUp says what is lost.
func (r *Recorder) giveUp() {
	r.mu.Lock()
	defer r.mu.Unlock()
	lost := 0
	for _, j := range r.jobs {
		if j.sending != nil {
			lost++
		}
	}
	if lost > 0 {
		r.log.Error("what was done last is not on record", "sendings", lost, "history", r.store.Dir())
	}
}

// Close ends it, when what is left is written or for some time could not be.
func (r *Recorder) Close() {
	r.mu.Lock()
	r.ended = true
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
	patience := time.NewTimer(linger)
	defer patience.Stop()
	select {
	case <-r.done:
	case <-patience.C:
		r.log.Error("the disk takes nothing; what was done last is not on record", "history", r.store.Dir())
	}
}

// tell says that the record can't be kept, and that it can be again.
func (r *Recorder) tell(err error) {
	if err == nil && !r.failed {
		return
	}
	if err == nil {
		r.failed = false
		r.log.Info("the history is kept again", "history", r.store.Dir())
	} else if !r.failed {
		r.failed = true
		r.log.Error("the history can't be kept; routes go on without it", "history", r.store.Dir(), "error", err)
	}
	if r.opts.Notice != nil {
		r.opts.Notice(err)
	}
}
