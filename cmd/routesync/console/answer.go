package console

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"routesync/bridge/wire"
	"routesync/state"
)

// answer is what became of one line.
type answer struct {
	line, speaker string
	commands      []wire.Command
	results       []*wire.Result // one a command; nil if it was not answered
	err           error          // why nothing was given to anybody
	places        map[kept]Place
}

// kept is a route that somebody keeps.
type kept struct {
	owner string
	key   state.Key
}

// The verdicts on a line, besides those on a command.
const (
	failed      = "failed"      // something was given to nobody
	unconfirmed = "unconfirmed" // it was given, and not all of it was answered
)

// ranked are the verdicts, from what weighs most in a line on.
func ranked() []string {
	return []string{
		failed, string(wire.NotGiven), string(wire.Refused), unconfirmed, string(wire.Unsent), string(Published), string(wire.Held),
		string(wire.Sent), string(wire.Withdrawn), string(wire.Unchanged),
	}
}

// Status is what became of all commands, for an exit code.
type Status uint8

const (
	Confirmed   Status = iota // all were carried out
	Unconfirmed               // of some it is not known, or exaBGP does not send them
	Refused                   // some were refused, or were no commands
)

func statusOf(verdict string) Status {
	switch verdict {
	case failed, string(wire.Refused):
		return Refused
	case unconfirmed, string(wire.Unsent), string(Published):
		return Unconfirmed
	}
	return Confirmed
}

// verdict is the one that weighs most.
func (a *answer) verdict() string {
	if a.err != nil {
		return failed
	}
	order := ranked()
	worst := len(order) - 1
	weigh := func(verdict string) {
		i := slices.Index(order, verdict)
		if i < 0 { // of a later version
			i = slices.Index(order, unconfirmed)
		}
		worst = min(worst, i)
	}
	for _, r := range a.results {
		if r == nil || len(r.Outcomes) == 0 {
			weigh(unconfirmed)
			continue
		}
		for _, o := range r.Outcomes {
			weigh(string(o.Verdict))
		}
	}
	if order[worst] == string(wire.NotGiven) {
		return failed
	}
	return order[worst]
}

// effect is what became of the same routes at some peers.
type effect struct {
	command wire.Command
	peers   []netip.Addr
	expires int64 // to be said with it; a line says it once
	wire.Outcome
}

// effects joins the outcomes that differ in the peer only.
func (a *answer) effects() []effect {
	var all []effect
	for i, r := range a.results {
		if r == nil || len(r.Outcomes) == 0 {
			all = append(all, effect{command: a.commands[i], Outcome: wire.Outcome{Verdict: unconfirmed, Keys: a.commands[i].Keys}})
			continue
		}
		first := len(all)
		for _, o := range r.Outcomes {
			j := slices.IndexFunc(all[first:], func(e effect) bool {
				return e.Verdict == o.Verdict && e.Reason == o.Reason && e.Owner == o.Owner && slices.Equal(e.Keys, o.Keys)
			})
			if j < 0 {
				j = len(all) - first
				all = append(all, effect{command: a.commands[i], Outcome: o})
			}
			if o.Peer.IsValid() {
				all[first+j].peers = append(all[first+j].peers, o.Peer)
			}
		}
	}
	order := ranked()
	slices.Reverse(order) // what went wrong is read last, next to the prompt
	slices.SortStableFunc(all, func(x, y effect) int {
		return cmp.Compare(slices.Index(order, string(x.Verdict)), slices.Index(order, string(y.Verdict)))
	})
	for i := len(all) - 1; i >= 0; i-- {
		if v := all[i].Verdict; v == wire.Sent || v == wire.Held {
			all[i].expires = all[i].command.Expires
			break
		}
	}
	return all
}

// text is the answer for people, a line for each effect.
func (a *answer) text() []string {
	if a.err != nil {
		return errorText(a.err)
	}
	var lines []string
	for _, e := range a.effects() {
		head, tail := e.words(a.places)
		lines = append(lines, escape(head+tail))
	}
	return lines
}

// detail is the answer in one line.
func (a *answer) detail() string {
	if a.err != nil {
		if hint := hintOf(a.err); hint != "" {
			return escape(a.err.Error() + " (" + hint + ")")
		}
		return escape(a.err.Error())
	}
	var parts []string
	last := ""
	for _, e := range a.effects() {
		head, tail := e.words(a.places)
		if head == last {
			parts = append(parts, strings.TrimPrefix(tail, ": "))
		} else {
			parts = append(parts, head+tail)
		}
		last = head
	}
	return escape(strings.Join(parts, "; "))
}

// words says what became of it: first of what, then the rest.
func (e effect) words(places map[kept]Place) (head, tail string) {
	what := subject(e.Keys)
	peers := peerList(e.peers)
	at := ""
	if peers != "" {
		at = " at " + peers
	}
	reason := ""
	if e.Reason != "" {
		reason = ": " + e.Reason
	}
	switch e.Verdict {
	case wire.Sent:
		return "announced " + what, ": sent to " + peers + e.until()
	case wire.Held:
		return "announced " + what, ": held for " + peers + " (down; sent when it is up)" + e.until()
	case wire.Unsent:
		return "announced " + what, e.named() + ": not sent to " + peers + reason
	case wire.Withdrawn:
		return "withdrawn " + what, at
	case wire.Unchanged:
		if e.command.Withdraw { // which the reason says too
			return "not announced: " + what, at
		}
		return "unchanged " + what, at + reason
	case wire.Refused:
		if e.Owner != "" {
			reason = ": " + e.keeper(places)
		}
		return "refused " + what, e.named() + at + reason
	case wire.NotGiven:
		return "not given " + what, e.named() + reason
	case Published:
		return "published " + what, ": the broker has it; the old helper does not confirm"
	case unconfirmed:
		return "not confirmed " + what, e.named() + ": no answer came; it may be carried out or not, and show advertised tells"
	}
	return string(e.Verdict) + " " + what, at + reason
}

func (e effect) until() string {
	if e.expires == 0 {
		return ""
	}
	return "; expires " + timeText(e.expires)
}

// keeper says who keeps the route, and what to do about it.
func (e effect) keeper(places map[kept]Place) string {
	who := "kept by owner " + ownerName(e.Owner)
	i := slices.IndexFunc(e.Keys, func(k state.Key) bool { return places[kept{e.Owner, k}].Text != "" })
	if i < 0 {
		return who + ", and nobody says where (does its watch run?); change its file instead"
	}
	p := places[kept{e.Owner, e.Keys[i]}]
	if p.Ended {
		return who + ", announced by " + p.Text + ", which has ended; change the file and run routesync apply, or start watch"
	}
	where := ": " + p.Text
	if len(e.Keys) > 1 {
		where = ": " + routeText(e.Keys[i]) + " is at " + p.Text
	}
	switch {
	case e.command.Withdraw:
		return who + where + "; it would come back. Change the file instead"
	case len(e.Keys) == 1 && len(p.Kept) == 1 && p.Kept[0] == e.command.Attrs:
		return who + where + "; the file announces exactly that already"
	}
	return who + where + "; the file would change it back. Change the file instead"
}

// named lists the first routes, where they were only counted.
func (e effect) named() string {
	if len(e.Keys) <= namedRoutes {
		return ""
	}
	words := make([]string, len(e.Keys))
	for i, k := range e.Keys {
		words[i] = routeText(k)
	}
	return " (" + few(words, namedRoutes) + ")"
}

const namedPeers = 8

func peerList(peers []netip.Addr) string {
	words := make([]string, len(peers))
	for i, p := range peers {
		words[i] = p.String()
	}
	return few(words, namedPeers)
}

func timeText(ms int64) string {
	if ms == 0 {
		return ""
	}
	return time.UnixMilli(ms).UTC().Format(time.RFC3339)
}

// errorText is an error for people, with its hint.
func errorText(err error) []string {
	lines := []string{"error: " + escape(err.Error())}
	if hint := hintOf(err); hint != "" {
		lines = append(lines, "  hint: "+escape(hint))
	}
	return lines
}
