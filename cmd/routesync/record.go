package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"routesync/bridge/wire"
	"routesync/reconcile"
	"routesync/reconcile/history"
	"routesync/state"
)

// noHistory, given for the directory, is that there is no history.
const noHistory = "none"

// historyPlace is where the history of all owners is; "" for none. The console has the
// lines that were typed under the name that one would expect.
func (g *globalFlags) historyPlace(getenv func(string) string) (string, error) {
	const name = "routes-history"
	if g.historyDir == noHistory {
		return "", nil
	}
	if g.historyDir != "" {
		return g.historyDir, nil
	}
	// systemd gives several with colons between (systemd.exec(5)); the first is ours.
	if dirs := filepath.SplitList(getenv("STATE_DIRECTORY")); len(dirs) > 0 && filepath.IsAbs(dirs[0]) {
		return filepath.Join(dirs[0], name), nil
	}
	// https://specifications.freedesktop.org/basedir-spec
	if dir := getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "routesync", name), nil
	}
	if home := getenv("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".local", "state", "routesync", name), nil
	}
	return "", errors.New("there is no place for the history: give one with --history-dir or " + envHistory)
}

// record keeps on record what a command does for an owner. A nil one keeps nothing.
type record struct {
	recorder *history.Recorder
	store    *history.Store
	head     history.Head // of everything, but for the file
	file     string       // "" for none
	writing  sync.WaitGroup

	policy atomic.Pointer[state.Policy] // that what is sent was judged by

	mu    sync.Mutex
	notes []reconcile.Notes // who is told that it can't be kept
	bad   string            // why it can't; "" if it can
	noted map[string]bool   // what is on record by now, or by somebody else
}

// newRecord begins one for an owner. Without a place for it there is none, and that
// is said.
func newRecord(w *world, g *globalFlags, owner, file string, me wire.Commander) *record {
	dir, err := g.historyPlace(w.getenv)
	var store *history.Store
	if err == nil && dir != "" {
		store, err = history.Open(dir, owner)
	}
	if err != nil {
		w.log.Warn("nothing is kept on record", "reason", err)
	}
	if store == nil {
		return nil
	}
	r := &record{store: store, file: file, head: history.Head{Verb: me.Verb, Who: history.Who{User: me.User, Host: me.Host, PID: me.PID}}}
	r.recorder = history.NewRecorder(store, history.Options{Head: r.about, Policy: func(state.Revision) string { return r.policy.Load().Digest() }, Keep: g.historyKeep, Notice: r.notice}, w.log)
	r.writing.Go(r.recorder.Run)
	return r
}

// governed notes the policy that what is sent from now on is judged by; nil for the
// default.
func (r *record) governed(p *state.Policy) {
	if r != nil {
		r.policy.Store(p)
	}
}

// about is who does what for a file, which may have changed since: then it is not as
// the commit has it.
func (r *record) about(state.Revision) history.Head {
	h := r.head
	if r.file == "" || r.file == stdinName {
		h.File = fileName(r.file)
		return h
	}
	h.File = r.file
	if abs, err := filepath.Abs(r.file); err == nil {
		h.File = abs
	}
	if c := commitOf(context.Background(), []string{r.file}); c != nil {
		h.Commit, h.Dirty = c.Commit, c.Dirty
	}
	return h
}

// past is what is on record, nil for nothing.
func (r *record) past() *past {
	if r == nil {
		return nil
	}
	return &past{r.store}
}

// speaker is the recorder of a speaker, nil if nothing is kept.
func (r *record) speaker(name string) reconcile.Recorder {
	if r == nil {
		return nil
	}
	return r.recorder.Speaker(name)
}

// ledger is that of a command at a speaker; nil if nothing is kept.
func (r *record) ledger(owner, speaker string) *reconcile.Ledger {
	if r == nil {
		return nil
	}
	return reconcile.NewLedger(owner, r.speaker(speaker), reconcile.CauseCommand, nil)
}

// note puts on record what changed nothing.
func (r *record) note(format string, args ...any) {
	if r == nil {
		return
	}
	h := r.head
	h.At, h.Note = time.Now().UTC().Truncate(time.Millisecond), fmt.Sprintf(format, args...)
	r.recorder.Note(h)
}

// reverted puts on record that a bridge brought back what was in force before, once,
// whoever sees it first. What it changed is not known here.
func (r *record) reverted(speaker string, f *wire.InForce) {
	if r == nil || f == nil || f.Reverted == nil {
		return
	}
	why := "for nobody had confirmed it in time"
	if f.Reverted.By != (wire.Commander{}) {
		why = "as " + f.Reverted.By.By() + " ordered"
	}
	h := r.head
	h.At = time.Now().UTC().Truncate(time.Millisecond)
	h.Note = fmt.Sprintf("%s: at %s the bridge took back the file with digest %s, %s, and brought back the one before, %s",
		speaker, timeJSON(f.Reverted.At), shortDigest(f.Reverted.Digest), why, shortDigest(f.Revision.Digest))
	r.mu.Lock()
	said := r.noted[h.Note]
	if r.noted == nil {
		r.noted = map[string]bool{}
	}
	r.noted[h.Note] = true
	r.mu.Unlock()
	if !said {
		r.recorder.NoteOnce(h)
	}
}

// tell has n told when the record can't be kept.
func (r *record) tell(n reconcile.Notes) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notes = append(r.notes, n)
	n.Note(wire.NoHistory, r.bad, lostDo)
}

const lostDo = "is there room, and may it write? routes go on without it"

func (r *record) notice(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bad = ""
	if err != nil {
		r.bad = "what is done is not kept on record: " + err.Error()
	}
	for _, n := range r.notes {
		n.Note(wire.NoHistory, r.bad, lostDo)
	}
}

// close writes what is left, as far as that is possible.
func (r *record) close() {
	if r != nil {
		r.recorder.Close()
	}
}

// ledgers are those of a command at its speakers.
type ledgers struct {
	record *record
	owner  string
	mu     sync.Mutex
	all    map[string]*reconcile.Ledger
}

// of is the ledger of a speaker, over all sessions.
func (l *ledgers) of(speaker string) *reconcile.Ledger {
	if l == nil || l.record == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all[speaker] == nil {
		if l.all == nil {
			l.all = map[string]*reconcile.Ledger{}
		}
		l.all[speaker] = l.record.ledger(l.owner, speaker)
	}
	return l.all[speaker]
}

// close says what was seen in the end.
func (l *ledgers) close() {
	if l == nil {
		return
	}
	for _, one := range l.all {
		one.Close()
	}
	l.record.close()
}
