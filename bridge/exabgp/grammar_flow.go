package exabgp

import (
	"slices"
	"strings"

	"routesync/state"
)

// flowRule is a statement of FlowSpec, in its words.
type flowRule struct {
	settings *settings // rd, next-hop and the attributes that an action can be
	matches  []flowPart
	actions  []flowPart
}

// flowPart is a component of the match, or an action, with its values.
type flowPart struct {
	name   word
	values []word
}

// flowMatches are the components (configuration/flow/match.py).
func flowMatches() []string {
	return []string{
		"source", "source-ipv4", "source-ipv6", "destination", "destination-ipv4", "destination-ipv6",
		"protocol", "next-header", "port", "destination-port", "source-port", "icmp-type", "icmp-code", "tcp-flags",
		"packet-length", "dscp", "traffic-class", "fragment", "flow-label",
	}
}

// flowActions are the actions (configuration/flow/then.py). The
// attributes among them are read as a route's.
func flowActions() []string {
	return []string{
		"accept", "discard", "rate-limit", "redirect", "redirect-to-nexthop", "redirect-to-nexthop-ietf", "copy", "mark", "action",
	}
}

func flowAttributes() []string { return []string{"community", "large-community", "extended-community"} }

// flow reads "route MATCH ... ACTION ..." or "route { match { ... } then { ... } }".
func (p *parser) flow(first word) {
	if !first.is("route") {
		p.fault(first, quoted(first.text)+" begins no flow", "write flow route")
		p.next++
		p.skip(func(w word) bool { return w.mark == ';' })
		return
	}
	p.next++
	r := &flowRule{settings: newSettings()}
	p.blockName()
	if p.mark('{') {
		p.block(p.flowBlock(r))
	} else {
		p.inline(keywords{
			close: p.closing(),
			left:  func() []string { return append(p.flowLeft(r, flowMatches()), p.flowLeft(r, flowThen())...) },
			read: func(w word) bool {
				if w.is("rd", "route-distinguisher", "next-hop") { // exaBGP does not answer at all
					p.fault(w, w.text+" needs the form with blocks", "write flow route { "+w.text+" ...; match { ... } then { ... } }")
					p.next++
					p.value("")
					return true
				}
				return p.flowMatch(r, w) || p.flowAction(r, w) || p.interfaceSet(r, w)
			},
		})
	}
	p.addFlow(first, r)
}

// blockName goes past the name that a block can have, which means nothing.
func (p *parser) blockName() {
	if p.next+1 >= len(p.words) || p.words[p.next].mark != 0 || p.words[p.next+1].mark != '{' {
		return
	}
	w := p.words[p.next]
	p.next++
	if slices.ContainsFunc(foreignCommands(), func(c string) bool { return strings.HasSuffix(w.text, c) }) {
		// It runs a command whose name and a blank are anywhere in the line
		// (reactor/api/__init__.py, text).
		p.fault(w, quoted(w.text)+" is a command to exaBGP wherever it stands", "leave the name out")
	}
}

func flowThen() []string { return append(flowActions(), flowAttributes()...) }

func (p *parser) flowBlock(r *flowRule) keywords {
	inner := func(words []string, read func(w word) bool) {
		p.next++
		kw := p.before()
		if !p.mark('{') {
			p.fault(kw, kw.text+" is not followed by {", "")
			r.settings.bad = true
			p.skip(func(w word) bool { return w.mark == ';' || w.mark == '}' })
			return
		}
		p.block(keywords{left: func() []string { return p.flowLeft(r, words) }, read: read})
	}
	return keywords{
		left: func() []string { return p.flowLeft(r, []string{"match", "then", "rd", "next-hop"}) },
		read: func(w word) bool {
			switch {
			case w.is("match"):
				inner(flowMatches(), func(w word) bool { return p.flowMatch(r, w) })
			case w.is("then"):
				inner(flowThen(), func(w word) bool { return p.flowAction(r, w) })
			case w.is("scope"):
				inner(nil, func(w word) bool { return p.interfaceSet(r, w) })
			case w.is("rd", "route-distinguisher", "next-hop"):
				return p.setting(r.settings, w)
			default:
				return false
			}
			return true
		},
	}
}

// flowMatch reads a component and its values; false if w is none.
func (p *parser) flowMatch(r *flowRule, w word) bool {
	if !w.is(flowMatches()...) {
		return false
	}
	p.next++
	fresh := p.once(r.settings, w.text, w)
	what := "flow value"
	if slices.Contains(flowMatches()[:6], w.text) {
		what = "prefix"
	}
	if part := p.flowPart(r, w, what); fresh {
		r.matches = append(r.matches, part)
	}
	return true
}

// flowAction reads an action and its values; false if w is none.
func (p *parser) flowAction(r *flowRule, w word) bool {
	if w.is(flowAttributes()...) {
		return p.setting(r.settings, w)
	}
	if !w.is(flowActions()...) {
		return false
	}
	p.next++
	p.once(r.settings, w.text, w)
	part := flowPart{name: w}
	if !w.is("accept", "discard", "redirect-to-nexthop") {
		part = p.flowPart(r, w, w.text)
	}
	r.actions = append(r.actions, part)
	return true
}

// interfaceSet refuses what exaBGP puts in a block scope; false if w is not
// that. It prints different ones alike (attribute/community/extended/flowspec_scope.py),
// and what it prints is how it knows that a route has changed.
func (p *parser) interfaceSet(r *flowRule, w word) bool {
	if !w.is("interface-set") {
		return false
	}
	p.next++
	p.fault(w, "interface-set can't be announced: exaBGP 4.2 does not tell one from the other", "")
	p.flowPart(r, w, "")
	return true
}

func (p *parser) flowPart(r *flowRule, kw word, what string) flowPart {
	part := flowPart{name: kw}
	good := p.list(kw, what, nil, func(w word) bool {
		if w.mark != 0 {
			p.fault(w, "a "+w.text+" between the values of "+kw.text, "")
			return false
		}
		part.values = append(part.values, w)
		return true
	})
	r.settings.bad = r.settings.bad || !good
	part.name.bad = !good
	return part
}

func (p *parser) flowLeft(r *flowRule, words []string) []string {
	return slices.DeleteFunc(slices.Clone(words), func(name string) bool {
		_, there := r.settings.given[name]
		return there
	})
}

func (f flowPart) texts() []string {
	texts := make([]string, len(f.values))
	for i, w := range f.values {
		texts[i] = w.text
	}
	return texts
}

// prefixes are the values of a component that is a prefix.
func (f flowPart) prefixes() []word {
	if slices.Contains(flowMatches()[:6], f.name.text) {
		return f.values
	}
	return nil
}

// culprit is the first value that is at fault by itself, beside the components
// that are good, or the name.
func (f flowPart) culprit(rd string, good []state.Component) word {
	for _, w := range f.values {
		c := state.Component{Name: f.name.text, Values: []string{w.text}}
		if _, err := state.FlowKey(rd, append(good, c)); err != nil {
			return w
		}
	}
	return f.name
}
