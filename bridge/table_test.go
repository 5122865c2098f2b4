package bridge

import (
	"cmp"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"routesync/state"
)

func drawKey(t *rapid.T) state.Key {
	b := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "address")
	id := rapid.SampledFrom([]uint32{0, 0, 1}).Draw(t, "path")
	if rapid.Bool().Draw(t, "ipv6") {
		return state.UnicastKey(netip.PrefixFrom(netip.AddrFrom16([16]byte(b)), rapid.IntRange(0, 128).Draw(t, "bits")).Masked(), id)
	}
	p := netip.PrefixFrom(netip.AddrFrom4([4]byte(b)), rapid.IntRange(0, 32).Draw(t, "bits")).Masked()
	if k, err := state.PrefixKey(state.IPv4VPN, p, "65000:1", id); err == nil && rapid.Bool().Draw(t, "vpn") {
		return k
	}
	return state.UnicastKey(p, id)
}

func TestBeginningsOrderKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawKey(t), drawKey(t)
		if x, y := beginOf(a), beginOf(b); x != y && cmp.Compare(x, y) != state.CompareKeys(a, b) {
			t.Errorf("%x of %v, %x of %v", x, a, y, b)
		}
	})
}

func TestEveryChangedKeyIsToldOnceMore(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		table, p := newAdjRIBOut(), &peer{}
		keys := []state.Key{drawKey(rt), drawKey(rt), drawKey(rt)}
		untold := map[state.Key]bool{}
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			k := rapid.SampledFrom(keys).Draw(rt, "key")
			switch rapid.IntRange(0, 3).Draw(rt, "what") {
			case 0:
				table.set(k, slot{peer: p, grade: state.Accepted})
				untold[k] = true
			case 1:
				if s := table.find(k, p); s != nil && s.grade != state.Sent {
					table.grade(k, s, state.Sent, "")
					untold[k] = true
				}
			case 2:
				if table.find(k, p) != nil {
					table.drop(k, p)
					untold[k] = true
				}
			case 3:
				next := table.news(2)
				n := rapid.IntRange(0, len(next)).Draw(rt, "told")
				for _, k := range next[:n] {
					delete(untold, k)
				}
				table.told(n)
			}
		}
		for len(table.dirty) > 0 {
			next := table.news(2)
			for _, k := range next {
				delete(untold, k)
			}
			table.told(len(next))
		}
		if len(untold) > 0 {
			rt.Errorf("not told: %v", untold)
		}
		if !slices.IsSortedFunc(table.keys(), state.CompareKeys) {
			rt.Errorf("in no order: %v", table.keys())
		}
	})
}
