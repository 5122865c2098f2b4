package routefile

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"routesync/state"
)

const thenExample = "{ rate-limit: 9600 }"

// flowThen reads the actions of a flow: a mapping, or a list of words and
// mappings.
func (p *parser) flowThen(f *rawFlow) {
	n := f.then
	if n == nil || n.Kind == yaml.AliasNode {
		return
	}
	before := len(p.faults)
	rates := map[string]int{} // what is said of the rate, and in which line
	if n.Kind == yaml.SequenceNode {
		items, _ := p.list(n, "then", "then: "+thenExample)
		for _, item := range items {
			switch item.Kind {
			case yaml.ScalarNode:
				p.actionWords(f, item, rates)
			default:
				p.actions(f, item, rates)
			}
		}
	} else {
		p.actions(f, n, rates)
	}
	f.bad = f.bad || len(p.faults) > before
}

// actions reads a mapping of actions.
func (p *parser) actions(f *rawFlow, n *yaml.Node, rates map[string]int) {
	if !p.mapping(n, "then", thenExample) {
		return
	}
	for key, value := range p.pairs(n) {
		name := key.Value
		if !p.isAction(key, name) {
			continue
		}
		if isFlagAction(name) {
			text, ok := p.text(value, name)
			if ok && text != "true" {
				p.faultAt(value, fmt.Sprintf("%s is true or is left out, not %q", name, text), "")
			}
			if ok && text == "true" {
				p.action(f, key, name, nil, rates)
			}
			continue
		}
		if values, ok := p.operands(value, name); ok {
			p.action(f, value, name, values, rates)
		}
	}
}

// actionWords reads an action in exaBGP's words, "rate-limit 9600".
func (p *parser) actionWords(f *rawFlow, n *yaml.Node, rates map[string]int) {
	text, ok := p.text(n, "an item of then")
	if !ok {
		return
	}
	words := strings.Fields(text)
	if len(words) > 0 && p.isAction(n, words[0]) {
		p.action(f, n, words[0], words[1:], rates)
	}
}

func isFlagAction(name string) bool {
	return slices.Contains([]string{"accept", "discard", "redirect-to-nexthop"}, name)
}

// isAction reports a name that is no action.
func (p *parser) isAction(n *yaml.Node, name string) bool {
	if slices.Contains(state.FlowActionNames(), name) {
		return true
	}
	hint := ""
	if meant := suggest(name, state.FlowActionNames()); meant != "" {
		hint = "did you mean " + meant + "?"
	}
	p.faultAt(n, fmt.Sprintf("%q is no action of a flow", name), hint)
	return false
}

// action adds what one action stands for.
func (p *parser) action(f *rawFlow, n *yaml.Node, name string, values []string, rates map[string]int) {
	attr, canonical, err := state.FlowAction(name, values)
	if err != nil {
		p.faultErr(n, err)
		return
	}
	if slices.Contains([]string{"accept", "discard", "rate-limit"}, name) {
		for other, line := range rates {
			p.faultAt(n, fmt.Sprintf("%s contradicts %s in line %d", name, other, line), "keep one of them")
			return
		}
		rates[name] = n.Line
	}
	if attr != "" {
		f.values[attr] = append(f.values[attr], canonical...)
	}
	if hop, named := state.FlowNextHop(name, values); named {
		p.flowHop(f, n, hop.String())
	}
}

// flowHop notes the next hop of a flow, which can have one.
func (p *parser) flowHop(f *rawFlow, n *yaml.Node, hop string) {
	if given, there := f.values[state.NextHop]; there && given[0] != hop {
		p.faultAt(n, fmt.Sprintf("%s is another next hop than %s", hop, given[0]), "a flow has one")
		f.bad = true
		return
	}
	f.values[state.NextHop] = []string{hop}
}
