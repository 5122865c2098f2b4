package guard

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"routesync/state"
	"routesync/state/rpki"
)

var (
	peerA = netip.MustParseAddr("192.0.2.1")
	peerB = netip.MustParseAddr("192.0.2.2")
)

const owner = "team"

// world is what is advertised and what is asked for, as a test writes it.
type world struct {
	t          *testing.T
	advertised state.Advertised
	desired    state.Desired
	tags       map[state.Key][]string // as history has them
	now        int64
	vrps       *rpki.File
	changed    func(state.Key) int
	uncounted  error
	imagined   bool
}

func newWorld(t *testing.T) *world {
	all := state.Families()
	return &world{
		t: t, tags: map[state.Key][]string{},
		desired: state.Desired{Owner: owner, Policy: state.Unguarded()},
		advertised: state.Advertised{Speaker: "edge1", Complete: true, Peers: []state.Neighbor{
			{Addr: peerA, Up: true, Families: all}, {Addr: peerB, Up: true, Families: all},
		}},
	}
}

func key(prefix string) state.Key { return state.UnicastKey(netip.MustParsePrefix(prefix), 0) }

func attributes(t testing.TB, words string) state.Attrs {
	t.Helper()
	values := map[state.Name][]string{state.NextHop: {"192.0.2.9"}}
	for word := range strings.SplitSeq(words, ";") {
		if name, value, ok := strings.Cut(word, " "); ok {
			values[state.Name(name)] = strings.Split(value, " ")
		}
	}
	attrs, err := state.NewAttrs(values)
	if err != nil {
		t.Fatal(err)
	}
	return attrs
}

// has advertises routes of the owner, at both peers unless some are given.
func (w *world) has(attrs string, peers []netip.Addr, prefixes ...string) {
	if peers == nil {
		peers = []netip.Addr{peerA, peerB}
	}
	at := make([]state.At, len(peers))
	for i, p := range peers {
		at[i] = state.At{Peer: p, Grade: state.Sent}
	}
	for _, p := range prefixes {
		w.advertised.Routes.Set([]state.Advert{{Attrs: attributes(w.t, attrs), Owner: owner, At: at}}, key(p))
	}
}

// wants asks for routes.
func (w *world) wants(attrs string, tags []string, prefixes ...string) {
	terms := &state.Terms{Attrs: attributes(w.t, attrs), Tags: tags}
	for _, p := range prefixes {
		w.desired.Routes = append(w.desired.Routes, state.Wanted{Key: key(p), Terms: terms})
	}
	slices.SortFunc(w.desired.Routes, func(a, b state.Wanted) int { return state.CompareKeys(a.Key, b.Key) })
}

// wantsFlow asks for a flow.
func (w *world) wantsFlow(attrs string) {
	k, err := state.FlowKey("", []state.Component{{Name: "destination", Values: []string{"198.51.100.0/24"}}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.desired.Routes = append(w.desired.Routes, state.Wanted{Key: k, Terms: &state.Terms{Attrs: attributes(w.t, attrs)}})
}

func (w *world) check() Verdict {
	w.t.Helper()
	return Check(w.given(), w.desired.Policy)
}

func (w *world) given() Case {
	w.t.Helper()
	plan, err := state.Diff(&w.desired, &w.advertised)
	if err != nil {
		w.t.Fatal(err)
	}
	c := Case{Desired: &w.desired, Advertised: &w.advertised, Plan: plan, Now: w.now, VRPs: w.vrps, Changed: w.changed, Uncounted: w.uncounted, Imagined: w.imagined}
	if len(w.tags) > 0 {
		c.Tags = func(k state.Key, _ netip.Addr) ([]string, bool) { tags, ok := w.tags[k]; return tags, ok }
	}
	return c
}

// some are n prefixes of the same length.
func some(from, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("20.0.%d.0/24", from+i)
	}
	return all
}

// TestEachRule: each rule refuses what it is for, says so with its numbers, and
// without it the same change goes through.
func TestEachRule(t *testing.T) {
	thirty := state.Limit{Share: 3000, Count: state.NoCount}
	nothing := state.Limit{Share: 0, Count: state.NoCount}
	for _, test := range []struct {
		name  string
		rule  state.Rule
		guard func(*state.Policy)
		given func(*world)
		text  string
	}{
		{"half of the routes", state.RuleWithdraw, func(p *state.Policy) { p.MaxWithdraw = thirty },
			func(w *world) { w.has("", nil, some(0, 10)...); w.wants("", nil, some(0, 6)...) },
			"4 of 10 routes would be withdrawn (40%); at most 3 may be (max-withdraw: 30%)"},
		{"over a count", state.RuleWithdraw, func(p *state.Policy) { p.MaxWithdraw = state.Limit{Share: state.Whole, Count: 2} },
			func(w *world) { w.has("", nil, some(0, 10)...); w.wants("", nil, some(0, 7)...) },
			"3 of 10 routes would be withdrawn (30%); at most 2 may be (max-withdraw: 2)"},
		{"all of few", state.RuleWithdraw, func(p *state.Policy) { p.MaxWithdraw = thirty },
			func(w *world) { w.has("", nil, some(0, 2)...) },
			"2 of 2 routes would be withdrawn (100%); at most 1 may be (max-withdraw: 30%)"},
		{"one of few, where none may go", state.RuleWithdraw, func(p *state.Policy) { p.MaxWithdraw = nothing },
			func(w *world) { w.has("", nil, some(0, 2)...); w.wants("", nil, some(0, 1)...) },
			"1 of 2 routes would be withdrawn (50%); at most 0 may be (max-withdraw: 0%)"},
		{"one route that is most of the space", state.RuleWithdrawSpace, func(p *state.Policy) { p.MaxWithdrawSpace = thirty },
			func(w *world) {
				w.has("", nil, append(some(0, 10), "30.0.0.0/8")...)
				w.wants("", nil, some(0, 10)...)
			},
			"99.98% of the address space announced in ipv4 unicast would go dark (65536 times a /24); at most 30% may (max-withdraw-space: 30%)"},
		{"half of the space below a default route", state.RuleWithdrawSpace, func(p *state.Policy) { p.MaxWithdrawSpace = thirty },
			func(w *world) {
				w.has("", nil, append(some(0, 10), "0.0.0.0/0")...)
				w.wants("", nil, append(some(0, 5), "0.0.0.0/0")...)
			},
			"50% of the address space announced in ipv4 unicast, but for default routes, would go dark (5 times a /24); at most 30% may (max-withdraw-space: 30%)"},
		{"half of the space, and a default route instead", state.RuleWithdrawSpace, func(p *state.Policy) { p.MaxWithdrawSpace = thirty },
			func(w *world) { w.has("", nil, some(0, 10)...); w.wants("", nil, append(some(0, 5), "0.0.0.0/0")...) },
			"50% of the address space announced in ipv4 unicast, but for default routes, would go dark (5 times a /24); at most 30% may (max-withdraw-space: 30%)"},
		{"the default route among others", state.RuleWithdrawSpace, func(p *state.Policy) { p.MaxWithdrawSpace = thirty },
			func(w *world) {
				w.has("", nil, append(some(0, 10), "0.0.0.0/0")...)
				w.wants("", nil, some(0, 10)...)
			},
			"over 99.99% of the address space announced in ipv4 unicast would go dark (16777206 times a /24); at most 30% may (max-withdraw-space: 30%)"},
		{"all of IPv6 among much IPv4", state.RuleWithdrawSpace, func(p *state.Policy) { p.MaxWithdrawSpace = thirty },
			func(w *world) {
				w.has("", nil, some(0, 20)...)
				w.has("next-hop 2001:db8::1", nil, "2a00::/32", "2a01::/32", "2a02::/32")
				w.wants("", nil, some(0, 20)...)
				w.wants("next-hop 2001:db8::1", nil, "2a00::/32")
			},
			"66.67% of the address space announced in ipv6 unicast would go dark (131072 times a /48); at most 33.33% may (max-withdraw-space: 30%)"},
		{"all of a tag that history knows", state.RuleWithdrawTag, func(p *state.Policy) { p.MaxWithdraw = thirty },
			func(w *world) {
				w.has("", nil, some(0, 10)...)
				w.wants("", nil, some(2, 8)...)
				w.tags[key("20.0.0.0/24")], w.tags[key("20.0.1.0/24")] = []string{"ddos"}, []string{"ddos"}
			},
			"2 of 2 routes of tag ddos would be withdrawn (100%); at most 1 may be (max-withdraw: 30%)"},
		{"a tag of its own rule, and none known", state.RuleWithdrawTag, func(p *state.Policy) {
			p.Tags = []state.TagBounds{{Tag: "anycast", MaxWithdraw: &nothing}}
		},
			func(w *world) {
				w.has("", nil, some(0, 10)...)
				w.wants("", nil, some(0, 7)...)
				w.wants("", []string{"anycast"}, some(7, 2)...)
			},
			"1 of 3 routes of tag anycast would be withdrawn (33.33%); at most 0 may be (max-withdraw: 0%); the tags of 1 of them are not known, and they count"},
		{"all at one peer", state.RuleWithdrawPeer, func(p *state.Policy) { p.MaxWithdraw = thirty },
			func(w *world) {
				w.has("", nil, some(0, 10)...)
				w.wants("", nil, some(0, 10)...)
				for i := range w.desired.Routes[:5] {
					terms := *w.desired.Routes[i].Terms
					terms.Peers = state.NewPeers([]netip.Addr{peerB})
					w.desired.Routes[i].Terms = &terms
				}
			},
			"5 of 10 routes at peer 192.0.2.1 would be withdrawn (50%); at most 3 may be (max-withdraw: 30%)"},
		{"all that a peer has of many", state.RuleWithdrawPeer, func(p *state.Policy) { p.MaxWithdraw = thirty },
			func(w *world) {
				w.has("", []netip.Addr{peerA}, some(0, 10)...)
				w.has("", nil, some(10, 3)...)
				w.wants("", nil, some(0, 10)...)
				for i := range w.desired.Routes {
					w.desired.Routes[i].Terms.Peers = state.NewPeers([]netip.Addr{peerA})
				}
			},
			"3 of 3 routes at peer 192.0.2.2 would be withdrawn (100%); at most 1 may be (max-withdraw: 30%)"},
		{"a peer of its own rule", state.RuleWithdrawPeer, func(p *state.Policy) {
			p.Peers = []state.PeerBounds{{Peer: peerA, MaxWithdraw: nothing}}
		},
			func(w *world) { w.has("", nil, some(0, 10)...); w.wants("", nil, some(0, 9)...) },
			"1 of 10 routes at peer 192.0.2.1 would be withdrawn (10%); at most 0 may be (max-withdraw: 0%)"},
		{"fewer than there have to be", state.RuleMinRoutes, func(p *state.Policy) { p.MinRoutes = 3 },
			func(w *world) { w.has("", nil, some(0, 3)...); w.wants("", nil, some(0, 2)...) },
			"2 of 3 routes would be left; there have to be 3 (min-routes)"},
		{"fewer of a tag", state.RuleMinTag, func(p *state.Policy) { p.Tags = []state.TagBounds{{Tag: "ddos", MinRoutes: 2}} },
			func(w *world) {
				w.has("", nil, some(0, 10)...)
				w.wants("", []string{"ddos"}, some(0, 1)...)
				w.wants("", nil, some(2, 8)...)
				w.tags[key("20.0.1.0/24")] = []string{"ddos"}
			},
			"1 of 2 routes of tag ddos would be left; there have to be 2 (min-routes)"},
		{"a protected one withdrawn", state.RuleProtect, protect("20.0.8.0/21"),
			func(w *world) { w.has("", nil, some(0, 10)...); w.wants("", nil, some(0, 9)...) },
			"1 route would be withdrawn; what is protected may not be (protect)"},
		{"a protected one changed", state.RuleProtect, protect("20.0.9.0/24"),
			func(w *world) {
				w.has("", nil, some(0, 10)...)
				w.wants("", nil, some(0, 9)...)
				w.wants("med 5", nil, some(9, 1)...)
			},
			"1 route would be changed; what is protected may not be (protect)"},
		{"a protected one that is to end", state.RuleProtect, protect("20.0.0.0/24"),
			func(w *world) {
				w.has("", nil, some(0, 1)...)
				w.wants("", nil, some(0, 1)...)
				w.desired.Routes[0].Terms.Expires = 1000
			},
			"1 route would be changed; what is protected may not be (protect)"},
		{"the default route", state.RuleNever, forbid("default-route"), func(w *world) { w.wants("", nil, "0.0.0.0/0") },
			"1 route in 0.0.0.0/0 would be announced; that is the default route (allow: [default-route] lifts it for good)"},
		{"a bogon", state.RuleNever, forbid("private"), func(w *world) { w.wants("", nil, "10.1.0.0/16", "10.2.0.0/16", "20.0.0.0/24") },
			"2 routes in 10.0.0.0/8 would be announced; that is private address space (allow: [private] lifts it for good)"},
		{"one that may never be", state.RuleNever, func(p *state.Policy) { p.Never = []netip.Prefix{netip.MustParsePrefix("20.0.0.0/16")} },
			func(w *world) {
				w.has("", nil, some(1, 1)...)
				w.wants("", nil, some(1, 1)...)
				w.wants("", nil, some(0, 1)...)
			},
			"1 route in 20.0.0.0/16 would be announced, which may never be (never)"},
		{"too short", state.RulePrefixLength, func(p *state.Policy) { p.Lengths4 = state.Lengths{Min: 8, Max: 24} },
			func(w *world) { w.wants("", nil, "20.0.0.0/7") },
			"1 route of length /7 would be announced; ipv4 prefixes are /8 to /24 (prefix-length)"},
		{"too long", state.RulePrefixLength, func(p *state.Policy) { p.Lengths6 = state.Lengths{Min: 16, Max: 48} },
			func(w *world) { w.wants("next-hop 2001:db8::1", nil, "2a00::/49") },
			"1 route of length /49 would be announced; ipv6 prefixes are /16 to /48 (prefix-length)"},
		{"more than there may be", state.RuleMaxRoutes, func(p *state.Policy) { p.MaxRoutes = 5 },
			func(w *world) { w.has("", nil, some(0, 5)...); w.wants("", nil, some(0, 6)...) },
			"there would be 6 routes; there are 5, and at most 5 may be (max-routes)"},
		{"another's next hop", state.RuleNextHop, func(p *state.Policy) {
			p.NextHops = &state.NextHops{Prefixes: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}
		},
			func(w *world) { w.wants("next-hop 198.51.100.1", nil, some(0, 2)...); w.wants("", nil, some(2, 1)...) },
			"2 routes would have next hop 198.51.100.1, which is none of those allowed (next-hops)"},
		{"self, where only addresses may be", state.RuleNextHop, func(p *state.Policy) {
			p.NextHops = &state.NextHops{Prefixes: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}}
		},
			func(w *world) { w.wants("next-hop self", nil, some(0, 1)...) },
			"1 route would have next hop self, which is none of those allowed (next-hops)"},
		{"another's community", state.RuleCommunity, func(p *state.Policy) { p.Communities = []state.CommunityPattern{"65000:*", "no-export"} },
			func(w *world) {
				w.has("", nil, some(0, 1)...)
				w.wants("community 65000:1 65001:2 no-export", nil, some(0, 1)...)
			},
			"1 route would have community 65001:2, which is none of those allowed (communities)"},
		{"a unicast route with a flow's action", state.RuleCommunity, func(p *state.Policy) { p.Communities = []state.CommunityPattern{"65000:*"} },
			func(w *world) {
				w.wants("extended-community 0x8006000000000000", nil, some(0, 1)...)
				w.wantsFlow("extended-community 0x8006000000000000")
			},
			"1 route would have extended-community 0x8006000000000000, which is none of those allowed (communities)"},
		{"a flow's community", state.RuleCommunity, func(p *state.Policy) { p.Communities = []state.CommunityPattern{"65000:*"} },
			func(w *world) { w.wantsFlow("community 65001:2;extended-community redirect:65001:1") },
			"1 route would have community 65001:2, which is none of those allowed (communities)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			test.given(w)
			if v := w.check(); len(v.Refusals) != 0 {
				t.Fatalf("without the guard it is refused: %+v", v.Refusals)
			}
			test.guard(w.desired.Policy)
			v := w.check()
			if len(v.Refusals) != 1 || v.Refusals[0].Rule != test.rule || v.Refusals[0].Text != test.text {
				t.Fatalf("refused for %+v\nwant %s: %s", v.Refusals, test.rule, test.text)
			}
			if f := v.Refusals[0]; f.Count == 0 || len(f.Routes) != min(f.Count, Shown) {
				t.Errorf("it is about %d routes, %v", f.Count, f.Routes)
			}
			if Clear(w.given(), w.desired.Policy) {
				t.Error("it is cleared at a glance")
			}
			if again := w.check(); fmt.Sprint(again) != fmt.Sprint(v) {
				t.Errorf("the verdict is another one the second time:\n%v\n%v", v, again)
			}
		})
	}
}

func protect(prefix string) func(*state.Policy) {
	return func(p *state.Policy) { p.Protect = []netip.Prefix{netip.MustParsePrefix(prefix)} }
}

func forbid(name string) func(*state.Policy) {
	return func(p *state.Policy) { p.Allow = slices.DeleteFunc(p.Allow, func(s string) bool { return s == name }) }
}

// TestWhatMayPass: what no rule is for passes the default policy.
func TestWhatMayPass(t *testing.T) {
	for name, given := range map[string]func(*world){
		"nothing to do":                        func(w *world) { w.has("", nil, some(0, 3)...); w.wants("", nil, some(0, 3)...) },
		"one of two":                           func(w *world) { w.has("", nil, some(0, 2)...); w.wants("", nil, some(0, 1)...) },
		"the only one":                         func(w *world) { w.has("", nil, some(0, 1)...) },
		"all are changed":                      func(w *world) { w.has("", nil, some(0, 9)...); w.wants("med 4", nil, some(0, 9)...) },
		"a first load":                         func(w *world) { w.wants("", nil, some(0, 200)...) },
		"two halves in the place of one":       func(w *world) { w.has("", nil, "20.0.0.0/23"); w.wants("", nil, some(0, 2)...) },
		"one withdrawn that another one holds": func(w *world) { w.has("", nil, "20.0.0.0/23", "20.0.0.0/24"); w.wants("", nil, "20.0.0.0/23") },
		"a bogon that is there already": func(w *world) {
			w.has("", nil, "10.0.0.0/8", "20.0.0.0/24")
			w.wants("", nil, "10.0.0.0/8")
		},
		"all, because their time has come": func(w *world) {
			w.now = 1000
			w.has("", nil, some(0, 9)...)
			for k, adverts := range w.advertised.Routes.All() {
				a := adverts[0]
				a.From.Expires = 900
				w.advertised.Routes.Set([]state.Advert{a}, k)
			}
		},
		"what is told to go already": func(w *world) {
			w.has("", nil, some(0, 9)...)
			for k, adverts := range w.advertised.Routes.All() {
				a := adverts[0]
				a.At = []state.At{{Peer: peerA, Grade: state.Withdrawing}, {Peer: peerB, Grade: state.Withdrawing}}
				w.advertised.Routes.Set([]state.Advert{a}, k)
			}
		},
		"somebody else's": func(w *world) {
			w.has("", nil, some(0, 9)...)
			for k, adverts := range w.advertised.Routes.All() {
				a := adverts[0]
				a.Owner = "another"
				w.advertised.Routes.Set([]state.Advert{a}, k)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.desired.Policy = state.DefaultPolicy()
			given(w)
			if v := w.check(); len(v.Refusals)+len(v.Warnings) != 0 {
				t.Errorf("refused: %+v", v)
			}
		})
	}
}

// TestTimeThatHasNotCome: a route that ends later counts, whenever that is.
func TestTimeThatHasNotCome(t *testing.T) {
	w := newWorld(t)
	w.desired.Policy, w.now = state.DefaultPolicy(), 899
	w.has("", nil, some(0, 9)...)
	for k, adverts := range w.advertised.Routes.All() {
		a := adverts[0]
		a.From.Expires = 900
		w.advertised.Routes.Set([]state.Advert{a}, k)
	}
	if got := w.check().Rules(); !slices.Equal(got, []state.Rule{state.RuleWithdraw, state.RuleWithdrawSpace}) {
		t.Errorf("refused for %v", got)
	}
}

// TestLift: an override lifts the rules that it names, for its plan alone.
func TestLift(t *testing.T) {
	w := newWorld(t)
	w.desired.Policy = state.DefaultPolicy()
	w.has("", nil, some(0, 9)...)
	const digest = "9b1d2c3f4a5b77"
	v := w.check()
	for _, text := range []string{"withdraw@9b1d2c3f4a5c", "never@9b1d2c3f4a5b"} {
		o, err := state.ParseOverride(text)
		if err != nil {
			t.Fatal(err)
		}
		if lifted := v.Lift([]state.Override{o}, digest); len(lifted) != 0 || len(v.Refusals) != 2 {
			t.Errorf("%s lifts %v", text, lifted)
		}
	}
	o := state.NewOverride(digest, v.Rules())
	if o.String() != "withdraw,withdraw-space@9b1d2c3f4a5b" {
		t.Errorf("the override is %s", o)
	}
	if lifted := v.Lift([]state.Override{o}, digest); len(lifted) != 2 || len(v.Refusals) != 0 {
		t.Errorf("it lifts %v and leaves %v", lifted, v.Refusals)
	}
}
