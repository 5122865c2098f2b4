package state

import (
	"encoding/json"
	"math"
	"math/big"
	"net/netip"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestParseLimit(t *testing.T) {
	for text, want := range map[string]Limit{
		"20%": {2000, NoCount}, "0%": {0, NoCount}, "100%": NoLimit(), "2.5%": {250, NoCount}, "0.05%": {5, NoCount}, "99.99%": {9999, NoCount},
		"500": {Whole, 500}, "0": {Whole, 0}, "off": NoLimit(),
	} {
		got, err := ParseLimit(text)
		if err != nil || got != want {
			t.Errorf("%s is %+v, %v; want %+v", text, got, err, want)
		}
		if again, err := ParseLimit(got.String()); err != nil || again != got {
			t.Errorf("%s is written as %s, which is %+v, %v", text, got, again, err)
		}
	}
	for _, text := range []string{"", "%", "101%", "100.01%", "2.555%", "2.%", ".5%", "-1", "+5", "05", "1e3", "20 %", "20%%", "Off", "2,5%"} {
		if got, err := ParseLimit(text); err == nil {
			t.Errorf("%q is taken for %+v", text, got)
		}
	}
}

// TestLimitOf: a limit of n is the share rounded down, but one of few, and never
// over the count.
func TestLimitOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := Limit{rapid.IntRange(0, Whole).Draw(t, "share"), rapid.IntRange(-1, 100).Draw(t, "count")}
		n := rapid.OneOf(rapid.IntRange(0, 1000), rapid.IntRange(0, math.MaxInt32)).Draw(t, "n")
		exact := new(big.Int).Mul(big.NewInt(int64(n)), big.NewInt(int64(l.Share)))
		want := int(exact.Div(exact, big.NewInt(Whole)).Int64())
		if l.Share > 0 && want == 0 {
			want = 1
		}
		if l.Count >= 0 && l.Count < want {
			want = l.Count
		}
		if got := l.Of(n); got != want {
			t.Errorf("%+v of %d is %d, want %d", l, n, got, want)
		}
	})
}

func TestParseOverride(t *testing.T) {
	o, err := ParseOverride("withdraw-space,withdraw@9b1d2c3f4a5b")
	if err != nil || o.String() != "withdraw,withdraw-space@9b1d2c3f4a5b" {
		t.Errorf("it is %v, %v", o, err)
	}
	for digest, lifts := range map[string]bool{"9b1d2c3f4a5b77": true, "9b1d2c3f4a5c77": false, "": false, "9b1d2c": false} {
		if o.Lifts(RuleWithdraw, digest) != lifts || o.Lifts(RuleNever, digest) {
			t.Errorf("it lifts withdraw of %q: %t; never: %t", digest, o.Lifts(RuleWithdraw, digest), o.Lifts(RuleNever, digest))
		}
	}
	if (Override{Rules: Rules()}).Lifts(RuleWithdraw, "9b1d2c3f4a5b77") {
		t.Error("an override for no plan lifts a rule")
	}
	for _, text := range []string{"", "withdraw", "@9b1d2c3f4a5b", "withdraw@", "withdraw@9b1d2c3f4a5", "withdraw@9B1d2c3f4a5b", "all@9b1d2c3f4a5b", "withdraw,withdraw@9b1d2c3f4a5b", "withdraw, never@9b1d2c3f4a5b", "*@9b1d2c3f4a5b"} {
		if o, err := ParseOverride(text); err == nil {
			t.Errorf("%q is taken for %v", text, o)
		}
	}
}

// TestPolicyDigest: whatever a policy says is in its digest, but for overrides.
func TestPolicyDigest(t *testing.T) {
	seen := map[string]string{(*Policy)(nil).Digest(): "none"}
	if DefaultPolicy().Digest() != (*Policy)(nil).Digest() {
		t.Error("no policy and the default one differ")
	}
	changes := map[string]func(*Policy){
		"MaxWithdraw": func(p *Policy) { p.MaxWithdraw.Share++ }, "MaxWithdrawSpace": func(p *Policy) { p.MaxWithdrawSpace.Share++ },
		"MinRoutes": func(p *Policy) { p.MinRoutes++ }, "MaxRoutes": func(p *Policy) { p.MaxRoutes++ },
		"Tags":    func(p *Policy) { p.Tags = []TagBounds{{Tag: "ddos"}} },
		"Peers":   func(p *Policy) { p.Peers = []PeerBounds{{Peer: netip.MustParseAddr("192.0.2.1")}} },
		"Protect": func(p *Policy) { p.Protect = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} },
		"Never":   func(p *Policy) { p.Never = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} },
		"Allow":   func(p *Policy) { p.Allow = []string{"private"} }, "Lengths4": func(p *Policy) { p.Lengths4.Max = 24 }, "Lengths6": func(p *Policy) { p.Lengths6.Max = 48 },
		"NextHops": func(p *Policy) { p.NextHops = &NextHops{Self: true} }, "Communities": func(p *Policy) { p.Communities = []CommunityPattern{"65000:*"} },
		"RPKI": func(p *Policy) { p.RPKI.Invalid = Refuse }, "Flap": func(p *Policy) { p.Flap.Within = 0 },
	}
	for name, change := range changes {
		p := DefaultPolicy()
		change(p)
		if was, there := seen[p.Digest()]; there {
			t.Errorf("%s and %s have one digest", name, was)
		}
		seen[p.Digest()] = name
	}
	p := DefaultPolicy()
	p.Overrides = []Override{{Rules: Rules(), Plan: "9b1d2c3f4a5b"}}
	if p.Digest() != DefaultPolicy().Digest() {
		t.Error("an override makes another policy")
	}
	for f := range reflect.TypeFor[Policy]().NumField() {
		if name := reflect.TypeFor[Policy]().Field(f).Name; changes[name] == nil && name != "Overrides" {
			t.Errorf("nobody has looked whether %s is in the digest", name)
		}
	}
	if text, err := json.Marshal(p); err != nil || len(text) == 0 {
		t.Errorf("it can't be written: %v", err)
	}
}

func TestCommunityPatterns(t *testing.T) {
	for text, matches := range map[string][2][]string{
		"65000:*":        {{"65000:1", "65000:65535"}, {"65001:1", "65000:1:2", "no-export"}},
		"65000:1":        {{"65000:1"}, {"65000:2"}},
		"*:666":          {{"1:666"}, {"1:667"}},
		"65535:65281":    {{"no-export"}, {"blackhole"}},
		"no-export":      {{"no-export"}, {"blackhole"}},
		"65000:*:1":      {{"65000:7:1"}, {"65000:7:2", "65000:1"}},
		"target:65000:*": {{"target:65000:1"}, {"origin:65000:1"}},
	} {
		c, err := ParseCommunityPattern(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		for i, want := range []bool{true, false} {
			for _, v := range matches[i] {
				if c.Matches(v) != want {
					t.Errorf("%s matches %s: %t", text, v, !want)
				}
			}
		}
	}
	for _, text := range []string{"", "*", "65000", ":*", "65000:", "65000:**", "65000:1*", "a b:*", "1:2:3:4:*", "70000:1", "nosuch"} {
		if c, err := ParseCommunityPattern(text); err == nil && text != "65000" {
			t.Errorf("%q is taken for %q", text, c)
		}
	}
}

func TestReservedNames(t *testing.T) {
	names := ReservedNames()
	if n := len(slices.Compact(slices.Sorted(slices.Values(names)))); n != len(names) {
		t.Errorf("a name is there twice: %v", names)
	}
	for _, r := range ReservedPrefixes() {
		for _, p := range r.Prefixes {
			if p != p.Masked() || CheckTag(r.Name) != nil {
				t.Errorf("%s has %s", r.Name, p)
			}
		}
	}
}
