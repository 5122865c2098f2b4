package main

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"routesync/bridge"
	"routesync/state"
)

// palette says whether text is coloured.
type palette bool

const (
	plain    palette = false
	coloured palette = true
)

// paint colours what a sign begins.
func (p palette) paint(sign, text string) string {
	colours := map[string]string{"+": "32", "~": "33", "-": "31", "!": "36"}
	if c := colours[sign]; p == coloured && c != "" {
		return "\x1b[" + c + "m" + text + "\x1b[0m"
	}
	return text
}

// count is a number of things, e.g. "1 route" or "2 routes".
func count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

// row is a line of a plan: columns, and what is said below them.
type row struct {
	sign, nlri, detail, where string
	notes                     []string
}

// about adds to what is said behind the details.
func (r *row) about(text string) {
	if text != "" {
		r.where = strings.TrimPrefix(r.where+", "+text, ", ")
	}
}

// maxDetail is the width up to which details are padded; longer ones push
// what follows.
const maxDetail = 56

// text writes the plans for people.
func (p plans) text(to io.Writer, colours palette) error {
	out := bufio.NewWriter(to)
	if p.commit != nil {
		fmt.Fprintf(out, "%s @ %s (%s)\n\n", p.file, p.commit.short(), count(len(p.desired.Routes), "route"))
	}
	for i, s := range p.speakers {
		if i > 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprintf(out, "%s\n", s.header())
		if rows := s.rows(); len(rows) > 0 {
			fmt.Fprintln(out)
			writeRows(out, rows, colours)
			fmt.Fprintln(out)
		}
		for _, line := range s.closing(p) {
			fmt.Fprintln(out, line)
		}
	}
	return out.Flush()
}

// header says what a plan is made against.
func (o observation) header() string {
	switch {
	case o.file != "" && o.fileDigest == "":
		return fmt.Sprintf("%s: against %s, which is not for it; no speaker was asked", o.speaker, o.file)
	case o.file != "":
		return fmt.Sprintf("%s: against %s; no speaker was asked", o.speaker, o.file)
	}
	up := 0
	for _, n := range o.advertised.Peers {
		if n.Up {
			up++
		}
	}
	release, known := "exaBGP", "complete"
	if o.about != nil && o.about.ExaBGP != "" {
		release += " " + o.about.ExaBGP
	}
	if !o.advertised.Complete {
		known = "not complete"
	}
	return fmt.Sprintf("%s: %s, %d of %s up, advertised set %s", o.speaker, release, up, count(len(o.advertised.Peers), "peer"), known)
}

// rows are the lines of a plan in the order of their keys.
func (s speakerPlan) rows() []row {
	type keyed struct {
		key state.Key
		row row
	}
	var all []keyed
	covers := s.Covers(s.advertised)
	for i, c := range s.Changes {
		r := s.change(c)
		r.about(s.lastText(c))
		if len(covers) > 0 && covers[0].Change == i {
			r.about(s.left(covers[0]))
			covers = covers[1:]
		}
		all = append(all, keyed{c.Key, r})
	}
	for _, f := range s.Foreign {
		all = append(all, keyed{f.Key, s.foreign(f)})
	}
	for _, o := range s.Overlaps {
		all = append(all, keyed{o.Key, row{sign: "!", nlri: o.Key.String(), notes: []string{o.String(), "nothing is done about it"}}})
	}
	for _, c := range s.advertised.ContestsOf(s.Owner) {
		all = append(all, keyed{c.Key, row{sign: "!", nlri: c.Key.String(), notes: []string{bridge.OwnerName(c.Owner) + " asks for it too; it stays this file's"}}})
	}
	slices.SortStableFunc(all, func(a, b keyed) int { return state.CompareKeys(a.key, b.key) })
	rows := make([]row, len(all))
	for i := range all {
		rows[i] = all[i].row
	}
	return rows
}

func sign(op state.Op) string {
	switch op {
	case state.Announce:
		return "+"
	case state.Replace:
		return "~"
	}
	return "-"
}

func (s speakerPlan) change(c state.Change) row {
	r := row{sign: sign(c.Op()), nlri: c.Key.String(), where: s.where(c.Peers, c.Key.Family)}
	switch {
	case c.Op() == state.Announce:
		r.detail = c.After().String()
	case c.Op() == state.Withdraw:
		r.detail = c.Before().String()
	case c.Before() == c.After() && c.Was().Expires == c.Wanted.Expires && c.Was().Lease == c.Wanted.Lease:
		r.detail = c.After().String() + " (is being withdrawn)"
	default:
		r.detail = changeText(c)
	}
	if c.Wanted != nil && len(c.Wanted.Tags) > 0 {
		r.where = strings.TrimSpace(r.where + " [" + strings.Join(c.Wanted.Tags, " ") + "]")
	}
	if c.Op() == state.Announce && len(c.Peers) == 0 {
		r.notes = append(r.notes, fmt.Sprintf("no peer of %s is configured for %s", s.speaker, c.Key.Family))
	}
	r.notes = append(r.notes, whenNotes(s.wanted(c), s.now)...)
	for _, refusal := range s.advertised.Refused {
		if refusal.Key == c.Key && refusal.Owner == s.Owner && refusal.Attrs == c.After() {
			r.notes = append(r.notes, fmt.Sprintf("refused before: %s%s", refusal.Reason, at(c.Wanted)))
		}
	}
	return r
}

// left says what is left for the addresses of a withdrawn prefix.
func (s speakerPlan) left(c state.Cover) string {
	var words []string
	for _, by := range c.By {
		word := "stays covered by " + by.Prefix.String()
		if by.Owner != s.Owner {
			word += " of " + bridge.OwnerName(by.Owner)
		}
		if len(c.By) > 1 || len(c.Dark) > 0 {
			word += " at " + strings.Join(s.peerWords(by.Peers), ", ")
		}
		words = append(words, word)
	}
	if len(c.Dark) > 0 {
		word := "goes dark"
		if len(c.By) > 0 {
			word += " at " + strings.Join(s.peerWords(c.Dark), ", ")
		}
		switch len(c.Inside) {
		case 0:
		case len(c.Dark):
			word += " but for more specific prefixes"
		default:
			word += " but for more specific prefixes at " + strings.Join(s.peerWords(c.Inside), ", ")
		}
		words = append(words, word)
	}
	return strings.Join(words, "; ")
}

// wanted is what the file says of a changed route: of one that is withdrawn,
// what it says for another time.
func (s speakerPlan) wanted(c state.Change) *state.Wanted {
	if c.Wanted != nil || len(c.Peers) == 0 {
		return c.Wanted
	}
	return s.whole.Find(c.Key, c.Peers[0])
}

func (s speakerPlan) foreign(f state.Foreign) row {
	r := row{
		sign: "!", nlri: f.Key.String(), detail: f.Advert.Attrs.String(), where: s.where(peersOf(*f.Advert), f.Key.Family),
		notes: []string{"announced by " + whose(*f.Advert) + ", left alone"},
	}
	if f.Wanted != nil {
		r.notes[0] += fmt.Sprintf("; %s asks for it too, and can't have it until it is withdrawn there", f.Wanted.Pos)
	}
	return r
}

func at(w *state.Wanted) string {
	if w == nil {
		return ""
	}
	return " (" + w.Pos.String() + ")"
}

func peersOf(a state.Advert) []netip.Addr {
	var peers []netip.Addr
	for _, at := range a.At {
		peers = append(peers, at.Peer)
	}
	return peers
}

// where names the peers, unless they are all that there are for the family.
func (s speakerPlan) where(peers []netip.Addr, f state.Family) string {
	if len(peers) == 0 || slices.Equal(peers, s.advertised.Resolve("", f)) {
		return ""
	}
	return "at " + strings.Join(s.peerWords(peers), ", ")
}

// writeRows writes rows in columns.
func writeRows(out *bufio.Writer, rows []row, colours palette) {
	nlri, detail := 0, 0
	for _, r := range rows {
		nlri = max(nlri, utf8.RuneCountInString(r.nlri))
		if n := utf8.RuneCountInString(r.detail); n <= maxDetail {
			detail = max(detail, n)
		}
	}
	for _, r := range rows {
		line := strings.TrimRight(fmt.Sprintf("%s %-*s  %-*s  %s", r.sign, nlri, r.nlri, detail, r.detail, r.where), " ")
		fmt.Fprintf(out, "  %s\n", colours.paint(r.sign, line))
		for _, note := range r.notes {
			fmt.Fprintf(out, "    %*s  %s\n", nlri, "", note)
		}
	}
}
