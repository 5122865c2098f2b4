package routefile

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"routesync/state"
)

// prefixList is a text file with a prefix on each line.
type prefixList struct {
	src      *source
	prefixes []listedPrefix
	plain    *sheet // instead of them, if the list was read the short way
}

type listedPrefix struct {
	prefix       netip.Prefix
	line, column int
}

// prefixList reads the file of prefixes that a node names, once; nil if there
// is a fault in it, which is reported.
func (p *parser) prefixList(n *yaml.Node) *prefixList {
	text, ok := p.text(n, "prefixes-from")
	if !ok {
		return nil
	}
	name := p.resolve(text)
	if list, there := p.lists[name]; there {
		return list
	}
	data, ok := p.fetch(n, name)
	if !ok {
		return nil
	}
	if _, there := p.sources[name]; there {
		p.faultAt(n, fmt.Sprintf("%s is a file of routes, not a list of prefixes", name), "")
		return nil
	}
	list := p.readList(name, data)
	p.lists[name] = list
	return list
}

func (l *load) readList(name string, data []byte) *prefixList {
	if plain := l.short.list(name, data); plain != nil {
		if !l.admit(&source{name: name}, len(data)) {
			return nil
		}
		return &prefixList{plain: plain}
	}
	src := l.source(name, data)
	if src == nil {
		return nil
	}
	before := len(l.faults)
	if strings.TrimSpace(src.text) == "" {
		// A list that was cut to nothing would withdraw all of it.
		l.faults = append(l.faults, src.fault(1, 1, 1, "the list is empty", "a list that is to have no prefix has a comment: # none"))
		return nil
	}
	list := &prefixList{src: src}
	lines := map[netip.Prefix]int{}
	for n := range src.starts {
		text, _, _ := strings.Cut(src.line(n+1), "#")
		word := strings.TrimSpace(text)
		if word == "" {
			continue
		}
		column := 1 + utf8.RuneCountInString(text[:strings.Index(text, word)])
		fault := func(msg, hint string) {
			l.faults = append(l.faults, src.fault(n+1, column, utf8.RuneCountInString(word), msg, hint))
		}
		if strings.ContainsAny(word, " \t,;") {
			fault(fmt.Sprintf("%q is not one prefix", word), "write one prefix a line; a comment begins with #")
			continue
		}
		prefix, err := state.ParsePrefix(word)
		if err != nil {
			hint := ""
			if f, ok := err.(*state.Fault); ok { // they come unwrapped
				hint = f.Hint
			}
			fault(err.Error(), hint)
			continue
		}
		if first, there := lines[prefix]; there {
			fault(fmt.Sprintf("%s is listed twice; the first is in line %d", prefix, first), "keep one of them")
			continue
		}
		lines[prefix] = n + 1
		list.prefixes = append(list.prefixes, listedPrefix{prefix, n + 1, column})
	}
	if f := src.unended(); f != nil {
		l.faults = append(l.faults, f)
	}
	if len(l.faults) > before {
		return nil
	}
	return list
}
