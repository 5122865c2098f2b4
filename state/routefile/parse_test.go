package routefile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"routesync/state"
)

const head = "version: 1\nowner: a\nspeakers: [s]\ndefaults: { next-hop: 192.0.2.1 }\nroutes:\n"

// attrs lets cmp look into the attributes, which are one canonical text.
func attrs() cmp.Option {
	return cmp.Options{
		cmp.Comparer(func(a, b state.Attrs) bool { return a == b }),
		cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
		cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
	}
}

func mustParse(t rapid.TB, data []byte) *state.Desired {
	t.Helper()
	d, err := Parse("routes.yaml", data)
	if err != nil {
		t.Fatalf("refused:\n%s\n%s", rendered(err), data)
	}
	return d
}

func TestEveryFaultIsReported(t *testing.T) {
	_, err := Parse("routes.yaml", []byte(`version: 1
owner: Classic
speakers: [edge1, edge1, "edge 2"]
defaults: { next-hop: 192.0.2.300, med: 4294967296, colour: red, peers: [x] }
limits: {}
routes:
  - prefix: 10.0.0.1/24
    med: 4294967296
    as-path: [0, 65001, 4294967296]
    tags: [a b]
    comment: ~
    name: x
    path-information: a
  - prefix: [10.0.0.0/8]
    next-hop: 1.2.3
  - med: x
  - prefix: 2001:db8::/32
    next-hop: 192.0.2.1
    local-preference: -1
  - prefixes: [10.0.0.0/8, 10.0.0.0, ~]
    peers: [192.0.2.1]
  - prefix: 10.0.0.0/8
    peers: [192.0.2.1]
    prefix: &a 11.0.0.0/8
    large-community: *a
`))
	var got []string
	for _, f := range Faults(err) {
		got = append(got, f.Error())
	}
	want := strings.Split(strings.TrimSpace(`
routes.yaml:2:8: owner "Classic" is not a name
routes.yaml:3:19: speaker edge1 is listed twice
routes.yaml:3:26: speaker "edge 2" is not a name
routes.yaml:4:23: next-hop: "192.0.2.300" is not an ip address
routes.yaml:4:41: med 4294967296 is over 4294967295
routes.yaml:4:53: "colour" is not a key of defaults
routes.yaml:4:74: peer "x" is not an ip address
routes.yaml:5:1: "limits" is not a key of the file
routes.yaml:7:13: prefix 10.0.0.1/24 has host bits set
routes.yaml:8:10: med 4294967296 is over 4294967295
routes.yaml:9:15: as number "0" is not in 1..4294967295
routes.yaml:9:25: as number "4294967296" is not in 1..4294967295
routes.yaml:10:12: tag "a b" is no word
routes.yaml:11:14: comment has no value
routes.yaml:12:5: name is not part of the format: free text is not passed to exaBGP
routes.yaml:13:23: path-information "a" is neither a number in 0..4294967295 nor a dotted quad
routes.yaml:14:13: prefix takes one value, not a list
routes.yaml:15:15: next-hop: "1.2.3" is not an ip address
routes.yaml:16:5: a route has no prefix
routes.yaml:16:10: med "x" is not a number in 0..4294967295
routes.yaml:18:15: next-hop 192.0.2.1 is not of the family of 2001:db8::/32
routes.yaml:19:23: local-preference "-1" is not a number in 0..4294967295
routes.yaml:20:28: prefix "10.0.0.0" has no length
routes.yaml:20:38: prefix has no value
routes.yaml:22:13: 10.0.0.0/8 is given twice for peer 192.0.2.1; the first is in line 20
routes.yaml:24:5: prefix is given twice; the first is in line 22
routes.yaml:24:13: anchors and aliases (& and *) are not part of the format
routes.yaml:25:22: anchors and aliases (& and *) are not part of the format
`), "\n")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err.Error() != strings.Join(want, "\n") {
		t.Errorf("the text of the error is\n%v", err)
	}
	if shown := rendered(err); !strings.HasSuffix(shown, "\nand 8 more\n") {
		t.Errorf("rendered, it ends with\n%s", shown[len(shown)-200:])
	}
	text, _ := json.Marshal(Items(err)[0])
	if want := `{"file":"routes.yaml","line":2,"column":8,"message":"owner \"Classic\" is not a name","hint":"a name has 1 to 63 of a-z, 0-9, '.', '_' and '-', and begins with a letter or digit"}`; string(text) != want {
		t.Errorf("as JSON %s", text)
	}
}

func TestNoFaults(t *testing.T) {
	if got, _ := json.Marshal(Items(nil)); string(got) != "[]" {
		t.Errorf("no faults are %s as JSON", got)
	}
	if got := rendered(errors.New("disk on fire")); got != "error: disk on fire\n" {
		t.Errorf("another error is rendered as %q", got)
	}
	wrapped := fmt.Errorf("apply: %w", join([]*Error{{Msg: "x"}}))
	if len(Faults(wrapped)) != 1 {
		t.Error("a wrapped error hides its faults")
	}
}

func TestTooLargeIsRefused(t *testing.T) {
	full := strings.NewReader(strings.Repeat("#", MaxSize))
	if data, err := ReadAll(full); err != nil || len(data) != MaxSize {
		t.Errorf("a file of the limit: %d bytes, %v", len(data), err)
	}
	over := strings.Repeat("#", MaxSize+1)
	if data, err := ReadAll(strings.NewReader(over)); !errors.Is(err, ErrTooLarge) || data != nil {
		t.Errorf("a file over the limit: %d bytes, %v", len(data), err)
	}
	if _, err := Parse("routes.yaml", []byte(over)); err == nil {
		t.Error("Parse took a file over the limit")
	}
	broken := errors.New("broken")
	if _, err := ReadAll(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("a broken reader: %v", err)
	}
}

func TestQuotesMakeNoDifference(t *testing.T) {
	plain := mustParse(t, []byte(head+"- prefix: 10.0.0.0/8\n  med: 7\n  community: [65000:666]\n"))
	quoted := mustParse(t, []byte(head+"- 'prefix': \"10.0.0.0/8\"\n  \"med\": '7'\n  community: ['65000:666']\n"))
	if diff := cmp.Diff(placeless(plain), placeless(quoted), attrs()); diff != "" {
		t.Error(diff)
	}
}

// A value that an escape made must not be taken for two that were written.
func TestRecipesAreNotMixedUp(t *testing.T) {
	good := "- prefix: 10.0.0.0/8\n  community: [1:1, 2:2]\n"
	for _, joint := range []string{`\0`, `\x03`, `\0\x03`, `\t`, ` `, `,`} {
		text := head + good + "- prefix: 11.0.0.0/8\n  community: [\"1:1" + joint + "2:2\"]\n"
		if _, err := Parse("r", []byte(text)); len(Faults(err)) != 1 {
			t.Errorf("%s joined two values: %v", joint, err)
		}
	}
	d := mustParse(t, []byte(head+good+"- prefix: 11.0.0.0/8\n  cluster-list: [1.1.1.1, 2.2.2.2]\n- prefix: 12.0.0.0/8\n  community: [2:2, 1:1]\n"))
	if d.Routes[0].Attrs == d.Routes[1].Attrs || d.Routes[0].Attrs != d.Routes[2].Attrs {
		t.Errorf("attributes of one route are those of another:\n%s", dump(d))
	}
}

// A mistake in one place of a large file must not take a person's evening.
func TestFaultsInOneLongLineAreFast(t *testing.T) {
	data := []byte(`{version: 1, owner: a, speakers: [s], routes: [` + strings.Repeat(`{prefix: 10.0.0.1/24, med: x}, `, 20_000) + "]}\n")
	start := time.Now()
	_, err := Parse("routes.yaml", data)
	if n := len(Faults(err)); n != 40_000 {
		t.Errorf("%d faults", n)
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("took %v", took)
	}
	if shown := rendered(err); len(shown) > 20_000 {
		t.Errorf("rendered, it is %d bytes", len(shown))
	}
}

func samples() map[state.Name][]string {
	return map[state.Name][]string{
		state.Origin:            {"incomplete"},
		state.ASPath:            {"65001", "(65002 65003)"},
		state.MED:               {"0"},
		state.LocalPreference:   {"4294967295"},
		state.AtomicAggregate:   {},
		state.Aggregator:        {"4200000000:192.0.2.3"},
		state.Community:         {"1:1", "blackhole"},
		state.OriginatorID:      {"0.0.0.1"},
		state.ClusterList:       {"192.0.2.2", "192.0.2.1"},
		state.ExtendedCommunity: {"0x4300000000000001", "target:65000:1"},
		state.AIGP:              {"18446744073709551615"},
		state.LargeCommunity:    {"1:2:3"},
		state.PrefixSID:         {"300", "(800000,100)"},
		state.PrefixSIDSRv6:     {"vpn 2001:db8::2"},
		state.Raw:               {"0x63 0xc0 0x01", "0x64 0xe0 0x02"},
	}
}

func TestSamplesAreOfEveryAttribute(t *testing.T) {
	for _, name := range state.Names() {
		if _, ok := samples()[name]; !ok && name != state.NextHop {
			t.Errorf("no sample of %s", name)
		}
	}
}

func checkFaults(t *testing.T, file func(string) []byte, err error) {
	faults := Faults(err)
	if len(faults) == 0 {
		t.Fatalf("an error without faults: %v", err)
	}
	for _, f := range faults {
		lines := bytes.Count(file(f.Pos.File), []byte("\n")) + 1
		if f.Pos.Line < 1 || int(f.Pos.Line) > lines || f.Pos.Column < 1 || f.Msg == "" || f.Width < 1 {
			t.Fatalf("%v is not in a file of %d lines", f, lines)
		}
	}
	for _, c := range rendered(err) {
		if c != '\n' && invisible(c) {
			t.Fatalf("%q is rendered", c)
		}
	}
}
