package main

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"routesync/bridge/wire"
	"routesync/state"
	"routesync/state/routefile"
)

// What keeps a file from being in force is told to the bridges, so that status
// shows it on any host.

// maxHold bounds the text of a condition of the file, or of a reason, in bytes: readers
// get it with every update.
const maxHold = 500

// newHold is a condition of the file that began at a time.
func newHold(name string, since time.Time, text, do string) *wire.Condition {
	return &wire.Condition{Name: name, Since: since.UnixMilli(), Text: toldText(text), Do: do}
}

// toldText is a text as it may go to the terminals of others.
func toldText(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, strings.ToValidUTF8(text, "?"))
	const more = "..."
	if len(text) > maxHold {
		text = cut(text, maxHold-len(more)) + more
	}
	return text
}

// holds notes that the file as it is can't be in force. It is so since it was good.
func (k *keeper) holds(name, why, detail, do, stays string) {
	since := time.Now()
	if before := k.hold.Load(); before != nil && !k.waiting {
		since = time.UnixMilli(before.Since)
	}
	text := k.file + ": " + why
	if detail != "" {
		text += ": " + detail
	}
	k.waiting = false
	k.hold.Store(newHold(name, since, text+"; "+stays, do))
}

// release notes that the file is in force.
func (k *keeper) release() {
	k.waiting = false
	k.hold.Store(nil)
}

// waitFor notes that somebody has been writing a file for long; "" is that this is
// over.
func (k *keeper) waitFor(file string) {
	switch {
	case file != "" && k.hold.Load() == nil:
		k.waiting = true
		k.hold.Store(newHold(wire.Unfinished, time.Now(), file+" is open for writing by another process; it is read once that is closed", ""))
	case file == "" && k.waiting:
		k.release()
	}
}

// introduce tells the bridges of a watch that has had no good file yet, as far as
// the faulty one says for whom and where it is.
func (k *keeper) introduce(data []byte) {
	if k.owner != "" {
		return
	}
	owner, speakers := routefile.Heading(k.file, data)
	if owner == "" {
		return
	}
	for _, name := range speakers {
		if s := k.speakers[name]; s != nil && s.leave != nil && s.owner != owner {
			s.leave()
			s.leave = nil
		}
		k.speaker(name, owner)
	}
}

// faultsText is the first fault of a file, and how many more there are.
func faultsText(err error) string {
	faults := routefile.Faults(err)
	if len(faults) == 0 {
		return err.Error()
	}
	text := fmt.Sprintf("%s: %s", faults[0].Pos, faults[0].Msg)
	if more := len(faults) - 1; more > 0 {
		text += fmt.Sprintf(", and %d more", more)
	}
	return text
}

// older is what is said of a file that would bring back what another replaced.
type older struct {
	file, host string // of the file
	has        state.Revision
	inForce    wire.InForce
}

func (o older) Error() string {
	if r := o.inForce.Reverted; r != nil && r.Digest == o.has.Digest {
		return fmt.Sprintf("%s was in force for owner %s, and was reverted at %s, for it was not confirmed", o.file, o.inForce.Owner, timeJSON(r.At))
	}
	return fmt.Sprintf("%s is older than what is in force for owner %s: it was changed at %s by the clock of %s, what is in force at %s by that of %s",
		o.file, o.inForce.Owner, timeJSON(o.has.Changed), o.host, timeJSON(o.inForce.Revision.Changed), o.inForce.Host)
}

// hints are what a person can do about it.
func (o older) hints(now time.Time) []string {
	var all []string
	if o.inForce.Revision.Changed > now.UnixMilli() {
		all = append(all, fmt.Sprintf("the clock of %s is ahead of this one's, or was", o.inForce.Host))
	}
	means := "if it is meant, give " + flagOlderOK
	if o.file != fileName(stdinName) {
		means = fmt.Sprintf("if it is meant, touch %s, or give %s", o.file, flagOlderOK)
	}
	return append(all, means)
}
