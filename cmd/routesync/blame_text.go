package main

import (
	"bufio"
	"cmp"
	"fmt"
	"net/netip"

	"routesync/reconcile/history"
	"routesync/state"
)

// text writes the answer for people.
func (b *blamed) text(w *world) error {
	out := bufio.NewWriter(w.stdout)
	for i := range b.Speakers {
		s := &b.Speakers[i]
		if len(s.Routes) == 0 {
			not := "it is not advertised, and "
			if !s.asked {
				not = ""
			}
			fmt.Fprintf(out, "%s at %s: %snothing is on record of it; %s\n", b.route.text, s.Speaker, not, b.first)
		}
		for j := range s.Routes {
			r := &s.Routes[j]
			fmt.Fprintf(out, "%s at %s\n", r.key, s.Speaker)
			r.text(out)
		}
		if s.Cover != "" {
			fmt.Fprintf(out, "  covered by %s\n", s.Cover)
		}
	}
	if len(b.Speakers) == 0 {
		fmt.Fprintf(out, "%s: nothing is on record of it; %s\n", b.route.text, b.first)
	}
	for _, text := range b.Unknown {
		fmt.Fprintf(out, "not known: %s\n", printable(text))
	}
	return out.Flush()
}

func (r *blamedRoute) text(out *bufio.Writer) {
	if r.asked && len(r.live) == 0 {
		fmt.Fprintln(out, "  now: not advertised")
	}
	for i := range r.live {
		a := &r.live[i]
		fmt.Fprintf(out, "  now: %s, announced by %s; %s\n", a.Attrs, whose(*a), gradesText(a.At))
	}
	for _, x := range r.past {
		words := map[history.Op]string{history.Announce: "announced", history.Replace: "changed", history.Withdraw: "withdrawn", history.Adopt: "adopted"}
		fmt.Fprintf(out, "  %d  %s  %s: %s (%s)\n", x.Entry.Number, momentJSON(x.Part.At), words[x.Op()], changedText(&x.Change), causeText(x.Part.Cause))
		fmt.Fprintf(out, "      %s; %s\n", headText(x.Entry.Head), fateText(x))
		if a := x.After; a != nil && a.Asked != nil && len(a.Asked.Tags)+len(a.Asked.Comment) > 0 {
			fmt.Fprintf(out, "      %s\n", printable(fmt.Sprintf("%v %s", a.Asked.Tags, a.Asked.Comment)))
		}
	}
	for _, text := range r.unknown {
		fmt.Fprintf(out, "  not known: %s\n", printable(text))
	}
}

func gradesText(at []state.At) string {
	text := ""
	for i, x := range at {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%s to %s", x.Grade, x.Peer)
	}
	return text
}

// fateText says what was seen of one change at its peers.
func fateText(x history.Setting) string {
	o := x.Part.Outcome
	if o == nil {
		return "sent to " + addrList(x.Peers) + "; confirmation not seen"
	}
	text := ""
	for i, peer := range x.Peers {
		if i > 0 {
			text += ", "
		}
		text += peer.String() + " " + fateAt(o, x.Key, peer)
	}
	return cmp.Or(text, "no peer has the family")
}

// fateAt is what was seen of a change at one peer.
func fateAt(o *history.Outcome, k state.Key, peer netip.Addr) string {
	for _, c := range o.Cases {
		if c.Key == k && c.Peer == peer {
			if c.Reason != "" {
				return printable(c.State + ": " + c.Reason)
			}
			return printable(c.State)
		}
	}
	for _, p := range o.Peers {
		if p.Peer == peer {
			return "confirmed by " + cmp.Or(momentJSON(p.When), momentJSON(o.At))
		}
	}
	return "not seen"
}
