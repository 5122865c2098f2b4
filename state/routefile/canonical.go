package routefile

import (
	"cmp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"routesync/state"
)

// place is what a list or a mapping of a file is.
type place uint8

const (
	elsewhere place = iota // a list of values, or one of theirs
	atFile
	atDefaults
	atGroups
	atGroup
	atRoutes
	atRoute
	atFlows
	atFlow
	atVPLSs
	atVPLS
	atMatch
	atThen
	atPrefixes
	atPeers
	atSet
	atGuard
	atGuardTags
	atGuardPeers
	atBounds
	atLengths
	atRPKI
	atFlap
)

// under is what the value of a key is.
func (p place) under(key string) place {
	switch {
	case p == atFile || p == atGroup:
		switch key {
		case "defaults":
			return atDefaults
		case "groups":
			return atGroups
		case "routes":
			return atRoutes
		case "flows":
			return atFlows
		case "vpls":
			return atVPLSs
		case "peers":
			return atPeers
		case "guard":
			return atGuard
		}
	case p == atGuard:
		return underGuard(key)
	case p == atGuardTags || p == atGuardPeers:
		return atBounds
	case key == "match":
		return atMatch
	case key == "then":
		return atThen
	case key == "prefixes":
		return atPrefixes
	case key == "peers":
		return atPeers
	case slices.Contains(sets(), state.Name(key)):
		return atSet
	}
	return elsewhere
}

// underGuard is what the value of a key of guard is.
func underGuard(key string) place {
	switch key {
	case "tags":
		return atGuardTags
	case "peers":
		return atGuardPeers
	case "protect", "never":
		return atPrefixes
	case "prefix-length":
		return atLengths
	case "rpki":
		return atRPKI
	case "flap":
		return atFlap
	}
	return elsewhere
}

// item is what an item of a list is.
func (p place) item() place {
	switch p {
	case atGroups, atRoutes, atFlows, atVPLSs:
		return p + 1
	case atThen:
		return atThen
	}
	return elsewhere
}

// spread tells what is never written in braces or brackets.
func (p place) spread() bool {
	return slices.Contains([]place{atFile, atGroups, atGroup, atRoutes, atFlows, atVPLSs}, p)
}

// sets are the attributes whose values are sorted.
func sets() []state.Name {
	return []state.Name{state.Community, state.LargeCommunity, state.ExtendedCommunity}
}

// keys is the order of the keys of a mapping.
func (p place) keys() []string {
	attrs := []string{string(state.Label), string(state.NextHop)}
	for _, n := range state.Names() {
		if n != state.NextHop {
			attrs = append(attrs, string(n))
		}
	}
	about := []string{"peers", "tags", "starts", "expires", "lease", "comment"}
	switch p {
	case atFile:
		return fileKeys()
	case atDefaults:
		return append(attrs, about...)
	case atGroup:
		return groupKeys()
	case atGuard:
		return guardKeys()
	case atBounds:
		return boundsKeys()
	case atLengths:
		return lengthsKeys()
	case atRPKI:
		return rpkiKeys()
	case atFlap:
		return flapKeys()
	case atRoute:
		return slices.Concat([]string{"prefix", "prefixes", "prefixes-from", "rd", "path-information"}, attrs, about)
	case atFlow:
		return append([]string{"rd", "match", "then", "next-hop"}, about...)
	case atVPLS:
		return slices.Concat(vplsKeys(), attrs, about)
	case atMatch:
		return state.ComponentNames()
	case atThen:
		return state.FlowActionNames()
	}
	return nil
}

// canonical puts a container and all that is in it in order.
func canonical(c *container) {
	for _, u := range c.units {
		if u.inner != nil {
			canonical(u.inner)
		}
		if u.value.Kind == yaml.ScalarNode {
			u.value.Value = c.spelling(u)
		}
	}
	order := c.keys()
	if c.node.Kind == yaml.MappingNode && order != nil {
		rank := func(u *unit) int {
			if i := slices.Index(order, u.key.Value); i >= 0 {
				return i
			}
			return len(order) // another name of a component; they stay as they are
		}
		slices.SortStableFunc(c.units, func(a, b *unit) int { return cmp.Compare(rank(a), rank(b)) })
	}
	if c.node.Kind == yaml.SequenceNode {
		c.sort()
	}
	if len(c.units) > 0 {
		c.units[0].blank = false
	}
}

func (c *container) keys() []string { return c.place.keys() }

// spelling is the one spelling of a value that has several.
func (c *container) spelling(u *unit) string {
	text := u.value.Value
	key := ""
	if u.key != nil {
		key = u.key.Value
	}
	switch {
	case isNull(u.value) && text != "":
		return "~"
	case key == "prefix" || c.place == atPrefixes:
		if p, err := state.ParsePrefix(text); err == nil {
			return p.String()
		}
	case key == string(state.NextHop):
		if hop, err := state.NextHop.Canonical(text); err == nil && hop != "" {
			return hop
		}
	case c.place == atPeers:
		if s, err := state.ParseSelector(text); err == nil {
			return s.String()
		}
	case c.place == atSet && c.owner != nil && c.owner.key != nil:
		if v, err := state.Name(c.owner.key.Value).Canonical(text); err == nil && v != "" {
			return v
		}
	}
	return text
}

// sort sorts a list whose order means nothing. If its items have comments, they
// stay where they are.
func (c *container) sort() {
	if c.place != atSet && c.place != atPeers {
		return
	}
	for _, u := range c.units {
		if u.inner != nil || len(u.head)+len(u.tail) > 0 {
			return
		}
	}
	values := make([]string, len(c.units))
	for i, u := range c.units {
		values[i] = u.value.Value
	}
	if c.place == atSet {
		name := state.Name(c.owner.key.Value)
		attrs, err := state.NewAttrs(map[state.Name][]string{name: values})
		if err != nil {
			return
		}
		values, _ = attrs.Get(name)
	} else {
		var list []state.Selector
		for _, v := range values {
			s, err := state.ParseSelector(v)
			if err != nil {
				return
			}
			list = append(list, s)
		}
		values = strings.Split(string(state.SelectPeers(list)), ",")
	}
	rank := map[string]int{}
	for i, v := range values {
		rank[v] = i
	}
	for _, u := range c.units {
		if _, ok := rank[u.value.Value]; !ok {
			return
		}
	}
	slices.SortStableFunc(c.units, func(a, b *unit) int { return cmp.Compare(rank[a.value.Value], rank[b.value.Value]) })
	c.units = slices.CompactFunc(c.units, func(a, b *unit) bool { return a.value.Value == b.value.Value })
}
