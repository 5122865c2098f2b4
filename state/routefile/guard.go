package routefile

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"routesync/state"
)

func guardKeys() []string {
	return []string{
		"max-withdraw", "max-withdraw-space", "min-routes", "max-routes", "tags", "peers", "protect", "never", "allow",
		"prefix-length", "next-hops", "communities", "rpki", "flap", "override",
	}
}

func boundsKeys() []string  { return []string{"max-withdraw", "min-routes"} }
func lengthsKeys() []string { return []string{"ipv4", "ipv6"} }
func rpkiKeys() []string    { return []string{"vrps", "invalid", "not-found", "max-age"} }
func flapKeys() []string    { return []string{"changes", "within"} }

// readGuard reads what a plan for the file may not do. n may be nil.
func (p *parser) readGuard(n *yaml.Node) {
	if n == nil {
		return
	}
	if p.included() {
		p.faultAt(n, "guard can only stand in the first file", fmt.Sprintf("put it in %s; it holds for all files", p.chain[0]))
		return
	}
	g := guardReader{parser: p, Policy: state.DefaultPolicy()}
	if p.each(n, "guard", "guard: { max-withdraw: 20% }", guardKeys(), g.key) {
		p.header.Policy = g.Policy
	}
}

// ParseGuard reads one or more keys of guard that stand by themselves: what the policy
// says that refuses nothing else. name stands for the text in positions, and the names of
// files are relative to the working directory. The error holds every fault, as that of
// [Load] does.
func ParseGuard(name, text string) (*state.Policy, error) {
	l := newLoad(nil)
	src := l.source(name, []byte(text))
	if src == nil {
		return nil, join(l.faults)
	}
	const example = "max-withdraw: 20%"
	src.what, src.blank = "the guard", "write it as in a file, "+example
	root, fault := src.document()
	if fault != nil {
		return nil, fault
	}
	p := &parser{load: l, src: src}
	g := guardReader{parser: p, Policy: state.Unguarded()}
	p.plain(root)
	if p.each(root, "a guard", example, guardKeys(), g.alone) && len(l.faults) == 0 && g.Digest() == state.Unguarded().Digest() {
		p.faultAt(root, "this refuses nothing, and what is refused elsewhere stays so", "a guard by itself makes stricter; what is to be lifted, the file says")
	}
	if err := join(l.faults); err != nil {
		return nil, err
	}
	return g.Policy, nil
}

// alone reads a key that stands by itself: it may refuse something, and lift nothing.
func (g *guardReader) alone(at, n *yaml.Node) {
	switch at.Value {
	case "allow":
		g.faultAt(at, "allow lifts guards, and can only stand in the file", "write it there: guard: { allow: [private] }")
	case "override":
		g.faultAt(at, "override lifts guards, and can only stand in the file", "write it there, or give it to apply: --override RULES@DIGEST")
	case "flap":
		if n.Kind == yaml.MappingNode { // what it does not say is as it is in a file
			g.Flap = state.DefaultPolicy().Flap
		}
		g.key(at, n)
	default:
		g.key(at, n)
	}
}

// each gives f every key of a mapping, with its value; false if it is none, which is
// reported, as a key is that is not known.
func (p *parser) each(n *yaml.Node, what, example string, known []string, f func(key, value *yaml.Node)) bool {
	switch {
	case n.Kind == yaml.AliasNode:
		return false
	case isNull(n), n.Kind == yaml.MappingNode && len(n.Content) == 0:
		p.faultAt(n, what+" has no value", "leave it out, or write "+example)
		return false
	case n.Kind != yaml.MappingNode:
		p.faultAt(n, fmt.Sprintf("%s must be a mapping, not a %s", what, kindWord(n)), "write "+example)
		return false
	}
	for key, value := range p.pairs(n) {
		if known != nil && !slices.Contains(known, key.Value) {
			p.unknown(key, what, known)
			continue
		}
		if value.Kind != yaml.AliasNode { // reported already
			f(key, value)
		}
	}
	return true
}

// guardReader reads into a policy.
type guardReader struct {
	*parser
	*state.Policy
}

func (g *guardReader) key(at, n *yaml.Node) {
	switch key := at.Value; key {
	case "max-withdraw":
		g.limit(&g.MaxWithdraw, key, n)
	case "max-withdraw-space":
		g.space(n)
	case "min-routes":
		g.count(&g.MinRoutes, key, n)
	case "max-routes":
		g.count(&g.MaxRoutes, key, n)
	case "tags":
		g.tags(n)
	case "peers":
		g.peers(n)
	case "protect":
		g.Protect = g.ranges(key, n)
	case "never":
		g.Never = g.ranges(key, n)
	case "allow":
		g.allow(n)
	case "prefix-length":
		g.each(n, key, "prefix-length: { ipv4: 8-24, ipv6: 16-48 }", lengthsKeys(), g.lengths)
	case "next-hops":
		g.nextHops(n)
	case "communities":
		g.communities(n)
	case "rpki":
		g.RPKI.Invalid = state.Refuse
		g.each(n, key, "rpki: { vrps: vrps.json, invalid: refuse }", rpkiKeys(), g.rpki)
		if g.RPKI.VRPs == "" && n.Kind == yaml.MappingNode && keyOf(n, "vrps") == nil {
			g.faultAt(n, "rpki has no vrps", "give it the file that rpki-client or routinator writes, vrps: vrps.json")
		}
	case "flap":
		g.flap(n)
	case "override":
		g.overrides(n)
	}
}

// ranges reads a list of prefixes.
func (g *guardReader) ranges(what string, n *yaml.Node) []netip.Prefix {
	items, ok := g.list(n, what, "a list, [203.0.113.0/24]")
	if !ok {
		return nil
	}
	var all []netip.Prefix
	g.words(items, "prefix", func(word string) error {
		prefix, err := state.ParsePrefix(word)
		if err == nil && slices.Contains(all, prefix) {
			return &state.Fault{Msg: fmt.Sprintf("prefix %s is listed twice", prefix)}
		}
		all = append(all, prefix)
		return err
	})
	slices.SortFunc(all, netip.Prefix.Compare)
	return all
}

func (g *guardReader) allow(n *yaml.Node) {
	names := state.ReservedNames()
	items, ok := g.list(n, "allow", "a list of names, [private]")
	if !ok {
		return
	}
	g.Allow, _ = g.words(items, "name", func(word string) error {
		if slices.Contains(names, word) {
			return nil
		}
		f := &state.Fault{Msg: fmt.Sprintf("%q is no name of prefixes that are not announced", word), Hint: "they are " + strings.Join(names, ", ")}
		if meant := suggest(word, names); meant != "" {
			f.Hint = "did you mean " + meant + "?"
		}
		return f
	})
	slices.Sort(g.Allow)
}

func (g *guardReader) lengths(key, n *yaml.Node) {
	to, most := &g.Lengths4, 32
	if key.Value == "ipv6" {
		to, most = &g.Lengths6, 128
	}
	text, ok := g.text(n, "prefix-length")
	if !ok {
		return
	}
	from, upTo, _ := strings.Cut(text, "-")
	low, err1 := strconv.Atoi(from)
	high, err2 := strconv.Atoi(upTo)
	if err1 != nil || err2 != nil || low > high || high > most || fmt.Sprintf("%d-%d", low, high) != text {
		g.faultAt(n, fmt.Sprintf("prefix-length %q is not a range in 0-%d", text, most), fmt.Sprintf("write it as 8-%d", most))
		return
	}
	*to = state.Lengths{Min: low, Max: high}
}

func (g *guardReader) nextHops(n *yaml.Node) {
	items, ok := g.list(n, "next-hops", "a list, [192.0.2.0/24, self]")
	if !ok {
		return
	}
	hops := &state.NextHops{}
	g.words(items, "next hop", func(word string) error {
		if word == "self" {
			hops.Self = true
			return nil
		}
		if a, err := netip.ParseAddr(word); err == nil && a.Zone() == "" && !a.Is4In6() {
			hops.Prefixes = append(hops.Prefixes, netip.PrefixFrom(a, a.BitLen()))
			return nil
		}
		prefix, err := state.ParsePrefix(word)
		hops.Prefixes = append(hops.Prefixes, prefix)
		return err
	})
	slices.SortFunc(hops.Prefixes, netip.Prefix.Compare)
	g.NextHops = hops
}

func (g *guardReader) communities(n *yaml.Node) {
	items, ok := g.list(n, "communities", `a list, ["65000:*", no-export]`)
	if !ok {
		return
	}
	g.Communities = []state.CommunityPattern{}
	g.words(items, "community", func(word string) error {
		c, err := state.ParseCommunityPattern(word)
		g.Communities = append(g.Communities, c)
		return err
	})
	slices.Sort(g.Communities)
}

func (g *guardReader) rpki(at, n *yaml.Node) {
	key := at.Value
	text, ok := g.text(n, key)
	if !ok {
		return
	}
	if key == "vrps" {
		g.RPKI.VRPs, g.RPKI.Path = text, g.resolve(text)
		return
	}
	if key == "max-age" {
		d, err := time.ParseDuration(text)
		if err != nil || d < time.Minute || d > maxVRPAge || d%time.Second != 0 {
			g.faultAt(n, fmt.Sprintf("max-age %q is not a time in 1m..720h, in whole seconds", text), "write it as 24h")
			return
		}
		g.RPKI.MaxAge = d.Milliseconds()
		return
	}
	to := &g.RPKI.Invalid
	if key == "not-found" {
		to = &g.RPKI.NotFound
	}
	switch text {
	case "allow":
		*to = state.Allow
	case string(state.Warn), string(state.Refuse):
		*to = state.Action(text)
	default:
		g.faultAt(n, fmt.Sprintf("%s is refuse, warn or allow, not %q", key, text), "")
	}
}

func (g *guardReader) flap(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && n.Value == "off" {
		g.Flap = state.Flap{}
		return
	}
	g.each(n, "flap", "flap: { changes: 6, within: 15m }, or flap: off", flapKeys(), func(at, n *yaml.Node) {
		key := at.Value
		if key == "changes" {
			g.count(&g.Flap.Changes, key, n)
			return
		}
		text, ok := g.text(n, key)
		if !ok {
			return
		}
		d, err := time.ParseDuration(text)
		if err != nil || d < time.Second || d > maxFlap || d%time.Second != 0 {
			g.faultAt(n, fmt.Sprintf("within %q is not a time in 1s..24h, in whole seconds", text), "write it as 15m")
			return
		}
		g.Flap.Within = d.Milliseconds()
	})
}

const (
	// maxFlap is how long a change is remembered at most.
	maxFlap = 24 * time.Hour
	// maxVRPAge is more than any validator may be off for: VRPs of a month ago are
	// those of another Internet.
	maxVRPAge = 30 * 24 * time.Hour
)

func (g *guardReader) overrides(n *yaml.Node) {
	items, ok := g.list(n, "override", "a list, [withdraw@9b1d2c3f4a5b], as the refusal has it")
	if !ok {
		return
	}
	g.words(items, "override", func(word string) error {
		o, err := state.ParseOverride(word)
		if f, bad := err.(*state.Fault); bad { // a comma ends an item that is not in quotes
			f.Hint = `write it as the refusal has it, in quotes: ["withdraw,withdraw-space@9b1d2c3f4a5b"]`
		}
		g.Overrides = append(g.Overrides, o)
		return err
	})
}
