package routefile

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"routesync/state"
)

// genDesired draws sets of routes with all that a file can say.
func genDesired(t *rapid.T) *state.Desired {
	d := &state.Desired{Owner: "a", Speakers: []string{"s"}, Routes: []state.Wanted{}}
	used := map[state.Key]bool{}
	for range rapid.IntRange(0, 12).Draw(t, "routes") {
		w, ok := genRoute(t)
		if !ok || used[w.Key] {
			continue
		}
		used[w.Key] = true
		w.Comment = rapid.SampledFrom([]string{"", "it's 5: x # y", "é"}).Draw(t, "comment")
		w.Starts = 1000 * rapid.SampledFrom([]int64{0, 1, 1796083200}).Draw(t, "starts")
		w.Expires = 1000 * rapid.SampledFrom([]int64{0, 1796083201, 4102444799}).Draw(t, "expires")
		w.Lease = 1000 * rapid.SampledFrom([]int64{0, 10, 600, 2592000}).Draw(t, "lease")
		if rapid.Bool().Draw(t, "peers") {
			w.Peers = state.SelectPeers([]state.Selector{
				{Tag: "transit"}, {AS: 65001}, {Addr: netip.MustParseAddr("192.0.2.9")}, {Addr: netip.MustParseAddr("2001:db8::9")},
			})
			w.Tags = []string{"b", "a:1"}
			terms := *w.Terms
			other := state.Wanted{Key: w.Key, Terms: &terms}
			other.Peers = state.SelectPeers([]state.Selector{{AS: rapid.SampledFrom([]uint32{65002, 4200000000}).Draw(t, "as")}})
			d.Routes = append(d.Routes, other)
		}
		d.Routes = append(d.Routes, w)
	}
	slices.SortFunc(d.Routes, func(a, b state.Wanted) int {
		return cmp.Or(state.CompareKeys(a.Key, b.Key), cmp.Compare(a.Peers, b.Peers))
	})
	return d
}

// genRoute draws a route of any family that a file can say.
func genRoute(t *rapid.T) (state.Wanted, bool) {
	switch kind := rapid.SampledFrom([]string{"prefix", "prefix", "label", "vpn", "flow", "vpls"}).Draw(t, "kind"); kind {
	case "flow":
		return genFlow(t), true
	case "vpls":
		size := rapid.Uint32Range(0, 65535).Draw(t, "size")
		key, err := state.VPLSKey("65000:1", rapid.Uint32Range(0, 65535).Draw(t, "endpoint"), rapid.Uint32Range(0, 1<<20-1-size).Draw(t, "base"), 3, size)
		return state.Wanted{Key: key, Terms: &state.Terms{Attrs: genAttrs(t, "192.0.2.1", state.AIGP, "")}}, err == nil
	default:
		return genPrefix(t, kind)
	}
}

func genPrefix(t *rapid.T, kind string) (state.Wanted, bool) {
	bytes := rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "address")
	addr, hop := netip.AddrFrom4([4]byte(bytes)), "192.0.2.1"
	families := map[string]state.Family{"prefix": state.IPv4Unicast, "label": state.IPv4Labelled, "vpn": state.IPv4VPN}
	if rapid.Bool().Draw(t, "ipv6") {
		wide := [16]byte{0x20, 0x01}
		copy(wide[2:], bytes)
		addr, hop = netip.AddrFrom16(wide), "2001:db8::1"
		families = map[string]state.Family{"prefix": state.IPv6Unicast, "label": state.IPv6Labelled, "vpn": state.IPv6VPN}
	}
	prefix, _ := addr.Prefix(rapid.IntRange(0, addr.BitLen()).Draw(t, "bits"))
	if addr.IsMulticast() || prefix.Addr().IsMulticast() {
		return state.Wanted{}, false
	}
	rd, label := "", ""
	if kind != "prefix" {
		label = "800"
	}
	if kind == "vpn" {
		rd = rapid.SampledFrom([]string{"65000:1", "192.0.2.1:65535", "4200000000:1"}).Draw(t, "rd")
	}
	key, err := state.PrefixKey(families[kind], prefix, rd, rapid.Uint32Range(0, 2).Draw(t, "path"))
	if err != nil {
		t.Fatal(err)
	}
	return state.Wanted{Key: key, Terms: &state.Terms{Attrs: genAttrs(t, hop, "", label)}}, true
}

// genAttrs draws attributes, without one of them.
func genAttrs(t *rapid.T, hop string, without state.Name, label string) state.Attrs {
	values := map[state.Name][]string{state.NextHop: {hop}}
	for name, some := range samples() {
		if name != state.NextHop && name != without && rapid.Bool().Draw(t, string(name)) {
			values[name] = some
		}
	}
	delete(values, []state.Name{state.PrefixSID, state.PrefixSIDSRv6}[rapid.IntRange(0, 1).Draw(t, "sid")])
	if label != "" {
		values[state.Label] = []string{label}
	}
	made, err := state.NewAttrs(values)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func genFlow(t *rapid.T) state.Wanted {
	components := []state.Component{{Name: "destination", Values: []string{rapid.SampledFrom([]string{"192.0.2.0/24", "2001:db8::/32"}).Draw(t, "to")}}}
	for name, values := range map[string][]string{
		"destination-port": {"53", ">1024&<2000"}, "tcp-flags": {"syn", "=ack+fin", "!rst"}, "fragment": {"is-fragment"}, "packet-length": {"<1500"},
	} {
		if rapid.Bool().Draw(t, name) {
			components = append(components, state.Component{Name: name, Values: values})
		}
	}
	rd := rapid.SampledFrom([]string{"", "65000:1"}).Draw(t, "rd")
	key, err := state.FlowKey(rd, components)
	if err != nil {
		t.Fatal(err)
	}
	values := map[state.Name][]string{}
	for _, action := range []string{"rate-limit 9600", "mark 10", "redirect 65000:1", "community 65000:1"} {
		if words := strings.Fields(action); rapid.Bool().Draw(t, action) {
			name, canonical, err := state.FlowAction(words[0], words[1:])
			if err != nil {
				t.Fatal(err)
			}
			values[name] = append(values[name], canonical...)
		}
	}
	attrs, err := state.NewAttrs(values)
	if err != nil {
		t.Fatal(err)
	}
	return state.Wanted{Key: key, Terms: &state.Terms{Attrs: attrs}}
}

func TestAnyOrderOfRoutesIsTheSameSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := genDesired(t)
		order := inOrder(len(want.Routes))
		if len(order) > 0 {
			order = rapid.Permutation(order).Draw(t, "order")
		}
		got := mustParse(t, write(want, order))
		if diff := gocmp.Diff(placeless(want), placeless(got), attrs()); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

// Where a route stands means nothing: in the file, in one that it includes, in
// a group, or in a list of prefixes.
func TestAnyPlaceOfRoutesIsTheSameSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		places := map[string]*strings.Builder{"file": {}, "group": {}, "included": {}, "list": {}}
		var flat strings.Builder
		for i := range rapid.IntRange(0, 20).Draw(t, "routes") {
			prefix := fmt.Sprintf("10.%d.0.0/16", i)
			fmt.Fprintf(&flat, "- prefix: %s\n", prefix)
			switch place := rapid.SampledFrom([]string{"file", "group", "included", "list"}).Draw(t, "place"); place {
			case "list":
				fmt.Fprintln(places[place], prefix)
			case "group":
				fmt.Fprintf(places[place], "  - prefix: %s\n", prefix)
			default:
				fmt.Fprintf(places[place], "- prefix: %s\n", prefix)
			}
		}
		lists := func(b *strings.Builder) string {
			if b.Len() == 0 {
				return " []\n"
			}
			return "\n" + b.String()
		}
		start := strings.TrimSuffix(head, "routes:\n")
		all := tree{
			"c/a.yaml": []byte("version: 1\nroutes:" + lists(places["included"])),
			"l":        []byte("# a list\n" + places["list"].String()),
		}
		routes := "routes:\n" + places["file"].String() + "- prefixes-from: l\n"
		parts := rapid.Permutation([]string{"include: [c/*.yaml]\n", "groups:\n- name: g\n  routes:" + lists(places["group"]), routes}).Draw(t, "parts")
		all["r"] = []byte(start + strings.Join(parts, ""))
		got, err := Load("r", all["r"], all)
		if err != nil {
			t.Fatalf("refused:\n%s\n%s", rendered(err), all["r"])
		}
		if flat.Len() == 0 {
			flat.WriteString("  []\n")
		}
		want := mustParse(t, []byte(head+flat.String()))
		if diff := gocmp.Diff(placeless(want), placeless(got), attrs()); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

// What is accepted can be written down and read again; what is refused is
// refused with places that are in the file.
func FuzzParse(f *testing.F) {
	for _, dir := range []string{"valid", "invalid"} {
		for _, path := range files(f, dir, 10) {
			if strings.HasSuffix(path, ".yaml") {
				f.Add(read(f, path))
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Parse("routes.yaml", data)
		if err != nil {
			checkFaults(t, func(string) []byte { return data }, err)
			return
		}
		again := mustParse(t, write(d, inOrder(len(d.Routes))))
		if diff := gocmp.Diff(placeless(d), placeless(again), attrs()); diff != "" {
			t.Fatalf("(-first +again):\n%s", diff)
		}
	})
}

// anyName is files in memory: every name that ends in .yaml is the one, any
// other the other.
type anyName struct{ yaml, list []byte }

func (a anyName) Read(name string) ([]byte, error) {
	if strings.HasSuffix(name, ".yaml") {
		return a.yaml, nil
	}
	return a.list, nil
}

func (a anyName) Glob(pattern string) ([]string, error) {
	return []string{strings.ReplaceAll(pattern, "*", "a"), strings.ReplaceAll(pattern, "*", "b")}, nil
}

// The same of a file with others: what it includes, and lists.
func FuzzLoad(f *testing.F) {
	for _, dir := range []string{"valid", "invalid"} {
		for _, path := range files(f, dir, 10) {
			if !strings.HasSuffix(path, ".txtar") {
				continue
			}
			first, all := archived(read(f, path))
			var yaml, list []byte
			for name, data := range all {
				if strings.HasSuffix(name, ".yaml") && name != first {
					yaml = data
				} else if name != first {
					list = data
				}
			}
			f.Add(all[first], yaml, list)
		}
	}
	f.Fuzz(func(t *testing.T, root, yaml, list []byte) {
		all := anyName{yaml, list}
		d, err := Load("r", root, all)
		if err != nil {
			checkFaults(t, func(name string) []byte {
				if name == "r" {
					return root
				}
				data, _ := all.Read(name)
				return data
			}, err)
			return
		}
		again := mustParse(t, write(d, inOrder(len(d.Routes))))
		if diff := gocmp.Diff(placeless(d), placeless(again), attrs()); diff != "" {
			t.Fatalf("(-first +again):\n%s", diff)
		}
	})
}
