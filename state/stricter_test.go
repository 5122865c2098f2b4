package state

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func limit(share, count int) *Limit { return &Limit{share, count} }

func prefixes(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, t := range texts {
		all = append(all, netip.MustParsePrefix(t))
	}
	return all
}

// TestStricter: of each thing the stricter, whichever of both has it.
func TestStricter(t *testing.T) {
	t.Parallel()
	peer := netip.MustParseAddr("192.0.2.1")
	for name, test := range map[string]struct{ a, b, want func(*Policy) }{
		"MaxWithdraw": {
			func(p *Policy) { p.MaxWithdraw = Limit{1000, 500} },
			func(p *Policy) { p.MaxWithdraw = Limit{2000, 7} },
			func(p *Policy) { p.MaxWithdraw = Limit{1000, 7} },
		},
		"MaxWithdraw, no count": {
			func(p *Policy) { p.MaxWithdraw = Limit{1000, NoCount} },
			func(p *Policy) { p.MaxWithdraw = Limit{Whole, 0} },
			func(p *Policy) { p.MaxWithdraw = Limit{1000, 0} },
		},
		"MaxWithdrawSpace": {
			func(p *Policy) { p.MaxWithdrawSpace.Share = 1 },
			func(p *Policy) { p.MaxWithdrawSpace.Share = 2 },
			func(p *Policy) { p.MaxWithdrawSpace.Share = 1 },
		},
		"MinRoutes": {
			func(p *Policy) { p.MinRoutes = 3 }, func(p *Policy) { p.MinRoutes = 2 }, func(p *Policy) { p.MinRoutes = 3 },
		},
		"MaxRoutes": {
			func(p *Policy) { p.MaxRoutes = 3 }, func(p *Policy) { p.MaxRoutes = 2 }, func(p *Policy) { p.MaxRoutes = 2 },
		},
		"MaxRoutes, none": {
			func(p *Policy) { p.MaxRoutes = 3 }, func(*Policy) {}, func(p *Policy) { p.MaxRoutes = 3 },
		},
		"Tags, of both": {
			func(p *Policy) { p.Tags = []TagBounds{{"x", limit(Whole, 5), 2}, {"y", nil, 1}} },
			func(p *Policy) { p.Tags = []TagBounds{{"a", nil, 4}, {"x", limit(1000, NoCount), 3}} },
			func(p *Policy) { p.Tags = []TagBounds{{"a", nil, 4}, {"x", limit(1000, 5), 3}, {"y", nil, 1}} },
		},
		"Tags, what holds for all holds for one that the other lets go": {
			func(p *Policy) {
				p.Tags = []TagBounds{{"x", limit(Whole, NoCount), 0}, {"y", limit(Whole, NoCount), 0}}
			},
			func(p *Policy) { p.MaxWithdraw, p.Tags = Limit{500, NoCount}, []TagBounds{{"y", nil, 3}} },
			func(p *Policy) {
				p.MaxWithdraw, p.Tags = Limit{500, NoCount}, []TagBounds{{"x", limit(500, NoCount), 0}, {"y", limit(500, NoCount), 3}}
			},
		},
		"Peers": {
			func(p *Policy) {
				p.Peers = []PeerBounds{{peer.Next(), NoLimit()}, {peer.Next().Next(), Limit{1000, 9}}}
			},
			func(p *Policy) {
				p.MaxWithdraw, p.Peers = Limit{500, NoCount}, []PeerBounds{{peer, Limit{Whole, 1}}, {peer.Next().Next(), Limit{2000, 1}}}
			},
			func(p *Policy) {
				p.MaxWithdraw, p.Peers = Limit{500, NoCount}, []PeerBounds{{peer, Limit{Whole, 1}}, {peer.Next(), Limit{500, NoCount}}, {peer.Next().Next(), Limit{1000, 1}}}
			},
		},
		"Protect": {
			func(p *Policy) { p.Protect = prefixes("10.0.0.0/8", "20.0.0.0/8") },
			func(p *Policy) { p.Protect = prefixes("5.0.0.0/8", "10.0.0.0/8") },
			func(p *Policy) { p.Protect = prefixes("5.0.0.0/8", "10.0.0.0/8", "20.0.0.0/8") },
		},
		"Never": {
			func(p *Policy) { p.Never = prefixes("20.0.0.0/8") },
			func(p *Policy) { p.Never = prefixes("5.0.0.0/8") },
			func(p *Policy) { p.Never = prefixes("5.0.0.0/8", "20.0.0.0/8") },
		},
		"Allow": {
			func(p *Policy) { p.Allow = []string{"documentation", "private"} },
			func(p *Policy) { p.Allow = []string{"private", "shared"} },
			func(p *Policy) { p.Allow = []string{"private"} },
		},
		"Lengths4": {
			func(p *Policy) { p.Lengths4 = Lengths{8, 24} }, func(p *Policy) { p.Lengths4 = Lengths{16, 32} }, func(p *Policy) { p.Lengths4 = Lengths{16, 24} },
		},
		"Lengths6": {
			func(p *Policy) { p.Lengths6 = Lengths{16, 48} }, func(p *Policy) { p.Lengths6 = Lengths{48, 64} }, func(p *Policy) { p.Lengths6 = Lengths{48, 48} },
		},
		"NextHops": {
			func(p *Policy) { p.NextHops = &NextHops{prefixes("10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32"), true} },
			func(p *Policy) { p.NextHops = &NextHops{prefixes("10.1.0.0/16", "10.2.0.0/16", "192.0.2.0/24"), false} },
			func(p *Policy) { p.NextHops = &NextHops{prefixes("10.1.0.0/16", "10.2.0.0/16", "192.0.2.1/32"), false} },
		},
		"NextHops, none in common": {
			func(p *Policy) { p.NextHops = &NextHops{prefixes("10.0.0.0/8"), true} },
			func(p *Policy) { p.NextHops = &NextHops{nil, true} },
			func(p *Policy) { p.NextHops = &NextHops{nil, true} },
		},
		"Communities": {
			func(p *Policy) { p.Communities = []CommunityPattern{"65000:*"} }, func(*Policy) {}, func(p *Policy) { p.Communities = []CommunityPattern{"65000:*"} },
		},
		"RPKI": {
			func(p *Policy) { p.RPKI = RPKI{VRPs: "v.json", Path: "a/v.json", Invalid: Refuse} }, func(*Policy) {},
			func(p *Policy) { p.RPKI = RPKI{VRPs: "v.json", Path: "a/v.json", Invalid: Refuse} },
		},
		"Flap": {
			func(p *Policy) { p.Flap = Flap{3, 9000} }, func(p *Policy) { p.Flap = Flap{6, 9000} }, func(p *Policy) { p.Flap = Flap{3, 9000} },
		},
		"Overrides": {
			func(p *Policy) { p.Overrides = []Override{{Rules: Rules(), Plan: "9b1d2c3f4a5b"}} }, func(*Policy) {},
			func(p *Policy) { p.Overrides = []Override{{Rules: Rules(), Plan: "9b1d2c3f4a5b"}} },
		},
	} {
		made := func(change func(*Policy)) *Policy {
			p := Unguarded()
			change(p)
			return p
		}
		a, b, want := made(test.a), made(test.b), made(test.want)
		for _, pair := range [][2]*Policy{{a, b}, {b, a}} {
			got, err := pair[0].Stricter(pair[1])
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: it is %+v, %v\nwant %+v", name, got, err, want)
			}
		}
		if !reflect.DeepEqual(a, made(test.a)) || !reflect.DeepEqual(b, made(test.b)) {
			t.Errorf("%s: it was changed", name)
		}
		delete(fieldsLeft, strings.Split(name, ",")[0])
	}
	for name := range fieldsLeft {
		t.Errorf("nobody has looked what the stricter %s is", name)
	}
}

// fieldsLeft are the fields of a policy, less those that TestStricter looks at.
var fieldsLeft = func() map[string]bool {
	all := map[string]bool{}
	for f := range reflect.TypeFor[Policy]().NumField() {
		all[reflect.TypeFor[Policy]().Field(f).Name] = true
	}
	return all
}()

// TestNoStricter: what can't be both says which key that is.
func TestNoStricter(t *testing.T) {
	t.Parallel()
	for want, change := range map[string][2]func(*Policy){
		"communities are given already, and they are others": {
			func(p *Policy) { p.Communities = []CommunityPattern{"65000:*"} }, func(p *Policy) { p.Communities = []CommunityPattern{} },
		},
		"rpki is given already, and it is another": {
			func(p *Policy) { p.RPKI = RPKI{VRPs: "v.json", Path: "v.json", Invalid: Refuse} },
			func(p *Policy) { p.RPKI = RPKI{VRPs: "v.json", Path: "a/v.json", Invalid: Refuse} },
		},
		"flap is 6 changes in 15m0s already, and of 3 changes in 5m0s neither is the stricter": {
			func(p *Policy) { p.Flap = DefaultPolicy().Flap }, func(p *Policy) { p.Flap = Flap{3, 300_000} },
		},
		"prefix-length of ipv4 is 8-24 already, and of 25-32 that leaves none": {
			func(p *Policy) { p.Lengths4 = Lengths{8, 24} }, func(p *Policy) { p.Lengths4 = Lengths{25, 32} },
		},
		"prefix-length of ipv6 is 64-128 already, and of 16-48 that leaves none": {
			func(p *Policy) { p.Lengths6 = Lengths{64, 128} }, func(p *Policy) { p.Lengths6 = Lengths{16, 48} },
		},
	} {
		p, q := Unguarded(), Unguarded()
		change[0](p)
		change[1](q)
		if got, err := p.Stricter(q); err == nil || err.Error() != want {
			t.Errorf("it is %+v, %v\nwant %s", got, err, want)
		}
		if got, err := q.Stricter(p); err == nil {
			t.Errorf("%s: the other way round it is %+v", want, got)
		}
	}
}

// drawnPolicy is a random policy of few different things, so that two of them often
// say something of the same.
func drawnPolicy(t *rapid.T, name string) *Policy {
	p := Unguarded()
	draw := rapid.Custom(func(t *rapid.T) Limit {
		return Limit{rapid.SampledFrom([]int{0, 500, 3000, Whole}).Draw(t, "share"), rapid.SampledFrom([]int{NoCount, NoCount, 0, 3}).Draw(t, "count")}
	})
	some := func(from ...string) []string {
		return slices.Sorted(slices.Values(rapid.SliceOfNDistinct(rapid.SampledFrom(from), 0, len(from), rapid.ID).Draw(t, name)))
	}
	nets := func(from ...string) []netip.Prefix { return ordered(prefixes(some(from...)...)) }
	p.MaxWithdraw, p.MaxWithdrawSpace.Share = draw.Draw(t, name), draw.Draw(t, name).Share
	p.MinRoutes, p.MaxRoutes = rapid.IntRange(0, 3).Draw(t, name), rapid.IntRange(0, 3).Draw(t, name)
	for _, tag := range some("x", "y", "z") {
		b := TagBounds{Tag: tag, MinRoutes: rapid.IntRange(0, 2).Draw(t, name)}
		if rapid.Bool().Draw(t, name) {
			b.MaxWithdraw = new(draw.Draw(t, name))
		}
		p.Tags = append(p.Tags, b)
	}
	for _, peer := range some("192.0.2.1", "192.0.2.2") {
		p.Peers = append(p.Peers, PeerBounds{netip.MustParseAddr(peer), draw.Draw(t, name)})
	}
	p.Protect, p.Never = nets("10.0.0.0/8", "10.1.0.0/16"), nets("20.0.0.0/8", "2001:db8::/32")
	if p.Allow = some("private", "shared", "documentation"); len(p.Allow) == 0 {
		p.Allow = nil
	}
	p.Lengths4.Min, p.Lengths6.Max = rapid.IntRange(0, 32).Draw(t, name), rapid.IntRange(0, 128).Draw(t, name)
	if rapid.Bool().Draw(t, name) {
		p.NextHops = &NextHops{nets("10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "::/0"), rapid.Bool().Draw(t, name)}
	}
	p.Communities = rapid.SampledFrom([][]CommunityPattern{nil, nil, nil, {"65000:*"}, {"no-export"}}).Draw(t, name)
	p.RPKI = rapid.SampledFrom([]RPKI{{}, {}, {}, {VRPs: "v.json", Invalid: Refuse}, {VRPs: "w.json", Invalid: Warn}}).Draw(t, name)
	p.Flap = rapid.SampledFrom([]Flap{{}, {6, 900_000}, {3, 900_000}, {3, 1_800_000}, {9, 3_600_000}}).Draw(t, name)
	return p
}

// TestStricterIsALeast: the order of policies means nothing, nor that one is there
// twice, nor one that refuses nothing; and combining changes neither.
func TestStricterIsALeast(t *testing.T) {
	t.Parallel()
	combined := 0
	rapid.Check(t, func(t *rapid.T) {
		all := []*Policy{drawnPolicy(t, "p"), drawnPolicy(t, "q"), drawnPolicy(t, "r")}
		var texts []string
		for _, p := range all {
			texts = append(texts, text(t, p))
		}
		fold := func(order ...int) (string, error) {
			p := all[order[0]]
			for _, i := range order[1:] {
				var err error
				if p, err = p.Stricter(all[i]); err != nil {
					return "", err
				}
			}
			return p.Digest(), nil
		}
		for i, p := range all {
			for _, other := range []*Policy{p, Unguarded()} {
				if got, err := p.Stricter(other); err != nil || got.Digest() != p.Digest() {
					t.Fatalf("with itself, or with nothing, it is %s, %v\nwant %s", text(t, got), err, texts[i])
				}
			}
		}
		pq, err1 := fold(0, 1)
		qp, err2 := fold(1, 0)
		if pq != qp || (err1 == nil) != (err2 == nil) {
			t.Fatalf("one with the other is %s, %v; the other with the one %s, %v", pq, err1, qp, err2)
		}
		digests := map[string]bool{}
		for _, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
			if d, err := fold(order...); err == nil {
				digests[d] = true
				combined++
			}
		}
		if len(digests) > 1 {
			t.Fatalf("three of them come to %d policies", len(digests))
		}
		for i, p := range all {
			if text(t, p) != texts[i] {
				t.Fatalf("%s was changed to %s", texts[i], text(t, p))
			}
		}
	})
	if combined == 0 {
		t.Error("none could be combined")
	}
}

func text(t *rapid.T, p *Policy) string {
	all, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(all)
}
