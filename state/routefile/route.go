package routefile

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"

	"routesync/state"
)

func routeKeys() []string {
	return []string{"prefix", "prefixes", "path-information", "peers", "tags", "comment"}
}

// unsupported says why keywords of exaBGP are none of this format.
func unsupported(key string) (why, hint string, is bool) {
	switch key {
	case "name":
		return "free text is not passed to exaBGP", "use comment or tags", true
	case "watchdog":
		return "exaBGP would announce and withdraw the route by itself", "take the route out of the file to withdraw it", true
	case "split":
		return "it makes routes that no line of the file names", "list them under prefixes", true
	case "withdraw":
		return "a route that is not in the file is withdrawn", "take the route out of the file", true
	case "rd", "route-distinguisher", "label":
		return "version 1 has unicast routes only", "", true
	}
	return "", "", false
}

// rawRoute is what the keys of one route say, before it is put together.
type rawRoute struct {
	node     *yaml.Node
	single   *yaml.Node   // the prefix
	prefixes []*yaml.Node // the prefixes, or the one
	pathID   uint32
	peers    state.Peers
	tags     []string
	comment  string
	own      []setting
	hop      *setting // the next hop among own
	// What could not be read, and was reported: nothing may be concluded from
	// its absence.
	badKey, badAttrs, badPeers, badHop bool
}

// readRoutes reads the list of routes and puts it in order.
func (p *parser) readRoutes(n *yaml.Node) []state.Wanted {
	switch {
	case n.Kind == yaml.AliasNode:
		return nil
	case isNull(n):
		p.faultAt(n, "routes has no value", "an empty set is written routes: []")
		return nil
	case n.Kind != yaml.SequenceNode:
		p.faultAt(n, fmt.Sprintf("routes must be a list, not a %s", kindWord(n)), `each route starts with "- prefix: "; an empty set is written routes: []`)
		return nil
	}
	p.routes = make([]state.Wanted, 0, len(n.Content))
	var own []setting // one slice for all: a route is done with it when it is built
	for _, item := range n.Content {
		r := rawRoute{node: item, peers: p.defaults.peers, tags: p.defaults.tags, badPeers: p.defaults.badPeers, own: own[:0]}
		if p.readRoute(&r) {
			p.build(&r)
		}
		own = r.own
	}
	return p.ordered()
}

// readRoute reads the keys of one route; false if it has none.
func (p *parser) readRoute(r *rawRoute) bool {
	n := r.node
	switch {
	case n.Kind == yaml.AliasNode:
		return false
	case isNull(n):
		p.faultAt(n, "a route has no value", "write - prefix: 192.0.2.0/24")
		return false
	case n.Kind == yaml.ScalarNode:
		p.faultAt(n, "a route must be a mapping, not a single value", "write - prefix: "+n.Value)
		return false
	case n.Kind != yaml.MappingNode:
		p.faultAt(n, "a route must be a mapping, not a list", "write - prefix: 192.0.2.0/24")
		return false
	}
	var first *yaml.Node
	for key, value := range p.pairs(n) {
		if key.Value == "prefix" || key.Value == "prefixes" {
			if first != nil {
				p.faultAt(key, fmt.Sprintf("a route has prefix or prefixes, not both; %s is in line %d", first.Value, first.Line), "")
				continue
			}
			first = key
		}
		p.routeKey(r, key, value)
	}
	if first == nil {
		p.faultAt(n, "a route has no prefix", "give it prefix: 192.0.2.0/24, or prefixes with a list")
	}
	return true
}

// routeKey reads one key of a route.
func (p *parser) routeKey(r *rawRoute, key, n *yaml.Node) {
	switch key.Value {
	case "prefix":
		if n.Kind == yaml.SequenceNode {
			p.faultAt(n, "prefix takes one value, not a list", "use prefixes for several")
			return
		}
		r.single, r.prefixes = n, []*yaml.Node{n}
	case "prefixes":
		r.prefixes, _ = p.list(n, "prefixes", "a list, [192.0.2.0/24, 198.51.100.0/24]")
	case "path-information":
		text, ok := p.text(n, "path-information")
		if ok {
			var err error
			if r.pathID, err = state.ParsePathID(text); err != nil {
				p.faultErr(n, err)
				ok = false
			}
		}
		r.badKey = !ok
	case "peers":
		peers, ok := p.readPeers(n)
		r.peers, r.badPeers = peers, !ok
	case "tags":
		r.tags = p.readTags(n)
	case "comment":
		r.comment = p.readComment(n)
	default:
		p.routeAttr(r, key, n)
	}
}

// routeAttr reads a key of a route that must be an attribute.
func (p *parser) routeAttr(r *rawRoute, key, n *yaml.Node) {
	name, ok := p.attrName(key, "a route")
	if !ok {
		return
	}
	var s setting
	if isNull(n) && n.Value != "" {
		s, ok = setting{name: name, key: key, node: n, removed: true}, p.defaults.has(name)
		if !ok {
			p.faultAt(n, fmt.Sprintf("%s removes a default, and there is none for %s", n.Value, name), "leave it out")
		}
	} else if isNull(n) {
		hint := ""
		if p.defaults.has(name) {
			hint = "to remove the default, write ~"
		}
		p.faultAt(n, fmt.Sprintf("%s has no value", name), hint)
		ok = false
	} else {
		s, ok = p.setting(name, key, n)
	}
	if !ok {
		r.badAttrs = true
		r.badHop = r.badHop || name == state.NextHop
		return
	}
	r.own = append(r.own, s)
}

// attrName is the attribute that a key names; false, with a fault, if it names
// none.
func (p *parser) attrName(key *yaml.Node, place string) (state.Name, bool) {
	if name, ok := p.names[key.Value]; ok {
		return name, true
	}
	if why, hint, is := unsupported(key.Value); is {
		p.faultAt(key, fmt.Sprintf("%s is not part of the format: %s", key.Value, why), hint)
		return "", false
	}
	for _, k := range fileKeys() {
		if k == key.Value {
			p.faultAt(key, fmt.Sprintf("%s can't stand in %s", k, place), "it stands at the top of the file; check the indentation")
			return "", false
		}
	}
	known := p.known
	if place == "defaults" {
		known = known[:len(known)-len(routeKeys())]
		known = append(known[:len(known):len(known)], "peers", "tags")
	}
	p.unknown(key, place, known)
	return "", false
}

func (p *parser) readPeers(n *yaml.Node) (state.Peers, bool) {
	items, ok := p.list(n, "peers", "a list of addresses, [192.0.2.1]; for every peer, leave peers out")
	if !ok {
		return "", false
	}
	var addrs []netip.Addr
	lines := map[netip.Addr]bool{}
	_, good := p.words(items, "peer", func(word string) error {
		a, err := state.ParsePeer(word)
		if err == nil && lines[a] {
			return &state.Fault{Msg: fmt.Sprintf("peer %s is listed twice", a)}
		}
		lines[a] = true
		addrs = append(addrs, a)
		return err
	})
	return state.NewPeers(addrs), good
}

func (p *parser) readTags(n *yaml.Node) []string {
	if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		return nil // on a route: none of the defaults'
	}
	items, ok := p.list(n, "tags", "a list of words, [ddos]")
	if !ok {
		return nil
	}
	tags, _ := p.words(items, "tag", func(word string) error {
		for _, c := range word {
			if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-", c) {
				return &state.Fault{Msg: fmt.Sprintf("tag %q is no word", word), Hint: "a tag has only A-Z a-z 0-9 . _ : -"}
			}
		}
		return nil
	})
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
