package routefile

import (
	"errors"
	"fmt"
	"io/fs"
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
			p.includeAll(item, p.pattern(text))
		default:
			p.include(item, p.resolve(text))
		}
	}
}

// pattern is a pattern that this file has, with the directory that it is
// relative to. What is in the name of that means itself.
func (p *parser) pattern(text string) string {
	if path.IsAbs(text) {
		return path.Clean(text)
	}
	means := strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`)
	return path.Join(means.Replace(path.Dir(p.src.name)), text)
}

func isPattern(name string) bool { return strings.ContainsAny(name, "*?[") }

// includeAll includes what matches a pattern. That it is nothing is a fault: a
// pattern with a slip of the pen in it, a file system that is not mounted and a
// checkout under way look like this, and would withdraw all routes of the files.
func (p *parser) includeAll(n *yaml.Node, pattern string) {
	if _, err := path.Match(pattern, ""); err != nil {
		p.faultAt(n, fmt.Sprintf("%q is not a pattern", n.Value), "* is any text, ? any character, [a-z] one of these")
		return
	}
	if slices.Contains(strings.Split(n.Value, "/"), "**") {
		p.faultAt(n, "** does not reach into directories of directories", "write one * for each, as in customers/*/*.yaml")
		return
	}
	if p.files == nil {
		p.faultAt(n, "other files can't be read here", "")
		return
	}
	names, err := p.files.Glob(pattern)
	if err != nil {
		where := path.Dir(p.resolve(n.Value))
		if at := (*fs.PathError)(nil); errors.As(err, &at) {
			where = at.Path
		}
		p.unread(n, where, err)
		return
	}
	if len(names) == 0 {
		p.faultAt(n, fmt.Sprintf("no file matches %s", p.resolve(n.Value)), "where there is to be none, put a file with version: 1 and routes: [] there")
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
