package routefile

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"gopkg.in/yaml.v3"

	"routesync/state"
)

// The bounds of a lease: a watcher has to be able to renew it, and what nobody
// has asked for in a month nobody wants.
const (
	minLease = 10 * time.Second
	maxLease = 30 * 24 * time.Hour
)

// aboutKeys are what an item of any kind may say.
func aboutKeys() []string { return []string{"peers", "tags", "comment", "starts", "expires", "lease"} }

// about is what the keys that any item may have say.
type about struct {
	node            *yaml.Node
	scope           *scope
	peers           state.Peers
	tags            []string
	comment         string
	starts, expires int64
	lease           int64
	badPeers        bool // they were reported
}

func newAbout(s *scope, n *yaml.Node) about {
	return about{node: n, scope: s, peers: s.peers, tags: s.tags, badPeers: s.badPeers}
}

// aboutKey reads one key; false if it is none of these.
func (p *parser) aboutKey(a *about, key, n *yaml.Node) bool {
	switch key.Value {
	case "peers":
		peers, ok := p.readPeers(n)
		a.peers, a.badPeers = peers, !ok
	case "tags":
		a.tags = p.readTags(n)
	case "comment":
		a.comment = p.readComment(n)
	case "starts":
		a.starts = p.readTime(n, "starts")
		p.checkTimes(a, n)
	case "expires":
		a.expires = p.readTime(n, "expires")
		p.checkTimes(a, n)
	case "lease":
		a.lease = p.readLease(n)
	default:
		return false
	}
	return true
}

// checkTimes reports, at the later of the two keys, a route that would expire
// before it starts.
func (p *parser) checkTimes(a *about, n *yaml.Node) {
	if a.starts != 0 && a.expires != 0 && a.expires <= a.starts {
		p.faultAt(n, "expires is not after starts", "")
	}
}

// terms are what the routes of the item have besides their keys.
func (p *parser) terms(a *about, attrs state.Attrs) *state.Terms {
	tags := a.tags
	for _, mark := range a.scope.marks {
		if !slices.Contains(tags, mark) {
			tags = append(tags[:len(tags):len(tags)], mark)
		}
	}
	return p.share(state.Terms{
		Attrs: attrs, Peers: a.peers, Tags: tags, Comment: a.comment,
		Starts: a.starts, Expires: a.expires, Lease: a.lease,
	})
}

// termsKey is comparable, and the same only for equal terms.
type termsKey struct {
	attrs                  state.Attrs
	peers                  state.Peers
	tags                   string // joined by what no tag has
	comment                string
	starts, expires, lease int64
}

// share returns the terms that are equal and were there first: the routes of a
// large file have few, and one of them is larger than a route without them.
func (l *load) share(t state.Terms) *state.Terms {
	key := termsKey{t.Attrs, t.Peers, strings.Join(t.Tags, "\x00"), t.Comment, t.Starts, t.Expires, t.Lease}
	first, there := l.shared[key]
	if !there {
		first = new(state.Terms) // not &t, which would be there for each route
		*first = t
		l.shared[key] = first
	}
	return first
}

// readTime reads an RFC 3339 time; 0, with a fault, if it is none.
func (p *parser) readTime(n *yaml.Node, what string) int64 {
	text, ok := p.text(n, what)
	if !ok {
		return 0
	}
	const hint = "write it as 2026-12-01T00:00:00Z, or as 2026-12-01T00:00:00+01:00"
	t, err := time.Parse(time.RFC3339, text)
	switch {
	case err == nil && !isRFC3339(text):
	case err == nil && t.UTC().Year() > 9999:
		p.faultAt(n, fmt.Sprintf("%s %s is after the year 9999", what, text), "leave it out")
		return 0
	case err == nil && t.Nanosecond() != 0:
		p.faultAt(n, fmt.Sprintf("%s %s has a fraction of a second", what, text), hint)
		return 0
	case err == nil && t.UnixMilli() <= 0: // 0 is no time at all
		p.faultAt(n, fmt.Sprintf("%s %s is before 1970", what, text), "")
		return 0
	case err == nil:
		return t.UnixMilli()
	}
	if _, err := time.Parse("2006-01-02T15:04:05", text); err == nil {
		p.faultAt(n, fmt.Sprintf("%s %s has no zone", what, text), fmt.Sprintf("write %sZ for UTC, or %s+01:00", text, text))
		return 0
	}
	p.faultAt(n, fmt.Sprintf("%s %q is not a time with a date and a zone", what, text), hint)
	return 0
}

// isRFC3339 tells what of all that [time.Parse] takes is of RFC 3339 §5.6: an
// hour of two digits, a point before a fraction, and an offset that is a time of
// a day.
func isRFC3339(text string) bool {
	zone := text[len(text)-len("+01:00"):]
	return text[len("2006-01-02T15")] == ':' && !strings.Contains(text, ",") &&
		(strings.HasSuffix(text, "Z") || zone[1:3] < "24" && zone[4:] < "60")
}

func (p *parser) readLease(n *yaml.Node) int64 {
	text, ok := p.text(n, "lease")
	if !ok {
		return 0
	}
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		p.faultAt(n, fmt.Sprintf("lease %q is not a duration", text), "write it as 10m, 90s or 1h30m")
		return 0
	case d < minLease || d > maxLease || d%time.Second != 0:
		p.faultAt(n, fmt.Sprintf("lease %s is not in 10s..720h, in whole seconds", text), "")
		return 0
	}
	return d.Milliseconds()
}

func (p *parser) readPeers(n *yaml.Node) (state.Peers, bool) {
	items, ok := p.list(n, "peers", "a list of addresses, [192.0.2.1]; for every peer, leave peers out")
	if !ok {
		return "", false
	}
	var list []state.Selector
	listed := map[state.Selector]bool{}
	_, good := p.words(items, "peer", func(word string) error {
		s, err := state.ParseSelector(word)
		if err == nil && listed[s] {
			return &state.Fault{Msg: fmt.Sprintf("peer %s is listed twice", s)}
		}
		list, listed[s] = append(list, s), true
		return err
	})
	return state.SelectPeers(list), good
}

func (p *parser) readTags(n *yaml.Node) []string {
	if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		return nil // on a route: none of the defaults'
	}
	items, ok := p.list(n, "tags", "a list of words, [ddos]")
	if !ok {
		return nil
	}
	tags, _ := p.words(items, "tag", state.CheckTag)
	return tags
}

func (p *parser) readComment(n *yaml.Node) string {
	text, ok := p.text(n, "comment")
	if !ok {
		return ""
	}
	for _, c := range text {
		if invisible(c) || c == unicode.ReplacementChar {
			p.faultAt(n, fmt.Sprintf("comment holds %s; it must be one line of text", shownName(c)), "")
			return ""
		}
	}
	return text
}

func shownName(c rune) string {
	switch c {
	case '\n':
		return "a line feed"
	case '\t':
		return "a tab"
	}
	return fmt.Sprintf("character U+%04X", c)
}

// readRD reads a route distinguisher; false, with a fault, if it is none.
func (p *parser) readRD(n *yaml.Node) (string, bool) {
	text, ok := p.text(n, "rd")
	if !ok {
		return "", false
	}
	if err := state.CheckRD(text); err != nil {
		p.faultErr(n, err)
		return "", false
	}
	return text, true
}
