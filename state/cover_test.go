package state_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"routesync/state"
)

// coverLines are covers as text: "10.1.0.0/16 by 10.0.0.0/8 at 192.0.2.1 dark at 192.0.2.2".
func coverLines(p *state.Plan, covers []state.Cover) []string {
	var lines []string
	for _, c := range covers {
		line := p.Changes[c.Change].Key.String()
		for _, by := range c.By {
			line += fmt.Sprintf(" by %s at %s", by.Prefix, state.NewPeers(by.Peers))
			if by.Owner != p.Owner {
				line += " of " + by.Owner
			}
		}
		if len(c.Dark) > 0 {
			line += " dark at " + state.NewPeers(c.Dark).String()
		}
		if len(c.Inside) > 0 {
			line += " but for more specific at " + state.NewPeers(c.Inside).String()
		}
		lines = append(lines, line)
	}
	return lines
}

func TestCovers(t *testing.T) {
	const one, two, both = "192.0.2.1", "192.0.2.2", "192.0.2.1,192.0.2.2"
	for name, test := range map[string]struct {
		advertised, desired []string // "KEY at PEERS", with ", owner NAME"
		want                []string
	}{
		"nothing goes": {[]string{"10.0.0.0/8 at " + both}, []string{"10.0.0.0/8 at " + both}, nil},
		"dark":         {[]string{"10.0.0.0/8 at " + both}, nil, []string{"10.0.0.0/8 dark at 192.0.2.1, 192.0.2.2"}},
		"a less specific stays": {
			[]string{"10.0.0.0/8 at " + both, "10.1.0.0/16 at " + both}, []string{"10.0.0.0/8 at " + both},
			[]string{"10.1.0.0/16 by 10.0.0.0/8 at 192.0.2.1, 192.0.2.2"},
		},
		"the most specific counts": {
			[]string{"10.0.0.0/8 at " + one, "10.0.0.0/12 at " + one, "10.1.0.0/16 at " + one}, []string{"10.0.0.0/8 at " + one, "10.0.0.0/12 at " + one},
			[]string{"10.1.0.0/16 by 10.0.0.0/12 at 192.0.2.1"},
		},
		"the less specific goes too": {
			[]string{"10.0.0.0/8 at " + one, "10.1.0.0/16 at " + one}, nil,
			[]string{"10.0.0.0/8 dark at 192.0.2.1", "10.1.0.0/16 dark at 192.0.2.1"},
		},
		"a less specific comes": {
			[]string{"10.1.0.0/16 at " + one}, []string{"10.0.0.0/8 at " + one},
			[]string{"10.1.0.0/16 by 10.0.0.0/8 at 192.0.2.1"},
		},
		"a more specific covers nothing": {
			[]string{"10.0.0.0/8 at " + one, "10.0.0.0/16 at " + one}, []string{"10.0.0.0/16 at " + one},
			[]string{"10.0.0.0/8 dark at 192.0.2.1 but for more specific at 192.0.2.1"},
		},
		"a prefix is split": {
			[]string{"10.0.0.0/8 at " + both, "10.0.0.0/16 at " + one}, []string{"10.0.0.0/9 at " + one, "10.128.0.0/9 at " + two},
			[]string{"10.0.0.0/8 dark at 192.0.2.1, 192.0.2.2 but for more specific at 192.0.2.1, 192.0.2.2", "10.0.0.0/16 by 10.0.0.0/9 at 192.0.2.1"},
		},
		"a more specific of one nested in another, at one peer": {
			[]string{"10.0.0.0/8 at " + both, "10.1.0.0/16 at " + both, "10.2.0.0/16 at " + two}, []string{"10.1.2.0/24 at " + one},
			[]string{
				"10.0.0.0/8 dark at 192.0.2.1, 192.0.2.2 but for more specific at 192.0.2.1",
				"10.1.0.0/16 dark at 192.0.2.1, 192.0.2.2 but for more specific at 192.0.2.1",
				"10.2.0.0/16 dark at 192.0.2.2",
			},
		},
		"one beside it covers nothing": {
			[]string{"10.0.0.0/9 at " + one, "10.128.0.0/9 at " + one}, []string{"10.0.0.0/9 at " + one},
			[]string{"10.128.0.0/9 dark at 192.0.2.1"},
		},
		"at one of its peers": {
			[]string{"10.0.0.0/8 at " + one, "10.1.0.0/16 at " + both}, []string{"10.0.0.0/8 at " + one},
			[]string{"10.1.0.0/16 by 10.0.0.0/8 at 192.0.2.1 dark at 192.0.2.2"},
		},
		"by another at each": {
			[]string{"10.0.0.0/8 at " + one, "10.0.0.0/12 at " + two, "10.1.0.0/16 at " + both}, []string{"10.0.0.0/8 at " + one, "10.0.0.0/12 at " + two},
			[]string{"10.1.0.0/16 by 10.0.0.0/8 at 192.0.2.1 by 10.0.0.0/12 at 192.0.2.2"},
		},
		"it goes from one peer only": {
			[]string{"10.1.0.0/16 at " + both}, []string{"10.1.0.0/16 at " + one},
			[]string{"10.1.0.0/16 dark at 192.0.2.2"},
		},
		"somebody else's covers": {
			[]string{"10.0.0.0/8 at " + one + ", owner other", "10.1.0.0/16 at " + one}, nil,
			[]string{"10.1.0.0/16 by 10.0.0.0/8 at 192.0.2.1 of other"},
		},
		"another path to it, before and behind": {
			[]string{"10.1.0.0/16 at " + one, "10.1.0.0/16 path-information 7 at " + one, "10.1.0.0/16 path-information 9 at " + one},
			[]string{"10.1.0.0/16 path-information 7 at " + one},
			[]string{"10.1.0.0/16 by 10.1.0.0/16 at 192.0.2.1", "10.1.0.0/16 path-information 9 by 10.1.0.0/16 at 192.0.2.1"},
		},
		"another family and another route distinguisher do not": {
			[]string{"10.0.0.0/8 at " + one, "10.0.0.0/8 rd 65000:1 at " + one, "10.1.0.0/16 rd 65000:2 at " + one},
			[]string{"10.0.0.0/8 at " + one, "10.0.0.0/8 rd 65000:1 at " + one},
			[]string{"10.1.0.0/16 rd 65000:2 dark at 192.0.2.1"},
		},
		"a flow is no prefix": {[]string{"flow destination 10.0.0.0/8 at " + one}, nil, nil},
		"IPv6":                {[]string{"2001:db8::/32 at " + one, "2001:db8:1::/48 at " + one}, []string{"2001:db8::/32 at " + one}, []string{"2001:db8:1::/48 by 2001:db8::/32 at 192.0.2.1"}},
	} {
		advertised, desired := coverWorld(t, test.advertised, test.desired)
		plan, err := state.Diff(desired, advertised)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, coverLines(plan, plan.Covers(advertised))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func coverWorld(t testing.TB, there, asked []string) (*state.Advertised, *state.Desired) {
	families := []state.Family{state.IPv4Unicast, state.IPv4VPN, state.IPv4Flow, state.IPv6Unicast}
	advertised := &state.Advertised{Speaker: "edge1", Complete: true, Peers: []state.Neighbor{
		{Addr: netip.MustParseAddr("192.0.2.1"), Families: families}, {Addr: netip.MustParseAddr("192.0.2.2"), Families: families},
	}}
	desired := &state.Desired{Owner: "me"}
	read := func(line string) (k state.Key, peers []netip.Addr, owner string) {
		line, owner, _ = strings.Cut(line, ", owner ")
		text, at, _ := strings.Cut(line, " at ")
		f := state.IPv4Unicast
		switch {
		case strings.HasPrefix(text, "flow"):
			f = state.IPv4Flow
		case strings.Contains(text, " rd "):
			f = state.IPv4VPN
		case strings.Contains(text, "::"):
			f = state.IPv6Unicast
		}
		k, err := state.ParseKey(f, text)
		if err != nil {
			t.Fatal(err)
		}
		return k, state.Peers(at).Addrs(), owner
	}
	for _, line := range there {
		k, peers, owner := read(line)
		if owner == "" {
			owner = "me"
		}
		a := state.Advert{Owner: owner}
		for _, p := range peers {
			a.At = append(a.At, state.At{Peer: p, Grade: state.Sent})
		}
		advertised.Routes.Set([]state.Advert{a}, k)
	}
	for _, line := range asked {
		k, peers, _ := read(line)
		desired.Routes = append(desired.Routes, state.Wanted{Key: k, Terms: &state.Terms{Peers: state.NewPeers(peers)}})
	}
	slices.SortFunc(desired.Routes, func(a, b state.Wanted) int { return state.CompareKeys(a.Key, b.Key) })
	return advertised, desired
}

// TestCoversOracle compares it with looking at every pair of prefixes.
func TestCoversOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.Custom(func(t *rapid.T) string {
			bits := rapid.IntRange(0, 6).Draw(t, "bits")
			p := netip.PrefixFrom(netip.AddrFrom4([4]byte{rapid.Byte().Draw(t, "net")}), bits).Masked()
			id := rapid.SampledFrom([]string{"", " path-information 1"}).Draw(t, "path")
			return p.String() + id + " at " + rapid.SampledFrom([]string{"192.0.2.1", "192.0.2.2", "192.0.2.1,192.0.2.2"}).Draw(t, "peers")
		})
		route := func(line string) string { text, _, _ := strings.Cut(line, " at "); return text }
		there := rapid.SliceOfNDistinct(line, 0, 20, route).Draw(t, "there")
		asked := rapid.SliceOfNDistinct(line, 0, 12, route).Draw(t, "asked")
		advertised, desired := coverWorld(&testing.T{}, there, asked)
		plan, err := state.Diff(desired, advertised)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, c := range plan.Changes {
			if c.Op() != state.Withdraw {
				continue
			}
			by, dark, inside := map[string][]string{}, []string{}, []string{}
			for _, peer := range c.Peers {
				best, part := netip.Prefix{}, false
				for i := range desired.Routes { // which is all that there is behind the plan
					w := &desired.Routes[i]
					p := w.Key.Prefix()
					if slices.Contains(w.Peers.Addrs(), peer) && p.Bits() <= c.Key.Bits() && p.Contains(c.Key.Prefix().Addr()) && (!best.IsValid() || p.Bits() > best.Bits()) {
						best = p
					}
					if slices.Contains(w.Peers.Addrs(), peer) && p.Bits() > c.Key.Bits() && c.Key.Prefix().Contains(p.Addr()) {
						part = true
					}
				}
				if best.IsValid() {
					by[best.String()] = append(by[best.String()], peer.String())
				} else {
					dark = append(dark, peer.String())
					if part {
						inside = append(inside, peer.String())
					}
				}
			}
			want = append(want, fmt.Sprint(c.Key, by, dark, inside))
		}
		var got []string
		for _, c := range plan.Covers(advertised) {
			by, dark, inside := map[string][]string{}, []string{}, []string{}
			for _, x := range c.By {
				for _, p := range x.Peers {
					by[x.Prefix.String()] = append(by[x.Prefix.String()], p.String())
				}
			}
			for _, p := range c.Dark {
				dark = append(dark, p.String())
			}
			for _, p := range c.Inside {
				inside = append(inside, p.String())
			}
			got = append(got, fmt.Sprint(plan.Changes[c.Change].Key, by, dark, inside))
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("-want +got:\n%s", d)
		}
	})
}
