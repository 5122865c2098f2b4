package routefile

import (
	"strings"

	"gopkg.in/yaml.v3"
)

// Heading is for whom a file speaks and where it applies, as far as a file that
// has faults can still tell; "" and nil if it can't. Nothing may be concluded from
// it about the routes.
func Heading(name string, data []byte) (owner string, speakers []string) {
	l := newLoad(nil)
	src := newSource(name, headingLines(data))
	root, fault := src.document()
	if fault != nil || root.Kind != yaml.MappingNode {
		return "", nil
	}
	p := &parser{load: l, src: src, scope: newScope(), chain: []string{name}}
	p.plain(root)
	for key, value := range p.pairs(root) {
		switch key.Value {
		case "owner":
			p.readOwner(value)
		case "speakers":
			p.readSpeakers(value)
		}
	}
	if len(l.faults) > 0 || l.header.Owner == "" || len(l.header.Speakers) == 0 {
		return "", nil
	}
	return l.header.Owner, l.header.Speakers
}

// headingLines are the lines of the two keys, so that what is wrong behind or
// between them is no fault of theirs. A last line without an end may be cut.
func headingLines(data []byte) []byte {
	var b strings.Builder
	within := false
	for line := range strings.Lines(string(data)) {
		if c := line[0]; c != ' ' && c != '-' && c != '#' && c != '\n' && c != '\r' {
			within = strings.HasPrefix(line, "owner:") || strings.HasPrefix(line, "speakers:")
		}
		if within && strings.HasSuffix(line, "\n") {
			b.WriteString(line)
		}
	}
	return []byte(b.String())
}
