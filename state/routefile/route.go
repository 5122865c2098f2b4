package routefile

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"routesync/state"
)

// ownKeys are what is a route's own: no defaults have it.
func ownKeys() []string {
	return []string{"prefix", "prefixes", "prefixes-from", "rd", "path-information", "comment", "starts", "expires", "lease"}
}

func routeKeys() []string { return append(ownKeys(), "peers", "tags") }

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
	}
	return "", "", false
}

// rawRoute is what the keys of one route say, before it is put together.
type rawRoute struct {
	about
	single   *yaml.Node   // the prefix
	prefixes []*yaml.Node // the prefixes, or the one
	listed   *prefixList  // the prefixes of another file
	from     *yaml.Node   // that names it
	keyForm
	own []setting
	hop *setting // the next hop among own
	// What could not be read, and was reported: nothing may be concluded from
	// its absence.
	badKey, badAttrs, badHop bool
}

// readRoutes reads a list of routes. n may be nil.
func (p *parser) readRoutes(s *scope, n *yaml.Node) {
	switch {
	case n == nil || n.Kind == yaml.AliasNode:
		return
	case isNull(n):
		p.faultAt(n, "routes has no value", "an empty set is written routes: []")
		return
	case n.Kind != yaml.SequenceNode:
		p.faultAt(n, fmt.Sprintf("routes must be a list, not a %s", kindWord(n)), `each route starts with "- prefix: "; an empty set is written routes: []`)
		return
	}
	p.routes = slices.Grow(p.routes, len(n.Content))
	var own []setting // one slice for all: a route is done with it when it is built
	for _, item := range n.Content {
		if p.plainItems(s, item) {
			continue
		}
		r := rawRoute{about: newAbout(s, item), own: own[:0]}
		if p.readRoute(&r) {
			p.build(&r)
		}
		own = r.own
	}
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
		if key.Value == "prefix" || key.Value == "prefixes" || key.Value == "prefixes-from" {
			if first != nil {
				p.faultAt(key, fmt.Sprintf("a route has %s, not both; %s is in line %d", eitherOf(key, first), first.Value, first.Line), "")
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

// eitherOf names two of the keys that say what a route is.
func eitherOf(a, b *yaml.Node) string {
	words := []string{a.Value, b.Value}
	slices.Sort(words)
	return strings.Join(words, " or ")
}

// routeKey reads one key of a route.
func (p *parser) routeKey(r *rawRoute, key, n *yaml.Node) {
	if p.aboutKey(&r.about, key, n) {
		return
	}
	switch key.Value {
	case "prefix":
		if n.Kind == yaml.SequenceNode {
			p.faultAt(n, "prefix takes one value, not a list", "use prefixes for several")
			return
		}
		r.single, r.prefixes = n, []*yaml.Node{n}
	case "prefixes":
		r.prefixes, _ = p.list(n, "prefixes", "a list, [192.0.2.0/24, 198.51.100.0/24]")
	case "prefixes-from":
		r.listed, r.from = p.prefixList(n), n
	case "rd":
		rd, ok := p.readRD(n)
		r.rd, r.badKey = rd, r.badKey || !ok
	case "path-information":
		text, ok := p.text(n, "path-information")
		if ok {
			var err error
			if r.pathID, err = state.ParsePathID(text); err != nil {
				p.faultErr(n, err)
				ok = false
			}
		}
		r.badKey = r.badKey || !ok
	default:
		p.routeAttr(r, key, n, "a route")
	}
}

// routeAttr reads a key of a route, or of what place is, that must be an
// attribute.
func (p *parser) routeAttr(r *rawRoute, key, n *yaml.Node, place string) {
	name, ok := p.attrName(key, place)
	if !ok {
		return
	}
	r.labelled = r.labelled || name == state.Label
	var s setting
	if isNull(n) && n.Value != "" {
		s, ok = setting{name: name, key: key, node: n, removed: true}, r.scope.has(name)
		if !ok {
			p.faultAt(n, fmt.Sprintf("%s removes a default, and there is none for %s", n.Value, name), "leave it out")
		}
	} else if isNull(n) {
		hint := ""
		if r.scope.has(name) {
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
		if name == state.Label && place != "a route" {
			p.faultAt(key, "label can't stand in "+place, "it is a route's own; put it in the route")
			return "", false
		}
		return name, true
	}
	if why, hint, is := unsupported(key.Value); is {
		p.faultAt(key, fmt.Sprintf("%s is not part of the format: %s", key.Value, why), hint)
		return "", false
	}
	if place == "a route" && (key.Value == "match" || key.Value == "then") {
		p.faultAt(key, key.Value+" can't stand in a route", "a flow stands under flows")
		return "", false
	}
	for _, k := range fileKeys() {
		if k == key.Value {
			p.faultAt(key, fmt.Sprintf("%s can't stand in %s", k, place), "it stands at the top of the file; check the indentation")
			return "", false
		}
	}
	known := p.known
	switch attrs := len(known) - len(routeKeys()) - 1; place {
	case "defaults":
		known = append(known[:attrs:attrs], "peers", "tags")
	case "a vpls":
		known = append(append(known[:attrs:attrs], vplsKeys()...), aboutKeys()...)
	}
	p.unknown(key, place, known)
	return "", false
}
