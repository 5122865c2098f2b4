package guard

import (
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"routesync/state"
)

// drawnPolicy is a random policy about what [drawn] has.
func drawnPolicy(t *rapid.T) *state.Policy {
	p := state.Unguarded()
	share := rapid.SampledFrom([]int{0, 1000, 3000, 6000, state.Whole, state.Whole, state.Whole})
	limit := rapid.Custom(func(t *rapid.T) state.Limit {
		return state.Limit{Share: share.Draw(t, "share"), Count: rapid.SampledFrom([]int{state.NoCount, state.NoCount, 0, 1, 3}).Draw(t, "count")}
	})
	maybe := rapid.SampledFrom([]bool{true, false, false})
	p.MaxWithdraw, p.MaxWithdrawSpace.Share = limit.Draw(t, "withdraw"), share.Draw(t, "space")
	if maybe.Draw(t, "bounds") {
		p.MinRoutes, p.MaxRoutes = rapid.IntRange(0, 10).Draw(t, "min"), rapid.IntRange(0, 10).Draw(t, "max")
	}
	for _, tag := range []string{"x", "y"} {
		if maybe.Draw(t, tag) {
			b := state.TagBounds{Tag: tag, MinRoutes: rapid.IntRange(0, 5).Draw(t, "of tag")}
			if rapid.Bool().Draw(t, "own") {
				b.MaxWithdraw = new(limit.Draw(t, "of tag"))
			}
			p.Tags = append(p.Tags, b)
		}
	}
	for _, peer := range []netip.Addr{peerA, peerB} {
		if maybe.Draw(t, peer.String()) {
			p.Peers = append(p.Peers, state.PeerBounds{Peer: peer, MaxWithdraw: limit.Draw(t, "at peer")})
		}
	}
	nets := rapid.SampledFrom([][]netip.Prefix{nil, nil, nil, {netip.MustParsePrefix("20.0.0.0/28")}, {netip.MustParsePrefix("20.0.0.0/27"), netip.MustParsePrefix("2a00::/124")}})
	p.Protect, p.Never = nets.Draw(t, "protect"), nets.Draw(t, "never")
	p.Allow = rapid.SampledFrom([][]string{p.Allow, p.Allow, nil, {"default-route"}}).Draw(t, "allow")
	p.Lengths4.Min, p.Lengths6.Max = rapid.SampledFrom([]int{0, 0, 28}).Draw(t, "shortest"), rapid.SampledFrom([]int{128, 128, 126}).Draw(t, "longest")
	p.NextHops = rapid.SampledFrom([]*state.NextHops{nil, nil, {Self: true}, {Prefixes: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}}).Draw(t, "next hops")
	return p
}

// TestStricterRefusesWhatEitherDoes, by the same rules, and nothing that both let
// through.
func TestStricterRefusesWhatEitherDoes(t *testing.T) {
	t.Parallel()
	refused, passed := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		c, p, q := drawn(t), drawnPolicy(t), drawnPolicy(t)
		known := rapid.Bool().Draw(t, "tags are known")
		if known {
			c.Tags = func(state.Key, netip.Addr) ([]string, bool) { return []string{"x"}, true }
		}
		both, err := p.Stricter(q)
		if err != nil {
			t.Fatal(err)
		}
		rules := Check(c, both).Rules()
		either := append(Check(c, p).Rules(), Check(c, q).Rules()...)
		for _, r := range either {
			if !slices.Contains(rules, r) {
				t.Errorf("%s refuses it by one of them, and by both together only %v:\n%+v\n%+v\n%+v", r, rules, p, q, both)
			}
		}
		switch {
		case len(either) > 0:
			refused++
		case known && len(rules) > 0: // of a tag that only one names, what is not known counts by both
			t.Errorf("neither refuses it, and both together by %v:\n%+v\n%+v\n%+v", rules, p, q, both)
		default:
			passed++
		}
	})
	if refused == 0 || passed == 0 {
		t.Errorf("%d were refused, %d let through", refused, passed)
	}
}
