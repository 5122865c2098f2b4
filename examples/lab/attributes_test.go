//go:build integration

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"routesync/bridge/exabgp"
	"routesync/examples/lab/rig"
	"routesync/state"
)

// TestEveryAttribute applies random files, each over the one before, to an iBGP
// and an eBGP router. A plan right after finds nothing, the routers hold what
// was asked for, and the sessions live through all of it.
func TestEveryAttribute(t *testing.T) {
	t.Parallel()
	s := open(t, setting{routers: []rig.RouterOptions{router(2, routerAS), router(3, speakerAS)}})
	s.sessionsStay(func() {
		seen := map[state.Name]int{}
		rapid.Check(t, func(rt *rapid.T) {
			routes := drawRoutes(rt)
			for _, r := range routes {
				for name := range r.attrs.All() {
					seen[name]++
				}
			}
			if err := s.round(routes); err != nil {
				rt.Fatal(err)
			}
		})
		t.Logf("routes by attribute: %v", seen)
		for _, name := range state.Names() {
			if seen[name] == 0 {
				t.Errorf("no route had %s", name)
			}
		}
	})
}

// drawn is one route of a random file.
type drawn struct {
	prefix netip.Prefix
	attrs  state.Attrs
}

// round applies the routes, plans, and looks at the routers.
func (s *scene) round(routes []drawn) error {
	if err := s.save(yamlOf(s.name, routes)); err != nil {
		return err
	}
	for _, command := range []string{"apply --yes --wait sent --timeout 20s", "plan --detailed-exitcode"} {
		r, err := s.routesync(s.ctx, strings.Fields(command)...)
		if err != nil {
			return err
		}
		if r.code != 0 {
			return fmt.Errorf("routesync %s ended with %d:\n%s%s", command, r.code, r.stderr, r.stdout)
		}
		if strings.HasPrefix(command, "plan") && !strings.Contains(r.stdout, "No changes.") {
			return fmt.Errorf("the plan is not empty:\n%s", r.stdout)
		}
	}
	ctx, cancel := context.WithTimeout(s.ctx, recovery)
	defer cancel()
	for _, r := range s.routers {
		var wrong error // "sent" is confirmed before the bytes are on their way
		err := r.WaitRoutes(ctx, func(held []rig.Route) bool {
			wrong = compare(held, routes)
			return wrong == nil
		})
		if err != nil {
			return errors.Join(wrong, err)
		}
	}
	return nil
}

// compare compares what a router holds with what was asked for.
func compare(held []rig.Route, routes []drawn) error {
	if len(held) != len(routes) {
		return fmt.Errorf("it holds %d routes of %d", len(held), len(routes))
	}
	all := map[netip.Prefix]rig.Route{}
	for _, r := range held {
		all[r.Prefix] = r
	}
	for _, want := range routes {
		if err := compareOne(all[want.prefix], want.attrs); err != nil {
			return fmt.Errorf("%s with %s: %w", want.prefix, want.attrs, err)
		}
	}
	return nil
}

// compareOne looks at the attributes that every kind of session carries.
func compareOne(held rig.Route, want state.Attrs) error {
	if hop := want.NextHop(); hop != "self" && held.NextHop.String() != hop {
		return fmt.Errorf("next hop is %s", held.NextHop)
	}
	for name, birds := range map[state.Name]string{
		state.MED: "BGP.med", state.Community: "BGP.community", state.LargeCommunity: "BGP.large_community",
	} {
		values, _ := want.Get(name)
		if got := asBIRD(name, values); !slices.Equal(got, groups(held.Attributes[birds])) {
			return fmt.Errorf("%s is %q, want %q", birds, held.Attributes[birds], got)
		}
	}
	return nil
}

// asBIRD writes values as BIRD does, in an order of their own.
func asBIRD(name state.Name, values []string) []string {
	var all []string
	for _, v := range values {
		switch {
		case name == state.Community:
			v = wellKnown(v)
			fallthrough
		case name == state.LargeCommunity:
			v = "(" + strings.ReplaceAll(v, ":", ",") + ")"
		}
		all = append(all, v)
	}
	slices.Sort(all)
	return all
}

func wellKnown(v string) string {
	numbers := map[string]string{
		"no-export": "65535:65281", "no-advertise": "65535:65282", "no-export-subconfed": "65535:65283",
		"nopeer": "65535:65284", "blackhole": "65535:666",
	}
	if n, ok := numbers[v]; ok {
		return n
	}
	return v
}

// groups are the values of one of BIRD's lists.
func groups(text string) []string {
	all := strings.Split(strings.ReplaceAll(strings.ReplaceAll(text, ", ", ","), ") (", ")\t("), "\t")
	slices.Sort(all)
	if text == "" {
		return nil
	}
	return all
}

// drawRoutes draws from a few hundred prefixes, so that most are in the round
// before too, with other attributes.
func drawRoutes(t *rapid.T) []drawn {
	var all []drawn
	for i := range 300 {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(10 + i>>8), byte(i), byte(i) & 0xfe, 0}), 23+i%2)
		if i%3 == 2 {
			p = netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, byte(i), byte(i >> 8)}), 48+i%80)
		}
		if rapid.IntRange(0, 9).Draw(t, "left out") > 0 {
			all = append(all, drawn{p, drawAttrs(t, p.Addr().Is6())})
		}
	}
	for _, edge := range []string{"0.0.0.0/0", "192.0.2.77/32", "::/0", "2001:db8:ffff::1/128"} {
		p := netip.MustParsePrefix(edge)
		all = append(all, drawn{p, drawAttrs(t, p.Addr().Is6())})
	}
	return all
}

// drawAttrs draws a set that state takes, any name with any other.
func drawAttrs(t *rapid.T, v6 bool) state.Attrs {
	values := map[state.Name][]string{}
	for _, name := range state.Names() {
		if name != state.NextHop && rapid.IntRange(0, 3).Draw(t, string(name)) > 0 {
			continue
		}
		with := maps.Clone(values)
		with[name] = drawValues(t, name, v6)
		if _, err := state.NewAttrs(with); err == nil { // some go together with none, some values no speaker can send
			values = with
		}
	}
	attrs, err := state.NewAttrs(values)
	if err != nil {
		t.Fatal(err)
	}
	return attrs
}

func drawValues(t *rapid.T, name state.Name, v6 bool) []string {
	number := func(limit uint64) string { return strconv.FormatUint(rapid.Uint64Max(limit).Draw(t, "number"), 10) }
	highest := uint32(math.MaxUint32)
	if shared.sixth() { // which answers error for others
		highest = math.MaxUint16
	}
	asn := func() string { return strconv.FormatUint(uint64(rapid.Uint32Range(1, highest).Draw(t, "as")), 10) }
	ip4 := func() string {
		return netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "address"))).String()
	}
	bytes := func(n int) string { return fmt.Sprintf("%x", rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "bytes")) }
	one := func(from ...string) []string { return []string{rapid.SampledFrom(from).Draw(t, "one")} }
	some := func(one func() string) []string {
		list := make([]string, rapid.IntRange(1, 5).Draw(t, "length"))
		for i := range list {
			list[i] = one()
		}
		return list
	}
	switch name {
	case state.NextHop:
		if v6 {
			return one("2001:db8::1", "2001:db8::2", "2001:db8:1::ffff")
		}
		return one("192.0.2.1", "198.51.100.7", "self")
	case state.Origin:
		return one("igp", "egp", "incomplete")
	case state.ASPath:
		path := some(asn)
		if rapid.Bool().Draw(t, "set") {
			path = append(path, "("+strings.Join(some(asn), " ")+")")
		}
		return path
	case state.MED, state.LocalPreference:
		return []string{number(1<<32 - 1)}
	case state.Aggregator:
		return []string{asn() + ":" + ip4()}
	case state.Community:
		return append(some(func() string { return number(1<<16-1) + ":" + number(1<<16-1) }), one("no-export", "nopeer", "blackhole", "65000:1")...)
	case state.OriginatorID:
		return []string{ip4()}
	case state.ClusterList:
		return some(ip4)
	case state.ExtendedCommunity:
		return some(func() string {
			return one("target:"+number(1<<16-1)+":"+number(1<<32-1), "origin:"+ip4()+":"+number(1<<16-1), "0x"+bytes(8))[0]
		})
	case state.AIGP:
		return []string{number(1<<64 - 1)}
	case state.LargeCommunity:
		return some(func() string { return number(1<<32-1) + ":" + number(1<<32-1) + ":" + number(1<<32-1) })
	case state.PrefixSID:
		return append([]string{number(1<<32 - 1)}, some(func() string { return "(" + number(1<<24-1) + "," + number(1<<24-1) + ")" })...)
	case state.PrefixSIDSRv6:
		if shared.dialect != (exabgp.Dialect{}) { // only 4.2 reports all of them
			return one("ipv6 2001:db8::1", "vpn 2001:db8::2")
		}
		return one("ipv6 2001:db8::1", "vpn 2001:db8::2", "l3vpn 2001:db8::3")
	case state.Raw:
		return []string{fmt.Sprintf("0x%02x 0xe0 0x%s", rapid.IntRange(100, 120).Draw(t, "code"), bytes(rapid.IntRange(1, 300).Draw(t, "length")))}
	}
	return nil // a flag
}

// yamlOf is the file that asks for the routes, with nothing left to defaults.
func yamlOf(speaker string, routes []drawn) string {
	var b strings.Builder
	b.WriteString(strings.TrimSuffix(file(owner, speaker), " []\n") + "\n")
	for _, r := range routes {
		fmt.Fprintf(&b, "  - prefix: %s\n", r.prefix)
		for name, values := range r.attrs.All() {
			fmt.Fprintf(&b, "    %s: %s\n", name, written(name, values))
		}
	}
	return b.String()
}

// written is how a file gives an attribute these values.
func written(name state.Name, values []string) string {
	switch {
	case name.IsFlag():
		return "true"
	case name == state.PrefixSID:
		return strconv.Quote("[ " + values[0] + ", [ " + strings.Join(values[1:], ",") + " ] ]")
	case name.IsList():
		return list(values)
	}
	return strconv.Quote(values[0])
}

func list(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = strconv.Quote(v)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
