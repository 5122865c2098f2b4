package exabgp

import (
	"errors"
	"net/netip"
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
		orders, err := ParseCommand(c.Line)
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
		if got := routesOf(t, Announce(peers, a, keys), neighbors, false); !slices.Equal(got, want(a)) {
			t.Fatalf("announced %v", got)
		}
		less := a
		if v6 { // where withdrawals carry no raw attributes
			less, _ = a.With(state.Raw, nil)
		}
		if got := routesOf(t, Withdraw(peers, a, keys), neighbors, true); !slices.Equal(got, want(less)) {
			t.Fatalf("withdrawn %v", got)
		}
	})
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
		render := Announce
		if o.Withdraw {
			render = Withdraw
			if o.Expires != (Expiry{}) {
				t.Fatalf("%q: a withdrawal expires", line)
			}
		}
		var got []Route
		for _, r := range o.Routes[:min(len(o.Routes), 50)] {
			if !o.Withdraw && state.CheckNextHop(r.Key, r.Attrs) != nil {
				t.Fatalf("%q: %v", line, r)
			}
			if o.Withdraw && r.Key.Family != state.IPv4Unicast {
				r.Attrs, _ = r.Attrs.With(state.Raw, nil)
			}
			got = append(got, routesOf(t, render(nil, r.Attrs, []state.Key{r.Key}), nil, o.Withdraw)...)
			if got[len(got)-1] != r {
				t.Fatalf("%q: %s", line, cmp.Diff(r, got[len(got)-1]))
			}
		}
	}
}
