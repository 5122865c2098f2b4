package state

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// canonicalForms has for every attribute how one value is written, and what it
// comes to; a form that is refused comes to "".
func canonicalForms() map[Name][][2]string {
	return map[Name][][2]string{
		Origin: {{"igp", "igp"}, {"EGP", "egp"}, {"Incomplete", "incomplete"}, {"ibgp", ""}, {"", ""}, {" igp", ""}},
		ASPath: {
			{"65001", "65001"}, {"4294967295", "4294967295"}, {"1.10", "65546"}, {"0.1", "1"}, {"65535.65535", "4294967295"},
			{"( 65004 65003 65003 )", "(65003 65004)"}, {"(1.1, 2)", "(2 65537)"},
			{"0", ""}, {"0.0", ""}, {"4294967296", ""}, {"99999999999", ""}, {"65536.1", ""}, {"1.65536", ""}, {"-1", ""}, {"01", ""},
			{"AS65001", ""}, {"()", ""}, {"(0)", ""}, {"(1", ""}, {"1 2", ""}, {"", ""}, {"1.2.3", ""}, {"( 1 ( 2 ) )", ""},
		},
		NextHop: {
			{"192.0.2.1", "192.0.2.1"}, {"2001:DB8:0::1", "2001:db8::1"}, {"SELF", "self"}, {"fe80::1", "fe80::1"},
			{"1.1.1.300", ""}, {"banana", ""}, {"0.0.0.0", ""}, {"::", ""}, {"224.0.0.1", ""}, {"ff02::1", ""}, {"255.255.255.255", ""},
			{"192.0.2.01", ""}, {"::ffff:192.0.2.1", ""}, {"fe80::1%eth0", ""}, {"192.0.2.1/32", ""}, {"", ""},
		},
		MED:             u32Forms(),
		LocalPreference: u32Forms(),
		AtomicAggregate: {{"true", ""}, {"1", ""}},
		Aggregator: {
			{"65000:192.0.2.1", "65000:192.0.2.1"}, {"( 65000:192.0.2.1 )", "65000:192.0.2.1"}, {"1.1:192.0.2.1", "65537:192.0.2.1"},
			{"65000", ""}, {"192.0.2.1", ""}, {"0:192.0.2.1", ""}, {"4294967296:192.0.2.1", ""}, {"65000:192.0.2.300", ""},
			{"65000:2001:db8::1", ""}, {"(65000:192.0.2.1", ""}, {"65000:192.0.2.1)", ""}, {"", ""},
		},
		Community: {
			{"65000:1", "65000:1"}, {"0:0", "0:0"}, {"no-export", "no-export"}, {"NO-ADVERTISE", "no-advertise"}, {"no-peer", "nopeer"},
			{"65535:65281", "no-export"}, {"65535:666", "blackhole"}, {"4259840001", "65000:1"}, {"0xFFFFFF03", "no-export-subconfed"},
			{"1:99999", ""}, {"99999:1", ""}, {"65536:0", ""}, {"4294967296", ""}, {"0x100000000", ""}, {"01:1", ""}, {"1:2:3", ""},
			{"1:", ""}, {":1", ""}, {"no_export", ""}, {"-1", ""}, {"", ""}, {"1 :1", ""},
		},
		OriginatorID: {{"192.0.2.1", "192.0.2.1"}, {"0.0.0.1", "0.0.0.1"}, {"1.2.3.400", ""}, {"::1", ""}, {"7", ""}, {"", ""}},
		ClusterList:  {{"192.0.2.1", "192.0.2.1"}, {"1.2.3.400", ""}, {"::1", ""}, {"", ""}},
		ExtendedCommunity: {
			{"target:65000:1", "target:65000:1"}, {"65000:1", "target:65000:1"}, {"TARGET:65535:4294967295", "target:65535:4294967295"},
			{"target:192.0.2.1:7", "target:192.0.2.1:7"}, {"target:70000:7", "target:70000:7"}, {"target:65000L:7", "target4:65000:7"},
			{"target4:70000:7", "target:70000:7"}, {"origin:65000:1", "origin:65000:1"}, {"origin4:65000:1", "origin4:65000:1"},
			{"redirect:65000:4294967295", "redirect:65000:4294967295"}, {"l2info:19:0:1500:111", "l2info:19:0:1500:111"},
			{"bandwidth:65000:1000000", "bandwidth:65000:1000000"}, {"redirect-to-nexthop", "redirect-to-nexthop"},
			{"0x0002fde800000001", "target:65000:1"}, {"0x43000000000000FF", "0x43000000000000ff"}, {"0x4004fde87fc00000", "0x4004fde87fc00000"},
			{"target:70000:70000", ""}, {"target:65000:4294967296", ""}, {"target:4294967296:1", ""}, {"target:192.0.2.1:65536", ""},
			{"target:1.1.1.300:1", ""}, {"target:65000", ""}, {"0x0208000000000001", ""}, {"0x800600007fc00000", ""}, {"0x0600020000000001", ""}, {"redirect:70000:1", ""}, {"redirect:192.0.2.1:1", ""},
			{"l2info:256:0:0:0", ""}, {"l2info:1:1:1", ""}, {"bandwidth:65000:16777217", ""}, {"bandwidth:70000:1", ""},
			{"0x0002", ""}, {"0x0002fde80000000g", ""}, {"colour:1:2", ""}, {"", ""}, {"1", ""}, {"target:01:1", ""},
		},
		AIGP: {
			{"0", "0"}, {"18446744073709551615", "18446744073709551615"}, {"0xffffffffffffffff", "18446744073709551615"},
			{"18446744073709551616", ""}, {"0x10000000000000000", ""}, {"-1", ""}, {"", ""},
		},
		LargeCommunity: {
			{"65000:1:2", "65000:1:2"}, {"4294967295:4294967295:4294967295", "4294967295:4294967295:4294967295"},
			{"65000:1:4294967296", ""}, {"65000:1", ""}, {"1:2:3:4", ""}, {"0x1:2:3", ""}, {"01:2:3", ""}, {"::", ""}, {"", ""},
		},
		PrefixSID: {
			{"300", "300"}, {"4294967295", "4294967295"}, {"( 800000,100 )", "(800000,100)"}, {"(0, 16777215)", "(0,16777215)"},
			{"4294967296", ""}, {"(16777216,1)", ""}, {"(1,16777216)", ""}, {"(1)", ""}, {"(1,2", ""}, {"(1,2,3)", ""}, {"0x10", ""}, {"", ""},
		},
		PrefixSIDSRv6: {
			{"l3vpn 2001:db8::1", "l3vpn 2001:db8::1"}, {"( ipv6 2001:DB8::1 )", "ipv6 2001:db8::1"}, {"vpn ::1", "vpn ::1"},
			{"2001:db8::1", ""}, {"l2vpn 2001:db8::1", ""}, {"l3vpn 192.0.2.1", ""}, {"( l3vpn ::1", ""}, {")l3vpn ::1(", ""}, {"", ""},
		},
		Raw: {
			{"0x63 0xc0 0x0102", "0x63 0xc0 0x0102"}, {"[ 0X63 0xF0 0xAB ]", "0x63 0xe0 0xab"}, {"0x63 0xd0 0x01", "0x63 0xc0 0x01"},
			{"0x63 0xc0 0x010", ""}, {"0x63 0xc0 0x", ""}, {"0x63 0xc0", ""}, {"99 192 1", ""}, {"0x63 0x40 0x01", ""}, {"0x63 0x80 0x01", ""},
			{"0x63 0xc1 0x01", ""}, {"0x02 0xc0 0x01", ""}, {"0x0e 0xc0 0x01", ""}, {"0x0163 0xc0 0x01", ""}, {"[ 0x63 0xc0 0x01", ""}, {"", ""},
		},
	}
}

func u32Forms() [][2]string {
	return [][2]string{
		{"0", "0"}, {"4294967295", "4294967295"}, {"0x10", "16"}, {"0XfF", "255"},
		{"4294967296", ""}, {"0x100000000", ""}, {"99999999999999999999999", ""}, {"-1", ""}, {"+1", ""}, {"1.5", ""}, {"1e3", ""},
		{"1_000", ""}, {"010", ""}, {" 1", ""}, {"", ""}, {"0x", ""}, {"٣", ""},
	}
}

func TestCanonicalForms(t *testing.T) {
	for _, name := range Names() {
		forms := canonicalForms()[name]
		if len(forms) == 0 {
			t.Errorf("%s has no forms to test", name)
		}
		for _, form := range forms {
			got, err := name.Canonical(form[0])
			var fault *Fault
			switch {
			case form[1] == "" && err == nil:
				t.Errorf("%s %q: accepted as %q", name, form[0], got)
			case form[1] == "" && (!errors.As(err, &fault) || fault.Msg == ""):
				t.Errorf("%s %q: %v is no Fault", name, form[0], err)
			case form[1] != "" && (err != nil || got != form[1]):
				t.Errorf("%s %q: %q, %v; want %q", name, form[0], got, err, form[1])
			}
		}
	}
}

func TestFaultsSayWhatToDo(t *testing.T) {
	for _, c := range []struct {
		name             Name
		value, msg, hint string
	}{
		{MED, "4294967296", "med 4294967296 is over 4294967295", ""},
		{MED, "010", "med 010 has a leading zero, which some read as octal", "leave the zero out"},
		{Community, "1:99999", `community "1:99999": both halves must be numbers in 0..65535`, "an AS over 65535 needs a large-community"},
		{ASPath, "4294967296", `as number "4294967296" is not in 1..4294967295`, ""},
		{Raw, "0x02 0x40 0x0201", "attribute 0x02 has a keyword of its own", "use the keyword"},
		{"weight", "1", `attribute "weight" is not known`, ""},
	} {
		_, err := c.name.Canonical(c.value)
		var fault *Fault
		if !errors.As(err, &fault) || fault.Msg != c.msg || fault.Hint != c.hint {
			t.Errorf("%s %q: %#v", c.name, c.value, err)
		}
	}
}

// FuzzCanonical holds every attribute to the rule that a canonical value is
// its own canonical form and fits the lines of [Attrs].
func FuzzCanonical(f *testing.F) {
	seeds := 0
	for i, name := range Names() {
		for _, form := range canonicalForms()[name] {
			f.Add(uint8(i), form[0])
			seeds++
		}
	}
	if seeds == 0 {
		f.Fatal("no seeds")
	}
	f.Fuzz(func(t *testing.T, which uint8, text string) {
		name := Names()[int(which)%len(Names())]
		once, err := name.Canonical(text)
		if err != nil {
			return
		}
		twice, err := name.Canonical(once)
		if err != nil || twice != once {
			t.Fatalf("%s %q: canonical %q, and of that %q, %v", name, text, once, twice, err)
		}
		if strings.ContainsAny(once, "\t\n\r[]") {
			t.Fatalf("%s %q: canonical %q would not fit", name, text, once)
		}
	})
}

func TestExtendedCommunityRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var raw [8]byte
		copy(raw[:], rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, "bytes"))
		// Most types and subtypes mean nothing here; lead half of them to those
		// that have a spelling.
		if rapid.Bool().Draw(t, "known") {
			raw[0] = rapid.SampledFrom([]byte{0x00, 0x01, 0x02, 0x08, 0x40, 0x80}).Draw(t, "type")
			raw[1] = rapid.SampledFrom([]byte{0x00, 0x02, 0x03, 0x04, 0x08, 0x0a}).Draw(t, "subtype")
		}
		text := FormatExtendedCommunity(raw)
		back, err := ExtendedCommunityBytes(text)
		if err != nil || back != raw {
			t.Fatalf("%x is %q, which is %x, %v", raw, text, back, err)
		}
		if poisonous(raw) != "" {
			return // has a text, for what others send, and may not be asked for
		}
		if again, err := ExtendedCommunity.Canonical(text); err != nil || again != text {
			t.Fatalf("%q is not canonical: %q, %v", text, again, err)
		}
	})
}

func TestCommunityRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.OneOf(rapid.Uint32(), rapid.Uint32Range(0xFFFFFF00, 0xFFFFFF0F)).Draw(t, "community")
		text := FormatCommunity(n)
		if again, err := Community.Canonical(text); err != nil || again != text {
			t.Fatalf("%d is %q, whose canonical form is %q, %v", n, text, again, err)
		}
	})
}

func TestSetsHaveNoOrderAndListsDo(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, values := range map[Name][]string{
		Community:         {"65000:2", "65000:10", "9:1", "no-export", "65000:2"},
		LargeCommunity:    {"65000:1:10", "65000:1:9", "9:1:1"},
		ExtendedCommunity: {"target:65000:2", "origin:1:1", "0x43000000000000ff"},
		Raw:               {"0x64 0xc0 0x01", "0x63 0xc0 0x02"},
		ASPath:            {"65001", "65002", "65001"},
		ClusterList:       {"192.0.2.9", "192.0.2.3"},
	} {
		ordered := name == ASPath || name == ClusterList
		want, err := NewAttrs(map[Name][]string{name: values})
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			shuffled := slices.Clone(values)
			random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			got, err := NewAttrs(map[Name][]string{name: shuffled})
			if err != nil || (got == want) != (!ordered || slices.Equal(shuffled, values)) {
				t.Errorf("%s %v: %q, against %q; %v", name, shuffled, got, want, err)
			}
		}
	}
}
