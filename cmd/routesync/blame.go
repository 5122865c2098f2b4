package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"routesync/reconcile/history"
	"routesync/state"
)

type blameFlags struct {
	historyFlags
	speakers []string
	offline  bool
	timeout  time.Duration
}

func blameCommand(w *world, g *globalFlags, f *blameFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "blame ROUTE",
		Short: "Say who set a route, when and why, and what is not known of it",
		Long: `Say who set a route, when and why, at which peers that was confirmed, and what is
advertised now. ROUTE is the text that plan and status have: a prefix, an address,
or "10.9.0.0/24 rd 65000:1" as one word. It answers for a route that is gone, too,
and says what covers it.

The history has what this host did. What it does not have is said: what was there
before it began, what others changed, and what was given by hand.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				return nil
			}
			return usage(errors.New("blame takes one route"), `a route of several words is one argument: "10.9.0.0/24 rd 65000:1"`)
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runBlame(cmd.Context(), w, g, f, args[0]) },
	}
	f.add(cmd)
	cmd.Flags().StringSliceVar(&f.speakers, "speaker", nil, "only these speakers")
	cmd.Flags().BoolVar(&f.offline, "offline", false, "look at the history alone, and ask no speaker")
	cmd.Flags().DurationVar(&f.timeout, "timeout", 5*time.Second, "how long to wait for the speakers")
	return cmd
}

// accused is the route that blame is about.
type accused struct {
	text   string
	prefix netip.Prefix // zero for a route that is none
}

func parseAccused(text string) accused {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		return accused{text, netip.PrefixFrom(a, a.BitLen())}
	}
	if p, err := state.ParsePrefix(text); err == nil {
		return accused{p.String(), p}
	}
	return accused{text: text}
}

// is tells whether a route is the one that is meant, whatever else its key has.
func (a accused) is(k state.Key) bool {
	if a.prefix.IsValid() && k.Family.HasPrefix() && k.Prefix() == a.prefix {
		return true
	}
	return k.String() == a.text
}

// covers tells whether a route is less specific than the one that is meant.
func (a accused) covers(k state.Key) bool {
	if !a.prefix.IsValid() || !k.Family.HasPrefix() || k.RD() != "" {
		return false
	}
	p := k.Prefix()
	return p.Bits() < a.prefix.Bits() && p.Contains(a.prefix.Addr())
}

func runBlame(ctx context.Context, w *world, g *globalFlags, f *blameFlags, text string) error {
	s, err := f.open(w, g)
	if err != nil {
		return err
	}
	if err := checkTimeout(f.timeout); err != nil {
		return err
	}
	route := parseAccused(text)
	found, damaged, err := s.Find(func(k state.Key) bool { return route.is(k) || route.covers(k) })
	if err != nil {
		return hinted(fmt.Errorf("read the history: %w", err))
	}
	b := blamed{route: route, owner: s.Owner(), now: time.Now().UnixMilli()}
	b.began(s)
	for _, err := range damaged {
		b.Unknown = append(b.Unknown, err.Error()+"; what it says is not known")
	}
	live, failed := f.look(ctx, w, g, s.Owner(), found)
	if failed != nil {
		b.Unknown = append(b.Unknown, "what is advertised now: "+failed.Error())
	}
	b.judge(found, live, f.speakers)
	if f.output == outputJSON {
		return writeJSON(w.stdout, b.json())
	}
	return b.text(w)
}

// look asks the speakers, of the file and of the history, what they advertise.
func (f *blameFlags) look(ctx context.Context, w *world, g *globalFlags, owner string, found []*history.Found) ([]observation, error) {
	if f.offline {
		return nil, errors.New("no speaker was asked")
	}
	speakers := slices.Clone(f.speakers)
	if len(speakers) == 0 {
		for _, x := range found {
			speakers = append(speakers, x.Speaker)
		}
		if desired, err := readDesired(f.file, nil); err == nil && desired.Owner == owner {
			speakers = append(speakers, desired.Speakers...)
		}
		slices.Sort(speakers)
		speakers = slices.Compact(speakers)
	}
	if len(speakers) == 0 {
		return nil, errors.New("no speaker is known; name one with --speaker")
	}
	cfg, err := g.broker("blame")
	if err != nil {
		return nil, err
	}
	return observer{cfg: cfg, timeout: f.timeout, log: w.log, hasty: true}.look(ctx, speakers)
}

// blamed is the answer of blame.
type blamed struct {
	route    accused
	owner    string
	now      int64
	Speakers []blamedSpeaker
	Unknown  []string // of all
	first    string   // where the history begins
}

// blamedSpeaker is the answer for a speaker: each route that is meant.
type blamedSpeaker struct {
	Speaker string
	asked   bool // it said what it advertises
	Routes  []blamedRoute
	Cover   string // the most specific route that covers what is meant; "" for none, or not known
}

type blamedRoute struct {
	key     state.Key
	live    []state.Advert // what is advertised
	asked   bool           // that is known
	past    []history.Setting
	unknown []string
}

// began notes where the history begins.
func (b *blamed) began(s *history.Store) {
	numbers, err := s.Numbers()
	if err != nil || len(numbers) == 0 {
		b.first = "the history is empty"
		return
	}
	b.first = fmt.Sprintf("the history begins with entry %d", numbers[0])
	if e, err := s.Entry(numbers[0]); err == nil {
		b.first += ", " + momentJSON(e.At)
	}
}

// judge puts together what is on record and what is advertised.
func (b *blamed) judge(found []*history.Found, live []observation, only []string) {
	for i := range found {
		if x := found[i]; !slices.ContainsFunc(live, func(o observation) bool { return o.speaker == x.Speaker }) {
			live = append(live, observation{speaker: x.Speaker})
		}
	}
	slices.SortFunc(live, func(a, c observation) int { return cmp.Compare(a.speaker, c.speaker) })
	for _, o := range live {
		if len(only) > 0 && !slices.Contains(only, o.speaker) {
			continue
		}
		x := &history.Found{Speaker: o.speaker}
		if i := slices.IndexFunc(found, func(f *history.Found) bool { return f.Speaker == o.speaker }); i >= 0 {
			x = found[i]
		}
		one := blamedSpeaker{Speaker: o.speaker, asked: o.advertised != nil}
		keys := slices.DeleteFunc(slices.Clone(x.Keys), func(k state.Key) bool { return !b.route.is(k) })
		one.Cover = b.covered(x)
		if o.advertised != nil {
			one.Cover = b.cover(o.advertised)
			for k := range o.advertised.Routes.All() {
				if b.route.is(k) {
					keys = append(keys, k)
				}
			}
		}
		slices.SortFunc(keys, state.CompareKeys)
		for _, k := range slices.Compact(keys) {
			r := blamedRoute{key: k, past: x.Of[k], asked: o.advertised != nil}
			if r.asked {
				r.live = o.advertised.Routes.Get(k)
			}
			r.unknown = b.unknown(&r, x.Missed)
			one.Routes = append(one.Routes, r)
		}
		b.Speakers = append(b.Speakers, one)
	}
}

// covered is what covers the route as far as is on record.
func (b *blamed) covered(f *history.Found) string {
	best, text := -1, ""
	for _, k := range f.Keys {
		if last := f.Of[k][0]; b.route.covers(k) && k.Bits() > best && last.After != nil {
			best, text = k.Bits(), fmt.Sprintf("%s, as entry %d left it", k, last.Entry.Number)
		}
	}
	return text
}

// cover names the most specific route that covers the one that is meant.
func (b *blamed) cover(set *state.Advertised) string {
	best, text := -1, ""
	for k, adverts := range set.Routes.All() {
		if b.route.covers(k) && k.Bits() > best && len(adverts) > 0 {
			best, text = k.Bits(), fmt.Sprintf("%s, announced by %s", k, whose(adverts[0]))
		}
	}
	return text
}

// unknown says what is not known of a route.
func (b *blamed) unknown(r *blamedRoute, missed []history.Setting) []string {
	var all []string
	for _, m := range missed {
		all = append(all, fmt.Sprintf("before entry %d something was sent that is not on record, from %s on", m.Entry.Number, momentJSON(m.Part.MissedSince)))
	}
	for i := range r.live {
		if a := &r.live[i]; a.Owner != b.owner {
			all = append(all, fmt.Sprintf("it is announced by %s: why is not on record here", whose(*a)))
		}
	}
	own := slices.ContainsFunc(r.live, func(a state.Advert) bool { return a.Owner == b.owner })
	if len(r.past) == 0 {
		if own {
			all = append(all, "who announced it is not on record: "+b.first+", and it was there before, or another host did it")
		}
		return all
	}
	if oldest := r.past[len(r.past)-1]; oldest.Before != nil && oldest.Before.Owner == b.owner {
		all = append(all, fmt.Sprintf("who announced it before entry %d is not on record: %s", oldest.Entry.Number, b.first))
	}
	for _, x := range r.past {
		for _, peer := range x.Peers {
			if text := b.apart(r, x, peer); text != "" && !slices.Contains(all, text) {
				all = append(all, text)
			}
		}
	}
	for i := range r.live {
		for _, at := range r.live[i].At {
			if _, done := r.newest(at.Peer); !done && r.live[i].Owner == b.owner {
				all = append(all, fmt.Sprintf("who announced it to %s is not on record", at.Peer))
			}
		}
	}
	return all
}

// newest is the last change at a peer that was not refused; false for none.
func (r *blamedRoute) newest(peer netip.Addr) (history.Setting, bool) {
	for _, x := range r.past {
		if slices.Contains(x.Peers, peer) && !refusedAt(x, peer) {
			return x, true
		}
	}
	return history.Setting{}, false
}

// refusedAt tells whether it was seen that a change was not made at a peer.
func refusedAt(x history.Setting, peer netip.Addr) bool {
	return x.Part.Outcome != nil && slices.ContainsFunc(x.Part.Outcome.Cases, func(c history.Case) bool {
		return c.Key == x.Key && c.Peer == peer && (&c).NotDone()
	})
}

// apart says where the last change at a peer is not what is advertised there.
func (b *blamed) apart(r *blamedRoute, x history.Setting, peer netip.Addr) string {
	if newest, ok := r.newest(peer); !r.asked || !ok || newest.Part != x.Part {
		return ""
	}
	var is *state.Advert
	for i := range r.live {
		if a := &r.live[i]; a.Owner == b.owner && slices.ContainsFunc(a.At, func(at state.At) bool { return at.Peer == peer && at.Grade != state.Withdrawing }) {
			is = a
		}
	}
	n := x.Entry.Number
	switch {
	case x.After == nil && is != nil:
		return fmt.Sprintf("entry %d withdrew it from %s, and it is there: somebody who is not on record here announced it again, or the withdrawal is still to come", n, peer)
	case x.After == nil:
		return ""
	case is == nil && x.After.Expires != 0 && x.After.Expires <= b.now:
		return fmt.Sprintf("it expired at %s, and the bridge withdrew it from %s", clockText(x.After.Expires), peer)
	case is == nil && x.After.Lease != 0:
		return fmt.Sprintf("it is not at %s: its lease of %s may have ended, or somebody who is not on record here withdrew it", peer, leaseText(x.After.Lease))
	case is == nil:
		return fmt.Sprintf("entry %d announced it to %s, and it is not there: it was refused, or somebody who is not on record here withdrew it", n, peer)
	case is.Attrs != x.After.Attrs:
		return fmt.Sprintf("since entry %d it was changed at %s by somebody who is not on record here", n, peer)
	}
	return ""
}

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
	switch {
	case !r.asked:
	case len(r.live) == 0:
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
		switch {
		case p.Peer != peer:
		case !p.When.IsZero():
			return "confirmed by " + momentJSON(p.When)
		default:
			return "confirmed by " + momentJSON(o.At)
		}
	}
	return "not seen"
}
