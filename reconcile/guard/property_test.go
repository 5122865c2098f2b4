package guard

import (
	"math"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"routesync/state"
)

// drawn is a random case in 20.0.0.0/26 and 2a00::/122, with two owners and two
// peers, so small that each address can be looked at.
func drawn(t *rapid.T) Case {
	peers := [][]netip.Addr{{peerA}, {peerB}, {peerA, peerB}}
	families := []state.Family{state.IPv4Unicast, state.IPv6Unicast, state.IPv4VPN}
	advertised := &state.Advertised{Speaker: "edge1", Complete: true}
	for _, p := range peers[2] {
		advertised.Peers = append(advertised.Peers, state.Neighbor{Addr: p, Up: true, Families: families})
	}
	desired := &state.Desired{Owner: owner}
	med := func(n int) state.Attrs {
		attrs, err := state.NewAttrs(map[state.Name][]string{state.NextHop: {"192.0.2.9"}, state.MED: {string(rune('1' + n))}})
		if err != nil {
			t.Fatal(err)
		}
		return attrs
	}
	seen := map[state.Key]bool{}
	for range rapid.IntRange(0, 25).Draw(t, "keys") {
		k := drawnKey(t)
		if seen[k] {
			continue
		}
		seen[k] = true
		if at := rapid.IntRange(-1, 2).Draw(t, "at"); at >= 0 {
			a := state.Advert{Owner: rapid.SampledFrom([]string{owner, owner, "another"}).Draw(t, "owner"), Attrs: med(rapid.IntRange(0, 1).Draw(t, "med"))}
			for _, p := range peers[at] {
				a.At = append(a.At, state.At{Peer: p, Grade: rapid.SampledFrom([]state.Grade{state.Sent, state.Held, state.Sent, state.Withdrawing}).Draw(t, "grade")})
			}
			a.From.Expires = rapid.SampledFrom([]int64{0, 0, 0, 500, 2000}).Draw(t, "expires")
			advertised.Routes.Set([]state.Advert{a}, k)
		}
		if rapid.Bool().Draw(t, "wanted") {
			terms := &state.Terms{Attrs: med(0), Tags: rapid.SampledFrom([][]string{nil, {"x"}, {"x", "y"}}).Draw(t, "tags")}
			if at := rapid.IntRange(0, 3).Draw(t, "for"); at < 3 {
				terms.Peers = state.NewPeers(peers[at])
			}
			desired.Routes = append(desired.Routes, state.Wanted{Key: k, Terms: terms})
		}
	}
	slices.SortFunc(desired.Routes, func(a, b state.Wanted) int { return state.CompareKeys(a.Key, b.Key) })
	plan, err := state.Diff(desired, advertised)
	if err != nil {
		t.Fatal(err)
	}
	known := func(k state.Key, _ netip.Addr) ([]string, bool) { return []string{"x"}, len(k.NLRI)%2 == 1 }
	return Case{Desired: desired, Advertised: advertised, Plan: plan, Now: 1000, Tags: known}
}

func drawnKey(t *rapid.T) state.Key {
	n, bits := byte(rapid.IntRange(0, 63).Draw(t, "low")), rapid.IntRange(0, 6).Draw(t, "bits")
	id := uint32(rapid.SampledFrom([]int{0, 0, 1}).Draw(t, "path"))
	switch rapid.IntRange(0, 2).Draw(t, "family") {
	case 0:
		return state.UnicastKey(netip.PrefixFrom(netip.AddrFrom4([4]byte{20, 0, 0, n}), 26+bits).Masked(), id)
	case 1:
		if rapid.IntRange(0, 7).Draw(t, "default") == 0 {
			return state.UnicastKey(netip.PrefixFrom(netip.IPv6Unspecified(), 0), id)
		}
		return state.UnicastKey(netip.PrefixFrom(netip.AddrFrom16([16]byte{0: 0x2a, 15: n}), 122+bits).Masked(), id)
	}
	k, err := state.ParseKey(state.IPv4VPN, netip.PrefixFrom(netip.AddrFrom4([4]byte{20, 0, 0, n}), 26+bits).Masked().String()+
		" rd "+rapid.SampledFrom([]string{"65000:1", "65000:2"}).Draw(t, "rd"))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// carriedOut is which peers have a route of the owner, before the plan and after
// it: what the wire would show, found by doing it.
func carriedOut(c Case) (before, after map[state.Key]map[netip.Addr]bool) {
	before, after = map[state.Key]map[netip.Addr]bool{}, map[state.Key]map[netip.Addr]bool{}
	set := func(m map[state.Key]map[netip.Addr]bool, k state.Key, p netip.Addr) {
		if m[k] == nil {
			m[k] = map[netip.Addr]bool{}
		}
		m[k][p] = true
	}
	for k, adverts := range c.Advertised.Routes.All() {
		for _, a := range adverts {
			for _, at := range a.At {
				if a.Owner == owner && at.Grade != state.Withdrawing {
					set(before, k, at.Peer)
					set(after, k, at.Peer)
				}
			}
		}
	}
	for _, x := range c.Plan.Changes {
		for _, p := range x.Peers {
			switch {
			case x.Op() != state.Withdraw:
				set(after, x.Key, p)
			default:
				delete(after[x.Key], p)
				if x.Advert.From.Expires != 0 && x.Advert.From.Expires <= c.Now {
					delete(before[x.Key], p) // agreed to
				}
			}
		}
	}
	for _, m := range []map[state.Key]map[netip.Addr]bool{before, after} {
		for k, at := range m {
			if len(at) == 0 {
				delete(m, k)
			}
		}
	}
	return before, after
}

// TestTallyAgreesWithDoingIt: what is counted on one walk is what is found by
// carrying the plan out, address by address.
func TestTallyAgreesWithDoingIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawn(t)
		got := take(&c, state.DefaultPolicy())
		before, after := carriedOut(c)
		gone := 0
		for k := range before {
			if after[k] == nil {
				gone++
			}
		}
		if got.before != len(before) || got.after != len(after) || got.gone.Count != gone {
			t.Fatalf("counted %d, %d, %d gone; there are %d, %d, %d", got.before, got.after, got.gone.Count, len(before), len(after), gone)
		}
		for _, p := range []netip.Addr{peerA, peerB} {
			n, leaving := 0, 0
			for k := range before {
				if before[k][p] {
					n++
					if !after[k][p] {
						leaving++
					}
				}
			}
			x := at(got.peers, p)
			if x.before != n || x.leaving.Count != leaving {
				t.Errorf("at %s: counted %d, %d leave; there are %d, %d", p, x.before, x.leaving.Count, n, leaving)
			}
		}
		tagsOf := func(k state.Key) []string {
			if w := c.Desired.Find(k, netip.Addr{}); w != nil {
				return w.Tags
			}
			tags, known := c.Tags(k, peerA)
			if !known {
				return nil
			}
			return tags
		}
		for _, tag := range []string{"x", "y"} {
			was, is := 0, 0
			for k := range before {
				if after[k] == nil && slices.Contains(tagsOf(k), tag) {
					was++
				}
			}
			for k := range after {
				if w := c.Desired.Find(k, netip.Addr{}); w != nil && slices.Contains(w.Tags, tag) {
					is++
					if before[k] != nil {
						was++
					}
				}
			}
			x := at(got.tags, tag)
			if x.before != was || x.after != is {
				t.Errorf("of %s: counted %d and %d; there are %d and %d", tag, x.before, x.after, was, is)
			}
		}
		for _, space := range got.impact().Space {
			total, dark := 0, 0
			if whole := func(m map[state.Key]map[netip.Addr]bool) bool {
				for k := range m {
					if k.Family == space.Family && k.Bits() == 0 {
						return true
					}
				}
				return false
			}; whole(before) || whole(after) {
				continue // not to be counted address by address
			}
			for n := range 64 {
				for _, rd := range []string{"", "65000:1", "65000:2"} {
					if !covered(before, space.Family, rd, byte(n)) {
						continue
					}
					total++
					if !covered(after, space.Family, rd, byte(n)) {
						dark++
					}
				}
			}
			if math.Abs(space.Total-float64(total)) > 1e-6 || math.Abs(space.Dark-float64(dark)) > 1e-6 {
				t.Errorf("%s: %v of %v addresses go dark; there are %d of %d", space.Family, space.Dark, space.Total, dark, total)
			}
		}
	})
}

func covered(by map[state.Key]map[netip.Addr]bool, f state.Family, rd string, n byte) bool {
	a := netip.AddrFrom4([4]byte{20, 0, 0, n})
	if f.Is6() {
		a = netip.AddrFrom16([16]byte{0: 0x2a, 15: n})
	}
	for k := range by {
		if k.Family == f && k.RD() == rd && k.Prefix().Contains(a) {
			return true
		}
	}
	return false
}

// TestClearIsNeverWrong: what is cleared at a glance, a look at all of it has nothing
// against.
func TestClearIsNeverWrong(t *testing.T) {
	cleared := 0
	rapid.Check(t, func(t *rapid.T) {
		c := drawn(t)
		p := state.Unguarded()
		for _, l := range []*state.Limit{&p.MaxWithdraw, &p.MaxWithdrawSpace} {
			*l = state.Limit{Share: rapid.SampledFrom([]int{0, 1000, 3000, 6000, state.Whole}).Draw(t, "share"), Count: state.NoCount}
		}
		p.MaxWithdraw.Count = rapid.SampledFrom([]int{state.NoCount, state.NoCount, 0, 1, 3}).Draw(t, "count")
		switch rapid.IntRange(0, 9).Draw(t, "besides") {
		case 0:
			p.MinRoutes = rapid.IntRange(1, 10).Draw(t, "min")
		case 1:
			p.MaxRoutes = rapid.IntRange(1, 10).Draw(t, "max")
		case 2:
			p.Tags = []state.TagBounds{{Tag: "x", MinRoutes: 2}}
		case 3:
			p.Peers = []state.PeerBounds{{Peer: peerB, MaxWithdraw: state.Limit{Share: 1000, Count: state.NoCount}}}
		case 4:
			p.Protect = []netip.Prefix{netip.MustParsePrefix("20.0.0.0/28")}
		case 5:
			p.Never = []netip.Prefix{netip.MustParsePrefix("20.0.0.0/28")}
		case 6:
			p.Lengths6 = state.Lengths{Min: 124, Max: 126}
		case 7:
			p.NextHops = &state.NextHops{}
		case 8:
			p.RPKI = state.RPKI{VRPs: "vrps.json", NotFound: state.Warn}
		}
		if !Clear(c, p) {
			return
		}
		cleared++
		if v := Check(c, p); len(v.Refusals)+len(v.Warnings) > 0 {
			t.Errorf("cleared, and refused: %+v", v)
		}
	})
	if cleared == 0 {
		t.Error("nothing was cleared")
	}
}
