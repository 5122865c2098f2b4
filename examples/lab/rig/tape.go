package rig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// What is what a Told tells.
type What int

// What a router is told, and what it does of itself.
const (
	Announced What = iota // in an UPDATE, also if nothing is new in it
	Withdrawn             // in an UPDATE
	EndOfRIB              // of a family
	Up                    // the session is established
	Down                  // it was, and is not
	Removed               // the route has left the table, for whatever reason
)

func (w What) String() string {
	return [...]string{"announced", "withdrawn", "end-of-rib", "up", "down", "removed"}[w]
}

// Told is one thing that happened at a router.
type Told struct {
	At     time.Time // when it was read, right after
	What   What
	Prefix netip.Prefix
	Path   string // the attributes of what was announced: "origin igp as-path [65000] next-hop 192.0.2.1 med 5"
}

func (t Told) String() string {
	words := []string{t.At.Format("15:04:05.000000"), t.What.String()}
	if t.Prefix.IsValid() {
		words = append(words, t.Prefix.String(), t.Path)
	}
	return strings.TrimSpace(strings.Join(words, " "))
}

// Tape records all that a router is told, from two sources: the dump of every
// message that BIRD receives, as it was on the wire, and BIRD's trace of what
// its table makes of it. The first has the attributes. The second tells what
// is held: the end of a session takes nothing away with graceful restart.
//
// Both are files that BIRD appends to. The kernel tells when, so nothing is
// asked for on a beat, and nothing is missed between two questions.
type Tape struct {
	router  string
	notices *os.File      // inotify
	ended   chan struct{} // closed when nothing is recorded any more

	reading     sync.Mutex // the two files, one reader at a time
	dump, trace follower

	mu      sync.Mutex
	first   int // the number of told[0]
	told    []Told
	updates int                     // messages
	paths   map[netip.Prefix]string // as they were announced last
	held    map[netip.Prefix]bool
	fault   error
	changed chan struct{} // closed at the next change
}

// follower is how far a file has been read.
type follower struct {
	file *os.File
	rest []byte // what is not whole yet
}

func (f *follower) read() error {
	more, err := io.ReadAll(f.file)
	f.rest = append(f.rest, more...)
	return err
}

// newTape starts to record. Both files exist from here on.
func newTape(router, dump, trace string) (*Tape, error) {
	t := &Tape{
		router: router, ended: make(chan struct{}), changed: make(chan struct{}),
		paths: map[netip.Prefix]string{}, held: map[netip.Prefix]bool{},
	}
	if err := t.open(dump, trace); err != nil {
		return nil, errors.Join(fmt.Errorf("record router %s: %w", router, err), t.closeFiles())
	}
	go t.follow()
	return t, nil
}

func (t *Tape) open(dump, trace string) error {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return err
	}
	t.notices = os.NewFile(uintptr(fd), "inotify")
	for path, f := range map[string]*follower{dump: &t.dump, trace: &t.trace} {
		if f.file, err = os.OpenFile(path, os.O_CREATE|os.O_RDONLY, 0o644); err != nil {
			return err
		}
		if _, err := unix.InotifyAddWatch(fd, path, unix.IN_MODIFY); err != nil {
			return fmt.Errorf("watch %s: %w", path, err)
		}
	}
	return nil
}

func (t *Tape) closeFiles() error {
	var errs []error
	for _, f := range []*os.File{t.notices, t.dump.file, t.trace.file} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// close ends the recording.
func (t *Tape) close() error {
	err := t.notices.Close()
	<-t.ended
	return errors.Join(err, t.dump.file.Close(), t.trace.file.Close())
}

func (t *Tape) follow() {
	defer close(t.ended)
	notices := make([]byte, 1<<12)
	for {
		if _, err := t.notices.Read(notices); err != nil {
			return
		}
		t.take()
	}
}

// take reads what is new. The dump comes first: BIRD writes a message there
// before its table changes, so what the trace tells of has its attributes.
func (t *Tape) take() {
	t.reading.Lock()
	defer t.reading.Unlock()
	err := errors.Join(t.dump.read(), t.trace.read())
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	err = errors.Join(err, t.takeDump(now))
	t.takeTrace(now)
	if t.fault == nil && err != nil {
		t.fault = fmt.Errorf("read what router %s was told: %w", t.router, err)
	}
	t.wake()
}

func (t *Tape) wake() {
	close(t.changed)
	t.changed = make(chan struct{})
}

func (t *Tape) takeDump(now time.Time) error {
	for {
		r, rest, err := nextRecord(t.dump.rest)
		t.dump.rest = rest
		if r == nil || err != nil {
			return err
		}
		switch {
		case r.to == stateEstablished:
			t.note(Told{At: now, What: Up})
		case r.from == stateEstablished:
			t.note(Told{At: now, What: Down})
		}
		if r.message == nil {
			continue
		}
		u, err := parseUpdate(r.message)
		if err != nil {
			return fmt.Errorf("%x: %w", r.message, err)
		}
		if u != nil {
			t.update(u, now)
		}
	}
}

func (t *Tape) update(u *update, now time.Time) {
	t.updates++
	for _, p := range u.withdrawn {
		t.note(Told{now, Withdrawn, p, ""})
	}
	for _, p := range u.announced {
		t.paths[p] = u.path
		t.note(Told{now, Announced, p, u.path})
	}
	if u.endOfRIB {
		t.note(Told{At: now, What: EndOfRIB})
	}
}

// takeTrace reads whole lines such as
//
//	2026-11-26 05:12:25.941133 <TRACE> r1.ipv4 > added [best] 10.0.0.0/24 0L 2G unreachable
func (t *Tape) takeTrace(now time.Time) {
	for {
		line, rest, ok := bytes.Cut(t.trace.rest, []byte("\n"))
		if !ok {
			return
		}
		t.trace.rest = rest
		_, change, ok := strings.Cut(string(line), " > ")
		if !ok || !strings.Contains(string(line), "<TRACE>") {
			continue
		}
		verb, about, _ := strings.Cut(change, " ")
		if verb != "added" && verb != "removed" {
			continue // nothing of the table changed
		}
		for word := range strings.FieldsSeq(about) {
			p, err := netip.ParsePrefix(word)
			if err != nil {
				continue // what of the route changed: [best]
			}
			if verb == "added" {
				t.held[p] = true
			} else {
				delete(t.held, p)
				t.note(Told{now, Removed, p, t.paths[p]})
			}
			break
		}
	}
}

func (t *Tape) note(told Told) { t.told = append(t.told, told) }

// empty is for a router that has ended: its table ended with it, untold.
func (t *Tape) empty() {
	t.take()
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.held)
	t.note(Told{At: time.Now(), What: Down})
	t.wake()
}

// Mark is how much has been told so far, for Since and Forget.
func (t *Tape) Mark() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.first + len(t.told)
}

// Updates is how many UPDATE messages came so far, End-of-RIB and all.
func (t *Tape) Updates() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.updates
}

// Since is what was told after a mark.
func (t *Tape) Since(mark int) []Told {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.told[mark-t.first:])
}

// Forget drops what was told before a mark.
func (t *Tape) Forget(mark int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.told = slices.Clone(t.told[mark-t.first:])
	t.first = mark
}

// Table is what the router holds, with the attributes.
func (t *Tape) Table() map[netip.Prefix]string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.table()
}

func (t *Tape) table() map[netip.Prefix]string {
	all := make(map[netip.Prefix]string, len(t.held))
	for p := range t.held {
		all[p] = t.paths[p]
	}
	return all
}

// Holds says whether the router holds exactly these routes.
func (t *Tape) Holds(want map[netip.Prefix]string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.held) != len(want) {
		return false
	}
	for p, path := range want {
		if !t.held[p] || t.paths[p] != path {
			return false
		}
	}
	return true
}

// Wait returns once done says so, which is asked at every change.
func (t *Tape) Wait(ctx context.Context, what string, done func() bool) error {
	for {
		t.mu.Lock()
		changed, fault := t.changed, t.fault
		t.mu.Unlock()
		if fault != nil {
			return fault
		}
		if done() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait until %s at router %s: %w", what, t.router, ctx.Err())
		}
	}
}

// Fault is why the recording can't be believed, if so.
func (t *Tape) Fault() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.fault
}
