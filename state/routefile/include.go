package routefile

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// readInclude reads the files that this one includes. n may be nil.
func (p *parser) readInclude(n *yaml.Node) {
	if n == nil {
		return
	}
	items, ok := p.list(n, "include", "a list of files, [customers/*.yaml]")
	if !ok {
		return
	}
	for _, item := range items {
		text, ok := p.text(item, "an item of include")
		switch {
		case !ok:
		case isPattern(text):
			p.includeAll(item, p.resolve(text))
		default:
			p.include(item, p.resolve(text))
		}
	}
}

func isPattern(name string) bool { return strings.ContainsAny(name, "*?[") }

// includeAll includes what matches a pattern. That it is nothing is no fault:
// the directory of a customer may be empty.
func (p *parser) includeAll(n *yaml.Node, pattern string) {
	if _, err := path.Match(pattern, ""); err != nil {
		p.faultAt(n, fmt.Sprintf("%q is not a pattern", n.Value), "* is any text, ? any character, [a-z] one of these")
		return
	}
	if p.files == nil {
		p.faultAt(n, "other files can't be read here", "")
		return
	}
	names, err := p.files.Glob(pattern)
	if err != nil {
		p.unread(n, path.Dir(pattern), err)
		return
	}
	for _, name := range names {
		p.include(n, name)
	}
}

// include reads a file that a node names.
func (p *parser) include(n *yaml.Node, name string) {
	if i := slices.Index(p.chain, name); i >= 0 {
		p.faultAt(n, "the files include each other: "+strings.Join(append(p.chain[i:len(p.chain):len(p.chain)], name), ", "),
			"a file can't include itself, nor one that includes it")
		return
	}
	if at, there := p.includes[name]; there {
		p.faultAt(n, fmt.Sprintf("%s is included twice; the first is in %s", name, p.line(at)), "include it once: its routes can be there once")
		return
	}
	p.includes[name] = p.position(n)
	if len(p.chain) == maxDepth {
		p.faultAt(n, fmt.Sprintf("%s is included through %d files; %d are the limit", name, len(p.chain), maxDepth), "")
		return
	}
	if data, ok := p.fetch(n, name); ok {
		p.read(name, data, p.scope, p.chain)
	}
}
