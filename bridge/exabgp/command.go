package exabgp

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"routesync/state"
)

const (
	// maxLine is the length, newline included, that a command keeps to where
	// it can: POSIX's PIPE_BUF on Linux, up to which a write to a pipe is
	// whole or not at all. A helper that dies inside a longer write leaves half
	// a command, and exaBGP 4.2 glues the next helper's first line to it
	// (reactor/api/processes.py, _buffer is not cleared).
	//
	// Longer lines buy nothing: 20,000 prefixes in lines of 4 KiB, 210 to 280
	// of them a line, were announced and sent in 0.5 to 0.8 s by 4.2.21 that is
	// kept awake, and in lines of 500 or 1,000 in 0.5 to 0.9 s.
	maxLine = 4096
	// maxNLRI bounds a line whose attributes alone are over maxLine.
	maxNLRI = 500
)

// The commands that say nothing about a route. Each is answered by done or
// error, after the lines of its body.
const (
	// Version begins with a blank so that it is understood even if it is glued
	// to half a line of the helper that ran before. It is answered at once,
	// ahead of commands that wait in exaBGP's queue.
	Version = " version"
	// Version6 is Version in the API of exaBGP 6, which answers error to that.
	Version6 = "system version"
	// Reset has exaBGP forget the commands of this helper that it has not carried
	// out, those of the helper before it too. It is not answered, and carried out
	// at once, so that the answer to a [Version] behind it is followed by no
	// answer to what was given before (reactor/api/command/reactor.py; 6.0 answers
	// it done).
	Reset = "reset"
	// Barrier is answered in the order of the route commands, by one line that
	// nothing else prints ([IsBarrierHeader]) and done: no neighbor has the
	// address 0.0.0.0.
	Barrier = "show neighbor 0.0.0.0 summary"
	// ShowConfiguration is for [ParseConfiguration]. Its body can hold TCP MD5
	// passwords: do not log it.
	ShowConfiguration = "show neighbor configuration"
	// ShowExtensive is for [ParseExtensive].
	ShowExtensive = "show neighbor extensive"
	// ShowRIB is for [Dialect.ParseRIB], of every line of its body. It lists what
	// exaBGP has queued or sent, for all neighbors.
	ShowRIB = "show adj-rib out extensive"
	// ShowReceived is for [Dialect.ParseReceived], of every line of its body. It lists
	// what the peers announced, also of peers that are down meanwhile: exaBGP
	// forgets it when the session is up again (reactor/peer.py, _main).
	ShowReceived = "show adj-rib in extensive"
)

// Command is one line, without its newline, that exaBGP answers with exactly
// one done or error.
type Command struct {
	Line string
	Keys []state.Key
}

// Announce renders the commands that announce keys with attrs to peers; no
// peers means every neighbor that names this helper. The keys must be of one
// family, and what [state.CheckRoute] and [Neighbor.Check] allow.
func (d Dialect) Announce(peers []netip.Addr, attrs state.Attrs, keys []state.Key) []Command {
	labels, _ := attrs.Get(state.Label)
	return d.render("announce", peers, attrs, labels, keys)
}

// spelledOut has words for what goes without saying of a route, "" if there are
// none.
func (d Dialect) spelledOut(f state.Family, attrs state.Attrs) string {
	_, preferred := attrs.Get(state.LocalPreference)
	_, originated := attrs.Get(state.Origin)
	switch {
	case d.grammar == grammar34 || !f.HasPrefix() || preferred && originated:
		return ""
	case preferred:
		return " origin igp"
	}
	return " local-preference 100" // which is what it is inside of an AS, and it does not leave one
}

// Spells tells whether [Dialect.AnnounceSpelled] has other words than Announce.
func (d Dialect) Spells(f state.Family, attrs state.Attrs) bool { return d.spelledOut(f, attrs) != "" }

// AnnounceSpelled is Announce with words for what goes without saying: to exaBGP
// it is a change, and to the peer the same UPDATE again. Where there are none it
// is Announce.
func (d Dialect) AnnounceSpelled(peers []netip.Addr, attrs state.Attrs, keys []state.Key) []Command {
	if len(keys) == 0 || !d.Spells(keys[0].Family, attrs) {
		return d.Announce(peers, attrs, keys)
	}
	f := keys[0].Family
	words := d.attributeWords(f, attrs)
	if f.HasLabel() {
		labels, _ := attrs.Get(state.Label)
		words += " label " + bracketed(labels)
	}
	return renderPrefixes(selector(peers)+"announce", words+d.spelledOut(f, attrs), keys)
}

// Withdraw renders the commands that withdraw keys from peers. attrs must be
// what they were announced with: exaBGP sorts its pending changes by
// attributes, and a withdrawal under other attributes can overtake an announce
// or be overtaken (rib/outgoing.py, add_to_rib).
//
// Raw attributes are left out all the same where exaBGP sends attributes along
// with a withdrawal, which is for every family but IPv4 unicast
// (update/__init__.py, messages). A peer to which one is malformed treats the
// announce as a withdrawal, but has to reset the session on an UPDATE that
// announces nothing (RFC 7606 §5.2). So a change of a route with raw attributes
// is only safe once the one before it was seen to be sent.
func (d Dialect) Withdraw(peers []netip.Addr, attrs state.Attrs, keys []state.Key) []Command {
	if len(keys) > 0 && keys[0].Family != state.IPv4Unicast {
		if less, err := attrs.With(state.Raw, nil); err == nil {
			attrs = less
		}
	}
	return d.render("withdraw", peers, attrs, withdrawnLabel(attrs), keys)
}

// AnnounceLines renders an announce for each route, in the words that helpers
// and people know best.
func AnnounceLines(peers []netip.Addr, attrs state.Attrs, keys []state.Key) []string {
	labels, _ := attrs.Get(state.Label)
	return singles("announce", peers, attrs, labels, keys)
}

// WithdrawLines renders a withdraw for each route in the same way; it need not
// name attributes.
func WithdrawLines(peers []netip.Addr, attrs state.Attrs, keys []state.Key) []string {
	return singles("withdraw", peers, attrs, withdrawnLabel(attrs), keys)
}

func singles(verb string, peers []netip.Addr, attrs state.Attrs, labels []string, keys []state.Key) []string {
	verb = selector(peers) + verb + " "
	lines := make([]string, len(keys))
	for i, k := range keys {
		words := Dialect{}.attributeWords(k.Family, attrs)
		switch {
		case k.Family.HasLabel():
			lines[i] = verb + "route " + k.String() + words + " label " + bracketed(labels)
		case k.Family.HasPrefix():
			lines[i] = verb + "route " + k.String() + words
		case k.Family == state.L2VPNVPLS:
			lines[i] = verb + k.String() + words
		default:
			lines[i] = verb + flowRoute(k, attrs)
		}
	}
	return lines
}

// withdrawnLabel is one label, as RFC 8277 §2.4 has it: the peer ignores which,
// but takes what comes after it for the prefix. Without any, exaBGP 4.2 sends
// an NLRI that can't be read.
func withdrawnLabel(attrs state.Attrs) []string {
	if labels, ok := attrs.Get(state.Label); ok {
		return labels[:1]
	}
	return []string{"524288"}
}

func (d Dialect) render(verb string, peers []netip.Addr, attrs state.Attrs, labels []string, keys []state.Key) []Command {
	if d.grammar == grammar34 {
		return d.renderEach(verb, peers, attrs, keys)
	}
	verb = selector(peers) + verb
	if len(keys) == 0 {
		return nil
	}
	f := keys[0].Family
	if f.HasPrefix() {
		words := d.attributeWords(f, attrs)
		if f.HasLabel() {
			words += " label " + bracketed(labels)
		}
		return renderPrefixes(verb, words, keys)
	}
	cmds := make([]Command, len(keys))
	for i, k := range keys {
		text := flowRoute(k, attrs)
		if f == state.L2VPNVPLS {
			text = k.String() + d.attributeWords(f, attrs)
		}
		cmds[i] = Command{verb + " " + text, keys[i : i+1 : i+1]}
	}
	return cmds
}

// renderPrefixes puts prefixes in the bulk form, those of each route
// distinguisher for themselves. A key with a path identifier gets a line of its
// own, because the bulk form drops the identifier (configuration/static/__init__.py,
// attributes).
func renderPrefixes(verb, words string, keys []state.Key) []Command {
	if !slices.ContainsFunc(keys, func(k state.Key) bool { return k.PathID() != 0 || k.Family.HasRD() }) {
		return renderBulk(verb+" attributes"+words+" nlri", keys)
	}
	var cmds []Command
	var rds []string
	bulk := map[string][]state.Key{}
	for _, k := range keys {
		if k.PathID() != 0 {
			cmds = append(cmds, Command{verb + " route " + k.String() + words, []state.Key{k}})
			continue
		}
		rd := k.RD()
		if bulk[rd] == nil {
			rds = append(rds, rd)
		}
		bulk[rd] = append(bulk[rd], k)
	}
	for _, rd := range rds {
		head := verb + " attributes" + words
		if rd != "" {
			head += " rd " + rd
		}
		cmds = append(cmds, renderBulk(head+" nlri", bulk[rd])...)
	}
	return cmds
}

func renderBulk(head string, bulk []state.Key) []Command {
	var cmds []Command
	b := append(make([]byte, 0, len(head)+maxLine), head...)
	for len(bulk) > 0 {
		n := 0
		b = b[:len(head)]
		for n < len(bulk) && n < maxNLRI {
			longer := bulk[n].Prefix().AppendTo(append(b, ' '))
			if n > 0 && len(head) < maxLine/2 && len(longer)+1 > maxLine {
				break
			}
			b = longer
			n++
		}
		cmds = append(cmds, Command{string(b), bulk[:n:n]})
		bulk = bulk[n:]
	}
	return cmds
}

// renderEach renders the words of 3.4, which in bulk takes no next-hop self
// (reactor/api/decoder/text.py, parse_api_attribute). A withdraw needs no
// attributes: 3.4 keeps one change of a route, the last (rib/store.py,
// insert_announced). Commas stand apart in it (reactor/api/command.py,
// _extract_neighbors).
func (d Dialect) renderEach(verb string, peers []netip.Addr, attrs state.Attrs, keys []state.Key) []Command {
	words := ""
	if verb == "announce" {
		words = d.attributeWords(state.IPv4Unicast, attrs)
		words = strings.ReplaceAll(words, " blackhole ", " 65535:666 ") // newer than 3.4
	}
	verb = strings.ReplaceAll(selector(peers), ", ", " , ") + verb + " route "
	cmds := make([]Command, len(keys))
	for i, k := range keys {
		cmds[i] = Command{verb + k.String() + words, keys[i : i+1 : i+1]}
	}
	return cmds
}

// selector names the neighbors that a command is for. A list in which one
// address is known and another is not is answered done, so the caller must
// know the neighbors itself (reactor/api/command/limit.py, match_neighbors).
func selector(peers []netip.Addr) string {
	if len(peers) == 0 {
		return ""
	}
	words := make([]string, len(peers))
	for i, p := range peers {
		words[i] = "neighbor " + p.String()
	}
	return strings.Join(words, ", ") + " "
}

// Probe renders a command that changes nothing and is answered done if peer is
// a neighbor that names this helper, and error if not: the withdrawal of a
// multicast prefix, of a family in which nothing is announced ([Neighbor.Check]).
//
// Where a neighbor has the family, exaBGP 4.2 sends it as a withdrawal of IPv4
// unicast, without a path identifier even if add-path asks for one. The last
// byte is 0 so that it can be read then too: as the default route of a path that
// nobody has. Any other makes it malformed, and resets the session.
func Probe(peer netip.Addr) string { return fmt.Sprintf("neighbor %s%s", peer, probe) }

// EndOfRIB renders the End-of-RIB of a family, for a neighbor with manual-eor. It
// is answered error if the session is not up.
func EndOfRIB(peer netip.Addr, f state.Family) string {
	return fmt.Sprintf("neighbor %s announce eor %s", peer, f)
}

const probe = " withdraw route 239.255.255.0/32 next-hop 192.0.2.1"

func isProbe(line string) bool { return strings.HasSuffix(line, probe) }
