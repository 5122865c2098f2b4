package exabgp

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"routesync/state"
)

// genKeys draws keys of one family, some with a path identifier, none twice.
func genKeys(v6 bool) *rapid.Generator[[]state.Key] {
	return rapid.Custom(func(t *rapid.T) []state.Key {
		size, limit := 4, 32
		if v6 {
			size, limit = 16, 128
		}
		seen := map[state.Key]bool{}
		var keys []state.Key
		for range rapid.IntRange(1, 20).Draw(t, "keys") {
			a, _ := netip.AddrFromSlice(rapid.SliceOfN(rapid.Byte(), size, size).Draw(t, "address"))
			p, _ := a.Prefix(rapid.IntRange(0, limit).Draw(t, "length"))
			if _, err := state.ParsePrefix(p.String()); err != nil {
				continue // multicast
			}
			k := state.UnicastKey(p, rapid.SampledFrom([]uint32{0, 0, 1, 1 << 31}).Draw(t, "path"))
			if !seen[k] {
				seen[k] = true
				keys = append(keys, k)
			}
		}
		return keys
	})
}

// routesOf parses commands that must be of one verb, and lists their routes in
// the order of their keys.
func routesOf(t interface {
	Fatalf(string, ...any)
}, cmds []Command, neighbors []Selector, withdraw bool) []Route {
	var routes []Route
	for _, c := range cmds {
		// The mark of a label is for exaBGP; people write one next hop.
		line := regexp.MustCompile(" next-hop 100::[^ ]* next-hop ").ReplaceAllString(c.Line, " next-hop ")
		orders, err := ParseCommand(line)
		if err != nil || len(orders) != 1 {
			t.Fatalf("%s\n%v", c.Line, err)
		}
		if o := orders[0]; o.Withdraw != withdraw || !slices.Equal(o.Neighbors, neighbors) {
			t.Fatalf("%s\n%+v", c.Line, o)
		}
		routes = append(routes, orders[0].Routes...)
	}
	slices.SortFunc(routes, func(a, b Route) int { return state.CompareKeys(a.Key, b.Key) })
	return routes
}

func TestWhatIsRenderedParsesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v6 := rapid.Bool().Draw(t, "v6")
		a := genAttrs(v6).Draw(t, "attrs")
		keys := genKeys(v6).Draw(t, "keys")
		peers := rapid.SampledFrom([][]netip.Addr{nil, {netip.MustParseAddr("192.0.2.9")}, {netip.MustParseAddr("192.0.2.9"), netip.MustParseAddr("2001:db8::9")}}).Draw(t, "peers")
		var neighbors []Selector
		for _, p := range peers {
			neighbors = append(neighbors, Selector{Addr: p})
		}
		want := func(a state.Attrs) []Route {
			var routes []Route
			for _, k := range keys {
				routes = append(routes, Route{k, a})
			}
			slices.SortFunc(routes, func(a, b Route) int { return state.CompareKeys(a.Key, b.Key) })
			return routes
		}
		if got := routesOf(t, v42.Announce(peers, a, keys), neighbors, false); !slices.Equal(got, want(a)) {
			t.Fatalf("announced %v", got)
		}
		less := a
		if v6 { // where withdrawals carry no raw attributes
			less, _ = a.With(state.Raw, nil)
		}
		if got := routesOf(t, v42.Withdraw(peers, a, keys), neighbors, true); !slices.Equal(got, want(less)) {
			t.Fatalf("withdrawn %v", got)
		}
	})
}

// genOther draws a route of a family that is not unicast.
func genOther() *rapid.Generator[Route] {
	return rapid.Custom(func(t *rapid.T) Route {
		v6 := rapid.Bool().Draw(t, "v6")
		a := genAttrs(v6).Draw(t, "attrs")
		rd := rapid.SampledFrom([]string{"65000:1", "192.0.2.1:7", "4200000000:65535"}).Draw(t, "rd")
		var k state.Key
		var err error
		switch kind := rapid.SampledFrom([]string{"multicast", "labelled", "vpn", "flow", "vpls"}).Draw(t, "kind"); kind {
		case "multicast":
			k, err = state.PrefixKey(state.IPv4Multicast, netip.MustParsePrefix("232.0.0.0/8"), "", 0)
		case "labelled", "vpn":
			keys := genKeys(v6).Draw(t, "keys")
			if len(keys) == 0 {
				t.Skip("only multicast")
			}
			f := map[string]state.Family{"labelled": state.IPv4Labelled, "vpn": state.IPv4VPN}[kind]
			if v6 {
				f += state.IPv6Unicast - state.IPv4Unicast
			}
			if kind == "labelled" {
				rd = ""
			}
			if k, err = state.PrefixKey(f, keys[0].Prefix(), rd, keys[0].PathID()); err == nil {
				a, err = a.With(state.Label, []string{fmt.Sprint(rapid.Uint64Range(16, 1<<20-1).Draw(t, "label"))})
			}
		case "flow":
			k, a, err = genFlow(t, v6, rapid.SampledFrom([]string{"", rd}).Draw(t, "flow rd"), a)
		case "vpls":
			n := func(name string) uint32 { return rapid.Uint32Max(1<<16-1).Draw(t, name) }
			k, err = state.VPLSKey(rd, n("endpoint"), n("base"), n("offset"), n("size"))
		}
		if err != nil {
			t.Fatal(err)
		}
		if state.CheckRoute(k, a) != nil {
			t.Skip("they do not go together")
		}
		return Route{k, a}
	})
}

func genFlow(t *rapid.T, v6 bool, rd string, a state.Attrs) (state.Key, state.Attrs, error) {
	list := []state.Component{{Name: "destination", Values: []string{"10.0.0.0/24"}}}
	if v6 {
		list[0].Values[0] = "2001:db8::/32"
	}
	for _, c := range []state.Component{
		{Name: "source-port", Values: []string{"=53"}},
		{Name: "packet-length", Values: []string{">200&<300", "=1500"}},
		{Name: "tcp-flags", Values: []string{"syn+ack", "!fin"}},
		{Name: "icmp-type", Values: []string{"echo-request"}},
		{Name: "fragment", Values: []string{"is-fragment"}},
	} {
		if rapid.Bool().Draw(t, c.Name) {
			list = append(list, c)
		}
	}
	k, err := state.FlowKey(rd, list)
	if err != nil {
		return k, a, err
	}
	kept := map[state.Name][]string{}
	for name, values := range a.All() {
		if name == state.Community || name == state.LargeCommunity || name == state.ExtendedCommunity {
			kept[name] = values
		}
	}
	less, err := state.NewAttrs(kept)
	return k, less, err
}

func TestWhatIsRenderedParsesBackInEveryFamily(t *testing.T) {
	seen := map[state.Family]bool{}
	rapid.Check(t, func(t *rapid.T) {
		r := genOther().Draw(t, "route")
		seen[r.Key.Family] = true
		if got := routesOf(t, v42.Announce(nil, r.Attrs, []state.Key{r.Key}), nil, false); len(got) != 1 || got[0] != r {
			t.Fatalf("announced %v\nwant %v", got, r)
		}
		r.Attrs, _ = r.Attrs.With(state.Raw, nil)
		if got := routesOf(t, v42.Withdraw(nil, r.Attrs, []state.Key{r.Key}), nil, true); len(got) != 1 || got[0] != r {
			t.Fatalf("withdrawn %v\nwant %v", got, r)
		}
	})
	if len(seen) < 9 {
		t.Errorf("only %v", seen)
	}
}

func FuzzParseCommand(f *testing.F) {
	for _, name := range []string{"accepted", "refused", "typed", "typed-refused"} {
		for _, line := range commands(f, name) {
			f.Add(line)
		}
	}
	f.Fuzz(func(t *testing.T, line string) {
		for _, parse := range []func(string) ([]Order, error){ParseCommand, ParseTyped} {
			orders, err := parse(line)
			if err != nil {
				checkFaults(t, line, orders, err)
				continue
			}
			checkRoundTrip(t, line, orders)
		}
		for column := 1; column <= min(len(line), 100); column += 7 {
			Expected(line, column)
		}
	})
}

// checkFaults holds an error to its form: all or nothing, in order, and inside
// the line.
func checkFaults(t *testing.T, line string, orders []Order, err error) {
	if orders != nil {
		t.Errorf("%q: orders beside an error: %v", line, orders)
	}
	last := max(1, utf8.RuneCountInString(line))
	var foreign *NotARouteError
	if errors.As(err, &foreign) {
		if foreign.Column < 1 || foreign.Column > last || foreign.Command == "" {
			t.Errorf("%q: %+v", line, foreign)
		}
		return
	}
	var all SyntaxErrors
	if !errors.As(err, &all) || len(all) == 0 {
		t.Fatalf("%q: %v", line, err)
	}
	for i, one := range all {
		if one.Column < 1 || one.Column > last || one.Msg == "" || i > 0 && all[i-1].Column > one.Column {
			t.Errorf("%q: fault %d is %+v", line, i, one)
		}
	}
	var one *SyntaxError
	if !errors.As(err, &one) || one != all[0] {
		t.Errorf("%q: the first fault is not what errors.As finds", line)
	}
}

// checkRoundTrip renders what was parsed and parses it again.
func checkRoundTrip(t *testing.T, line string, orders []Order) {
	for _, o := range orders {
		if len(o.Routes) == 0 {
			t.Fatalf("%q: an order without routes", line)
		}
		render := v42.Announce
		if o.Withdraw {
			render = v42.Withdraw
			if o.Expires != (Expiry{}) {
				t.Fatalf("%q: a withdrawal expires", line)
			}
		}
		var got []Route
		for _, r := range o.Routes[:min(len(o.Routes), 50)] {
			if !o.Withdraw && state.CheckRoute(r.Key, r.Attrs) != nil {
				t.Fatalf("%q: %v", line, r)
			}
			if o.Withdraw && r.Key.Family != state.IPv4Unicast {
				r.Attrs, _ = r.Attrs.With(state.Raw, nil)
			}
			if o.Withdraw && r.Key.Family.HasLabel() {
				r.Attrs, _ = r.Attrs.With(state.Label, withdrawnLabel(r.Attrs))
			}
			got = append(got, routesOf(t, render(nil, r.Attrs, []state.Key{r.Key}), nil, o.Withdraw)...)
			if got[len(got)-1] != r {
				t.Fatalf("%q: %s", line, cmp.Diff(r, got[len(got)-1]))
			}
		}
	}
}
