package routefile

import (
	"fmt"
	"maps"
	"slices"

	"gopkg.in/yaml.v3"

	"routesync/state"
)

// Format returns the canonical text of a file: keys in a fixed order, values
// that are sets sorted, prefixes and addresses in their one spelling, one style
// of indentation and quotes. The order of the routes, the comments and the
// blank lines between things are the author's.
//
// A file with faults, in itself or in what it leads to, is not formatted; the
// error holds them. A file that has neither owner nor speakers is one that
// others include: what its defaults begin from is not known then, and what
// depends on that is not looked at.
func Format(name string, data []byte, files Files) ([]byte, error) {
	before := study(name, data, files)
	if len(before.faults) > 0 {
		return nil, join(before.faults)
	}
	src := before.sources[name]
	root, fault := src.document()
	if fault != nil {
		return nil, join([]*Error{fault})
	}
	remarks := src.remarks(root)
	out := layOut(src, root, remarks)
	return out, before.checkSame(name, out, files, remarks)
}

// study reads a file to format it.
func study(name string, data []byte, files Files) *load {
	l := newLoad(files)
	outer, chain := newScope(), []string(nil)
	if isPart(data) {
		for _, n := range append(state.Names(), state.Label) {
			outer.bad[n] = true // nothing is said about routes that would have it
		}
		chain = []string{""}
	}
	l.read(name, data, outer, chain)
	l.routes = l.ordered()
	return l
}

// isPart tells a file that others include.
func isPart(data []byte) bool {
	root, fault := newSource("", data).document()
	return fault == nil && root.Kind == yaml.MappingNode && keyOf(root, "owner") == nil && keyOf(root, "speakers") == nil
}

// checkSame makes sure that a formatted file says what it did before, comments
// included. An error is a mistake in the formatter, and costs nobody a route.
func (l *load) checkSame(name string, out []byte, files Files, remarks []remark) error {
	after := study(name, out, files)
	if len(after.faults) > 0 {
		return fmt.Errorf("format %s: the result would not be valid: %w", name, after.faults[0])
	}
	if !slices.EqualFunc(l.routes, after.routes, sameRoute) ||
		l.header.Owner != after.header.Owner || !sameGuard(l.header.Policy, after.header.Policy) || !slices.Equal(l.header.Speakers, after.header.Speakers) ||
		!maps.EqualFunc(l.lists, after.lists, func(a, b *prefixList) bool { return len(a.prefixes) == len(b.prefixes) }) {
		return fmt.Errorf("format %s: the result would ask for other routes", name)
	}
	src := after.sources[name]
	root, fault := src.document()
	if fault != nil {
		return fault
	}
	if !slices.Equal(texts(remarks), texts(src.remarks(root))) {
		return fmt.Errorf("format %s: a comment would be lost", name)
	}
	return nil
}

// sameGuard compares what a plan may not do.
func sameGuard(a, b *state.Policy) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Digest() == b.Digest() && slices.EqualFunc(a.Overrides, b.Overrides, func(x, y state.Override) bool { return x.String() == y.String() })
}

// sameRoute compares routes but for their places.
func sameRoute(a, b state.Wanted) bool {
	return a.Key == b.Key && a.Attrs == b.Attrs && a.Peers == b.Peers && slices.Equal(a.Tags, b.Tags) && a.Comment == b.Comment &&
		a.Starts == b.Starts && a.Expires == b.Expires && a.Lease == b.Lease
}

// texts is what comments say, sorted.
func texts(remarks []remark) []string {
	var all []string
	for _, r := range remarks {
		all = append(all, r.text)
	}
	slices.Sort(all)
	return all
}
