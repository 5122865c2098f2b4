package main

import (
	"fmt"
	"strings"
	"time"

	"routesync/bridge"
	"routesync/bridge/wire"
	"routesync/state"
)

// followed is one line of a command that follows, in the form that programs
// get. What does not apply is left out.
type followed struct {
	FormatVersion string `json:"format_version"`
	// Type is a word of [wire.ChangeKind] or [wire.HappeningKind], or one of
	// route, table, gap, overtaken and lost. Stream tells the two apart.
	Type       string         `json:"type"`
	Stream     string         `json:"stream"`
	Speaker    string         `json:"speaker"`
	At         string         `json:"at,omitempty"`
	Peer       string         `json:"peer,omitempty"`
	Owner      string         `json:"owner,omitempty"`
	Action     string         `json:"action,omitempty"`
	Family     string         `json:"family,omitempty"`
	NLRI       string         `json:"nlri,omitempty"`
	Attributes map[string]any `json:"attributes,omitempty"`
	Unknown    []string       `json:"unknown,omitempty"`
	Grade      string         `json:"grade,omitempty"`
	Reason     string         `json:"reason,omitempty"`
	By         string         `json:"by,omitempty"`    // who gave a command
	Count      *int           `json:"count,omitempty"` // routes of a table, or how many were overtaken or lost

	attrs state.SeenAttrs
}

// The streams.
const (
	streamReceived = "received"
	streamEvents   = "events"
)

// followedNotice is a notice as lines, at a time. The first table is only counted.
func followedNotice(speaker string, now time.Time, n bridge.Notice, t *bridge.ReceivedTable, what bridge.Follow, filter receivedFilter) []followed {
	var out []followed
	if n.Gap != "" {
		stream := streamReceived
		if n.OfEvents {
			stream = streamEvents
		}
		out = append(out, followed{Type: "gap", Stream: stream, Reason: n.Gap})
	}
	if n.Table && t != nil {
		routes := filter.count(t)
		out = append(out, followed{Type: "table", Stream: streamReceived, Count: &routes})
	}
	if n.Overtaken > 0 {
		out = append(out, followed{Type: "overtaken", Stream: streamReceived, Count: &n.Overtaken})
	}
	if n.Lost > 0 {
		out = append(out, followed{Type: "lost", Stream: streamEvents, Count: &n.Lost})
	}
	for i := range out { // these were seen here, and did not come with a time
		out[i].At = timeJSON(now.UnixMilli())
	}
	for i := range n.Changes {
		c := &n.Changes[i]
		session := c.Kind == wire.Up || c.Kind == wire.Down
		if session && what.Events && !n.Table {
			continue // the other stream has it
		}
		if filter.peer(c.Peer) && (c.Family == "" || filter.route(c.Peer, c.Family)) {
			out = append(out, followedChange(c)...)
		}
	}
	for i := range n.Happenings {
		out = append(out, followedHappening(&n.Happenings[i])...)
	}
	for i := range out {
		out[i].FormatVersion, out[i].Speaker = formatVersion, speaker
	}
	return out
}

func followedChange(c *wire.Change) []followed {
	f := followed{Type: string(c.Kind), Stream: streamReceived, At: timeJSON(c.At), Peer: c.Peer.String(), Family: c.Family, Reason: c.Reason}
	if c.Kind == wire.Announce {
		f.attrs = c.Attrs
		f.Attributes, f.Unknown = seenJSON(c.Attrs)
	}
	return f.each(c.IDs)
}

func followedHappening(h *wire.Happening) []followed {
	f := followed{Type: string(h.Kind), Stream: streamEvents, At: timeJSON(h.At), Owner: h.Owner, Family: h.Family, Reason: h.Text}
	if h.Kind == wire.Typing {
		f.By, f.Reason = h.Text, ""
	}
	if h.Peer.IsValid() {
		f.Peer = h.Peer.String()
	}
	if h.Grade != 0 {
		f.Grade = h.Grade.String()
	}
	switch {
	case len(h.IDs) == 0 || h.Kind == wire.Drift:
	case h.Withdraw:
		f.Action = string(wire.Withdraw)
	default:
		f.Action, f.attrs = string(wire.Announce), h.Attrs
		f.Attributes, f.Unknown = seenJSON(h.Attrs)
	}
	return f.each(h.IDs)
}

// each is the line for each of some routes; itself if there are none.
func (f followed) each(ids []string) []followed {
	if len(ids) == 0 {
		return []followed{f}
	}
	lines := make([]followed, len(ids))
	for i, id := range ids {
		lines[i] = f
		lines[i].NLRI = id
	}
	return lines
}

// followedTable is the first table as lines, a route each.
func followedTable(speaker string, t *bridge.ReceivedTable, filter receivedFilter) []followed {
	var out []followed
	for _, r := range newSpeakerReceived(speaker, t, filter).Routes {
		out = append(out, followed{
			FormatVersion: formatVersion, Type: "route", Stream: streamReceived, Speaker: speaker, Peer: r.Peer,
			Family: r.Family, NLRI: r.NLRI, Attributes: r.Attributes, Unknown: r.Unknown, attrs: r.attrs,
		})
	}
	return out
}

// notice tells whether a line is about the others, and goes to stderr.
func (f *followed) notice() bool {
	switch f.Type {
	case "gap", "table", "overtaken", "lost", string(wire.Incomplete), string(wire.Complete):
		return true
	}
	return false
}

// text is a line for people, without the speaker.
func (f *followed) text() string {
	route := strings.TrimSuffix(nlriText(state.AnyKey{Family: f.Family, ID: f.NLRI})+" "+f.attrs.String(), " ")
	switch f.Type {
	case "route", string(wire.Announce), string(wire.Withdraw):
		return fmt.Sprintf("%s %s from %s", f.Type, route, f.Peer)
	case string(wire.EndOfRIB):
		return fmt.Sprintf("end of RIB, %s, from %s", f.Family, f.Peer)
	case string(wire.Up), string(wire.Down): // of both streams
		return fmt.Sprintf("%s %s%s", f.Peer, f.Type, because(f.Reason))
	case string(wire.Gone):
		return fmt.Sprintf("%s is not in exaBGP's configuration any more", f.Peer)
	case string(wire.Complete):
		return fmt.Sprintf("the table of %s is whole", f.Peer)
	case string(wire.Incomplete):
		return fmt.Sprintf("the table of %s is not whole%s", f.Peer, because(f.Reason))
	case "table":
		return fmt.Sprintf("the table is here: %s", count(*f.Count, "route"))
	case "gap":
		if f.Stream == streamReceived {
			return fmt.Sprintf("received routes may be missing: %s; the table of received routes comes again, and what has changed", f.Reason)
		}
		return "events may be missing: " + f.Reason
	case "overtaken":
		return fmt.Sprintf("%s left out, which later ones overtook", count(*f.Count, "change"))
	case "lost":
		return fmt.Sprintf("%s lost: they came faster than they could be told", count(*f.Count, "event"))
	case string(wire.Drift), string(wire.Trouble):
		return f.Reason
	case string(wire.Typing):
		return fmt.Sprintf("%s %s, given by %s", f.Action, route, f.By)
	case string(wire.Sending):
		return fmt.Sprintf("%s %s to %s", f.Action, route, f.Peer)
	}
	// Confirmed and Refusing.
	line := f.Action + " " + route
	if f.Peer != "" {
		line += " to " + f.Peer
	}
	line += " for owner " + f.Owner
	if f.Grade != "" {
		line += ": " + f.Grade
	}
	return line + because(f.Reason)
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

// tag is what a line of events begins with for people.
func (f *followed) tag() string {
	switch f.Type {
	case string(wire.Up), string(wire.Down), string(wire.Gone):
		return "[session]"
	}
	if f.Stream == streamReceived {
		return "[recv]"
	}
	return "[" + f.Type + "]"
}
