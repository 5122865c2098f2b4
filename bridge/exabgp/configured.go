package exabgp

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// ConfiguredRoute is a route that a configuration file announces to one of its
// neighbors.
type ConfiguredRoute struct {
	Route
	Neighbor netip.Addr
	Line     int
}

// ConfigFault is a statement of a configuration file that is about routes, and
// that can't be read as one.
type ConfigFault struct {
	Line      int
	Msg, Hint string
}

// ParseConfiguredRoutes reads the routes of a configuration file of exaBGP 4.2:
// those under static, flow, l2vpn and announce of its neighbors and of the
// templates that these inherit. Neighbors are in the order of the file.
func ParseConfiguredRoutes(text string) (neighbors []netip.Addr, routes []ConfiguredRoute, faults []ConfigFault) {
	c := &confReader{templates: map[string][]confStatement{}}
	file := c.read(text)
	for _, s := range file {
		if s.is("template") {
			for _, t := range s.block {
				if t.is("neighbor") && len(t.words) == 2 {
					c.templates[t.words[1].text] = t.block
				}
			}
		}
	}
	for _, s := range file {
		if s.is("neighbor") {
			c.neighbor(s)
		}
	}
	slices.SortStableFunc(c.faults, func(a, b ConfigFault) int { return a.Line - b.Line })
	return c.neighbors, c.routes, slices.Compact(c.faults)
}

// confReader reads a configuration file.
type confReader struct {
	bad       map[int]SyntaxErrors // by line; what is not about routes may be anything
	templates map[string][]confStatement
	neighbors []netip.Addr
	routes    []ConfiguredRoute
	faults    []ConfigFault

	at    netip.Addr                    // the neighbor being read
	first map[netip.Addr]map[string]int // what it has by its key, and in which line
}

// confStatement is "WORD ... ;", or "WORD ... { ... }".
type confStatement struct {
	words []word
	line  int
	last  int // its last line
	block []confStatement
	open  bool // it has a block
}

func (s confStatement) is(words ...string) bool { return len(s.words) > 0 && s.words[0].is(words...) }

func (c *confReader) fault(line int, msg, hint string) {
	c.faults = append(c.faults, ConfigFault{line, msg, hint})
}

// read cuts a file into statements.
func (c *confReader) read(text string) []confStatement {
	c.bad, c.first = map[int]SyntaxErrors{}, map[netip.Addr]map[string]int{}
	type level struct {
		done []confStatement
		open confStatement // whose block the next level is
	}
	levels := []level{{}}
	var now confStatement
	number := 0
	for line := range strings.Lines(text) {
		number++
		words, faults := lex(strings.TrimRight(line, "\r\n"))
		c.bad[number] = faults
		for _, w := range words {
			top := &levels[len(levels)-1]
			if len(now.words) == 0 {
				now.line = number
			}
			now.last = number
			switch w.mark {
			case ';':
				if len(now.words) > 0 {
					top.done = append(top.done, now)
				}
				now = confStatement{}
			case '{':
				now.open = true
				top.open = now
				levels, now = append(levels, level{}), confStatement{}
			case '}':
				if len(levels) == 1 {
					c.fault(number, "a } that closes nothing", "")
					continue
				}
				if len(now.words) > 0 {
					top.done = append(top.done, now)
				}
				outer := &levels[len(levels)-2]
				outer.open.block, outer.open.last = top.done, number
				outer.done = append(outer.done, outer.open)
				levels, now = levels[:len(levels)-1], confStatement{}
			default:
				now.words = append(now.words, w)
			}
		}
	}
	if len(levels) > 1 {
		c.fault(levels[0].open.line, "the { of this line is not closed", "")
	}
	return levels[0].done
}

// neighbor reads the routes of a neighbor.
func (c *confReader) neighbor(s confStatement) {
	if len(s.words) != 2 {
		c.fault(s.line, "neighbor is not followed by its address alone", "")
		return
	}
	addr, err := netip.ParseAddr(s.words[1].text)
	if err != nil {
		c.fault(s.line, fmt.Sprintf("neighbor %s is no address", quoted(s.words[1].text)), "routes for a range of peers can't be imported")
		return
	}
	c.at = addr
	if c.first[addr] == nil {
		c.neighbors, c.first[addr] = append(c.neighbors, addr), map[string]int{}
	}
	for _, inner := range s.block {
		if inner.is("inherit") {
			c.inherit(inner)
		}
	}
	c.sections(s.block)
}

func (c *confReader) inherit(s confStatement) {
	for _, w := range s.words[1:] {
		if w.mark != 0 {
			continue
		}
		template, ok := c.templates[w.text]
		if !ok {
			c.fault(s.line, fmt.Sprintf("template %s is not there", quoted(w.text)), "")
			continue
		}
		c.sections(template)
	}
}

// sections reads what announces routes. Everything else of a neighbor is about
// its session.
func (c *confReader) sections(block []confStatement) {
	for _, s := range block {
		switch {
		case s.is("static"):
			for _, r := range s.block {
				c.command(r, "announce "+r.text())
			}
		case s.is("flow"):
			for _, r := range s.block {
				c.command(r, "announce flow "+r.text())
			}
		case s.is("l2vpn"):
			for _, r := range s.block {
				c.vpls(r)
			}
		case s.is("announce"):
			for _, family := range s.block {
				c.announce(family)
			}
		}
	}
}

// announce reads "ipv4 { unicast PREFIX ...; }".
func (c *confReader) announce(family confStatement) {
	for _, r := range family.block {
		rest := confStatement{words: r.words[min(1, len(r.words)):], block: r.block, open: r.open}.text()
		switch {
		case family.is("l2vpn") && r.is("vpls"):
			c.vpls(r)
		case r.is("unicast", "nlri-mpls", "mpls-vpn"):
			c.command(r, "announce route "+rest)
		case r.is("flow", "flow-vpn"):
			c.command(r, "announce flow route "+rest)
		default:
			c.fault(r.line, quoted(r.text())+" can't be imported", "routesync announces no such route")
		}
	}
}

// vpls reads "vpls NAME { endpoint N; ... }" as the command that has it in one
// line.
func (c *confReader) vpls(s confStatement) {
	if !s.open {
		c.command(s, "announce "+s.text())
		return
	}
	words := []string{"announce vpls"}
	for _, inner := range s.block {
		words = append(words, inner.text())
	}
	c.command(s, strings.Join(words, " "))
}

// command reads a statement as a command of the API.
func (c *confReader) command(s confStatement, line string) {
	for n := s.line; n <= s.last; n++ {
		for _, f := range c.bad[n] {
			c.fault(n, f.Msg, f.Hint)
			return
		}
	}
	orders, err := ParseCommand(line)
	switch err := err.(type) {
	case nil:
	case SyntaxErrors:
		c.fault(s.line, fmt.Sprintf("%s: %s", quoted(s.text()), err[0].Msg), err[0].Hint)
		return
	default:
		c.fault(s.line, fmt.Sprintf("%s can't be imported", quoted(s.text())), "routesync announces no such route")
		return
	}
	for _, o := range orders {
		for _, r := range o.Routes {
			id := r.Key.Family.String() + " " + r.Key.String()
			if n, there := c.first[c.at][id]; there {
				c.fault(s.line, fmt.Sprintf("%s is there twice for neighbor %s; the first is in line %d", r.Key, c.at, n), "keep one of them")
				continue
			}
			c.first[c.at][id] = s.line
			c.routes = append(c.routes, ConfiguredRoute{Route: r, Neighbor: c.at, Line: s.line})
		}
	}
}

// text is a statement as one line.
func (s confStatement) text() string {
	var words []string
	for _, w := range s.words {
		text := w.text
		if w.quoted {
			text = `"` + text + `"`
		}
		words = append(words, text)
	}
	if s.open {
		words = append(words, "{")
		for _, inner := range s.block {
			text := inner.text()
			if !inner.open {
				text += ";"
			}
			words = append(words, text)
		}
		words = append(words, "}")
	}
	return strings.Join(words, " ")
}
