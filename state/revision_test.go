package state

import (
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestOlderThan(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		has, inForce Revision
		want         bool
	}{
		"another set of before":        {Revision{"a", 1}, Revision{"b", 2}, true},
		"another set of the same time": {Revision{"a", 2}, Revision{"b", 2}, false},
		"another set of later":         {Revision{"a", 3}, Revision{"b", 2}, false},
		"the same set of before":       {Revision{"a", 1}, Revision{"a", 2}, false},
		"nothing was accepted":         {Revision{"a", 1}, Revision{}, false},
		"it says nothing":              {Revision{}, Revision{"b", 2}, false},
	} {
		if got := test.has.OlderThan(test.inForce); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// The digest is of what is asked for, and of nothing else.
func TestDesiredDigest(t *testing.T) {
	t.Parallel()
	route := func(prefix, hop string) Wanted {
		a, err := NewAttrs(map[Name][]string{NextHop: {hop}})
		if err != nil {
			t.Fatal(err)
		}
		return Wanted{Key: UnicastKey(netip.MustParsePrefix(prefix), 0), Terms: &Terms{Attrs: a}}
	}
	a, b := route("10.0.0.0/8", "192.0.2.1"), route("11.0.0.0/8", "192.0.2.1")
	with := func(w Wanted, change func(*Wanted)) Wanted {
		terms := *w.Terms
		w.Terms = &terms
		change(&w)
		return w
	}
	at1 := with(a, func(w *Wanted) { w.Peers = "192.0.2.1" })
	at2 := with(route("10.0.0.0/8", "192.0.2.2"), func(w *Wanted) { w.Peers = "192.0.2.2" })
	digest := func(routes ...Wanted) string { return (&Desired{Routes: routes}).Digest() }
	said := with(a, func(w *Wanted) { w.Comment, w.Tags, w.Pos = "c", []string{"t"}, Position{File: "f", Line: 3} })
	for name, same := range map[string][2]string{
		"what is said for people":  {digest(a), digest(said)},
		"the order of one key":     {digest(at1, at2), digest(at2, at1)},
		"owner and speakers":       {digest(a), (&Desired{Owner: "o", Speakers: []string{"s"}, Routes: []Wanted{a}}).Digest()},
		"what its own revision is": {digest(a), (&Desired{Routes: []Wanted{a}, Revision: Revision{"d", 1}}).Digest()},
	} {
		if same[0] != same[1] {
			t.Errorf("%s makes a difference", name)
		}
	}
	starts := with(a, func(w *Wanted) { w.Starts = 5 })
	expires := with(a, func(w *Wanted) { w.Expires = 5 })
	leased := with(a, func(w *Wanted) { w.Lease = 5 })
	seen := map[string]int{}
	for i, d := range []string{digest(), digest(a), digest(b), digest(a, b), digest(at1), digest(at2), digest(starts), digest(expires), digest(leased)} {
		if j, twice := seen[d]; twice {
			t.Errorf("%d and %d have the same digest", i, j)
		}
		seen[d] = i
	}
}

// Time passes, and the digest of the whole is the same.
func TestRevisionOfAPart(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		d := &Desired{Revision: Revision{"d", 7}}
		for _, third := range rapid.SliceOfNDistinct(rapid.Byte(), 0, 5, rapid.ID).Draw(rt, "routes") {
			d.Routes = append(d.Routes, Wanted{
				Key:   UnicastKey(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, third, 0}), 24), 0),
				Terms: &Terms{Starts: int64(rapid.IntRange(0, 3).Draw(rt, "starts")), Expires: int64(rapid.IntRange(0, 3).Draw(rt, "expires"))},
			})
		}
		slices.SortFunc(d.Routes, func(a, b Wanted) int { return CompareKeys(a.Key, b.Key) })
		part, _ := d.At(int64(rapid.IntRange(0, 4).Draw(rt, "now")))
		if part.Revision != d.Revision {
			rt.Errorf("%v is %v in part", d.Revision, part.Revision)
		}
	})
}

// The digest of a set does not depend on what was digested before.
func TestDigesterForgetsNothingAndRemembersNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		terms := []*Terms{{}, {Peers: "192.0.2.1"}, {Lease: 5}, {Lease: 5}, {Starts: 5}, {Expires: 5}, {Comment: "c"}}
		d := &Desired{}
		for i := range rapid.SampledFrom([]int{0, 1, 2000}).Draw(rt, "routes") {
			p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24)
			d.Routes = append(d.Routes, Wanted{Key: UnicastKey(p, 0), Terms: terms[0]})
			if i%7 == 0 {
				d.Routes = append(d.Routes, Wanted{Key: UnicastKey(p, 0), Terms: terms[1]})
			}
		}
		var g Digester
		for range rapid.IntRange(1, 4).Draw(rt, "sets") {
			d = &Desired{Routes: slices.Clone(d.Routes)}
			for range rapid.IntRange(0, 4).Draw(rt, "edits") {
				at := rapid.IntRange(0, len(d.Routes)).Draw(rt, "at")
				switch rapid.IntRange(0, 3).Draw(rt, "how") {
				case 0:
					d.Routes = slices.Delete(d.Routes, at, min(len(d.Routes), at+rapid.IntRange(0, 600).Draw(rt, "many")))
				case 1:
					d.Routes = slices.Insert(d.Routes, at, Wanted{Key: UnicastKey(netip.PrefixFrom(netip.AddrFrom4([4]byte{11, byte(at >> 8), byte(at)}), 24), 0), Terms: terms[0]})
				default:
					if at < len(d.Routes) {
						d.Routes[at].Terms = rapid.SampledFrom(terms).Draw(rt, "terms")
					}
				}
			}
			slices.SortStableFunc(d.Routes, func(a, b Wanted) int { return CompareKeys(a.Key, b.Key) })
			if got, want := g.Digest(d), d.Digest(); got != want {
				rt.Fatalf("%s after others, %s alone", got, want)
			}
		}
	})
}

// Between sets that have most in common, little is hashed.
func BenchmarkDigestAfter(b *testing.B) {
	d := &Desired{}
	for i := range 1_000_000 {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 12), byte(i >> 4), byte(i << 4)}), 28)
		d.Routes = append(d.Routes, Wanted{Key: UnicastKey(p, 0), Terms: &Terms{}})
	}
	less := &Desired{Routes: slices.Delete(slices.Clone(d.Routes), 500_000, 500_001)}
	var g Digester
	g.Digest(d)
	for i := 0; b.Loop(); i++ {
		g.Digest([]*Desired{less, d}[i%2])
	}
}

func BenchmarkDesiredDigest(b *testing.B) {
	d := &Desired{}
	a, err := NewAttrs(map[Name][]string{NextHop: {"192.0.2.1"}, MED: {"10"}, Community: {"65000:1", "65000:2"}})
	if err != nil {
		b.Fatal(err)
	}
	for i := range 20_000 {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24)
		d.Routes = append(d.Routes, Wanted{Key: UnicastKey(p, 0), Terms: &Terms{Attrs: a}})
	}
	for b.Loop() {
		d.Digest()
	}
}
