package routefile

import (
	"fmt"
	"slices"
	"strconv"

	"gopkg.in/yaml.v3"

	"routesync/state"
)

func vplsKeys() []string { return []string{"rd", "endpoint", "base", "offset", "size"} }

// readVPLSs reads a list of VPLS routes. n may be nil.
func (p *parser) readVPLSs(s *scope, n *yaml.Node) {
	const begin = "- { rd: 192.0.2.1:123, endpoint: 5, base: 10702, offset: 1, size: 8 }"
	for _, item := range p.mappings(n, "vpls", "vpls", begin) {
		p.readVPLS(s, item)
	}
}

func (p *parser) readVPLS(s *scope, item *yaml.Node) {
	r := rawRoute{about: newAbout(s, item), single: item}
	numbers := map[string]uint32{}
	given := map[string]*yaml.Node{}
	for key, value := range p.pairs(item) {
		switch {
		case p.aboutKey(&r.about, key, value):
		case key.Value == "rd":
			given["rd"] = value
			rd, ok := p.readRD(value)
			r.rd, r.badKey = rd, r.badKey || !ok
		case slices.Contains(vplsKeys(), key.Value):
			given[key.Value] = value
			n, ok := p.number(value, "vpls "+key.Value)
			numbers[key.Value], r.badKey = n, r.badKey || !ok
		default:
			p.routeAttr(&r, key, value, "a vpls")
		}
	}
	for _, required := range vplsKeys() {
		if given[required] == nil {
			p.fault(item, 1, "a vpls has no "+required, "")
			r.badKey = true
		}
	}
	attrs, built := p.attrs(&r)
	if r.badKey {
		return
	}
	key, err := state.VPLSKey(r.rd, numbers["endpoint"], numbers["base"], numbers["offset"], numbers["size"])
	if err != nil {
		p.faultErr(given["base"], err)
		return
	}
	if built && p.checkNextHop(&r, spot{node: item}, key, attrs) {
		p.checkFit(spot{node: item}, key, attrs)
	}
	if !r.badPeers {
		p.routes = append(p.routes, state.Wanted{Key: key, Terms: p.terms(&r.about, attrs), Pos: p.position(item)})
	}
}

// number reads a decimal number.
func (p *parser) number(n *yaml.Node, what string) (uint32, bool) {
	text, ok := p.text(n, what)
	if !ok {
		return 0, false
	}
	number, err := strconv.ParseUint(text, 10, 32)
	if err != nil || strconv.FormatUint(number, 10) != text {
		p.faultAt(n, fmt.Sprintf("%s %q is not a number", what, text), "")
		return 0, false
	}
	return uint32(number), true
}
