package snapshot_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"routesync/state"
	"routesync/state/snapshot"
)

// equal compares snapshots; tables as the lists that they are.
func equal(a, b any) string {
	type row struct {
		Key     state.Key
		Adverts []state.Advert
	}
	return cmp.Diff(a, b,
		cmp.Comparer(func(a, b state.Attrs) bool { return a == b }),
		cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
		cmp.Transformer("rows", func(t state.Table) []row {
			var rows []row
			for k, adverts := range t.All() {
				rows = append(rows, row{k, adverts})
			}
			return rows
		}))
}

func key(t testing.TB, f state.Family, text string) state.Key {
	t.Helper()
	k, err := state.ParseKey(f, text)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func attrs(t testing.TB, values map[state.Name][]string) state.Attrs {
	t.Helper()
	a, err := state.NewAttrs(values)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// sample has something of everything.
func sample(t testing.TB) snapshot.Snapshot {
	one, two := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::9")
	hop := attrs(t, map[state.Name][]string{state.NextHop: {"198.51.100.1"}})
	many := attrs(t, map[state.Name][]string{
		state.NextHop: {"198.51.100.1"}, state.Community: {"65000:1", "no-export"}, state.ASPath: {"65001", "(65002 65003)"}, state.AtomicAggregate: {},
	})
	labelled := attrs(t, map[state.Name][]string{state.NextHop: {"198.51.100.1"}, state.Label: {"800"}})
	sent := []state.At{{Peer: one, Grade: state.Sent}}
	v4 := func(text string) state.Key { return key(t, state.IPv4Unicast, text) }
	a := &state.Advertised{
		Speaker: "edge1", Complete: true,
		Peers: []state.Neighbor{
			{Addr: one, LocalAS: 65000, PeerAS: 65001, Up: true, Since: 1790000000000, Families: []state.Family{state.IPv4Unicast, state.IPv4VPN}, Tags: []string{"transit"}},
			{Addr: two, LocalAS: 65000, PeerAS: 4200000000, Lacks: []string{"add neighbor-changes; to its api"}},
		},
		Routes: state.CollectTable(maps.All(map[state.Key][]state.Advert{
			v4("10.0.0.0/16"):                    {{Attrs: hop, Owner: "edge-team", At: sent}},
			v4("10.1.0.0/16"):                    {{Attrs: many, Owner: "edge-team", At: sent}},
			v4("10.2.0.0/16"):                    {{Attrs: hop, Owner: "edge-team", At: sent}},
			v4("10.2.0.0/16 path-information 7"): {{Attrs: hop, Owner: "edge-team", At: []state.At{{Peer: one, Grade: state.Unsent, Reason: "no such family"}, {Peer: two, Grade: state.Held}}}},
			v4("10.3.0.0/16"): {
				{Attrs: hop, Owner: "edge-team", From: state.Provenance{Expires: 1790000600500, Lease: 60000}, At: []state.At{{Peer: two, Grade: state.Withdrawing}}},
				{Attrs: many, Owner: state.OwnerConsole, From: state.Provenance{By: "al on noc1 (console)", At: 1790000000500}, At: sent},
			},
			v4("10.4.0.0/16"): {{At: []state.At{{Peer: one, Grade: state.Accepted}}}}, // of exaBGP itself, attributes not known
			key(t, state.IPv4VPN, "10.9.0.0/24 rd 65000:1"):                                     {{Attrs: labelled, Owner: "edge-team", At: sent}},
			key(t, state.IPv4Flow, "flow destination 10.0.0.1/32 destination-port >1024&<2000"): {{Attrs: state.Attrs{}, Owner: "edge-team", At: sent}},
		})),
		Refused:  []state.Refusal{{Key: v4("10.8.0.0/16"), Owner: "edge-team", Attrs: hop, Peers: "192.0.2.77", Reason: "192.0.2.77 is no neighbor of edge1"}, {Key: v4("10.7.0.0/16"), Owner: "edge-team", Reason: "x"}},
		Contests: []state.Contest{{Key: v4("10.0.0.0/16"), Owner: "third-team", Holder: "edge-team"}},
	}
	return snapshot.Snapshot{
		Taken: time.Date(2026, 9, 21, 14, 13, 20, 0, time.UTC),
		Speakers: []snapshot.Speaker{
			{
				ExaBGP: "4.2.21", Boot: "27b9b8537bf0fbc0", Lacks: []string{"no state directory <&>"}, Advertised: a,
				InForce:   []snapshot.InForce{{Owner: "edge-team", Revision: state.Revision{Digest: "00112233445566778899aabbccddeeff", Changed: 1789999999000}, Host: "a", Epoch: 7}},
				Overrides: []snapshot.Override{{Owner: "edge-team", Text: "withdraw,never@9b1d2c3f4a5b"}},
			},
			{Advertised: &state.Advertised{Speaker: "edge2", Complete: true}},
		},
	}
}

func encoded(t testing.TB, s snapshot.Snapshot) []byte {
	t.Helper()
	data, err := snapshot.Encode(s)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// The format is for files that are kept: what it looks like does not change by
// itself. UPDATE_GOLDEN=1 writes the file.
func TestGolden(t *testing.T) {
	path := filepath.Join("testdata", "sample.json")
	data := encoded(t, sample(t))
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(data)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	back, err := snapshot.Decode(want)
	if err != nil {
		t.Fatal(err)
	}
	if d := equal(sample(t), back); d != "" {
		t.Errorf("it comes back otherwise:\n%s", d)
	}
	if !snapshot.Is(want) || snapshot.Is([]byte("version: 1\n")) || snapshot.Is([]byte(`{"version": 1}`)) || snapshot.Is(nil) {
		t.Error("a snapshot is not told from a file with routes")
	}
}

// White space may be another, as after a tool that formats JSON. Nothing else.
func TestDecodeIsStrict(t *testing.T) {
	good := string(encoded(t, sample(t)))
	if _, err := snapshot.Decode([]byte(strings.ReplaceAll(good, "  ", "\t"))); err != nil {
		t.Errorf("other white space: %v", err)
	}
	list := `"nlri": [` + "\n" + strings.Repeat(" ", 12)
	first := list + `"10.0.0.0/16",`
	for name, test := range map[string]struct{ old, new, want string }{
		"another version":     {`"snapshot_version": "1"`, `"snapshot_version": "2"`, `version "2", this routesync reads version "1"`},
		"no version":          {`"snapshot_version": "1",`, ``, `version ""`},
		"a key too many":      {`"boot": "27b9b8537bf0fbc0"`, `"boot": "27b9b8537bf0fbc0", "shoe": 1`, `unknown field "shoe"`},
		"a key twice":         {`"boot": "27b9b8537bf0fbc0"`, `"boot": "a", "boot": "27b9b8537bf0fbc0"`, "not as routesync wrote it"},
		"another key's case":  {`"boot": "27b9b8537bf0fbc0"`, `"Boot": "27b9b8537bf0fbc0"`, "not as routesync wrote it"},
		"another speaker":     {`"speaker": "edge2"`, `"speaker": "edge1"`, "edge1 is there twice"},
		"no name of one":      {`"speaker": "edge2"`, `"speaker": "Edge 2"`, "is not a name"},
		"a route less":        {first, list, "routes at peers of digest"},
		"a route more":        {first, first + `"10.77.0.0/16",`, "routes at peers of digest"},
		"another route":       {first, list + `"10.77.0.0/16",`, "routes at peers of digest"},
		"a route twice":       {first, first + `"10.0.0.0/16",`, "not as routesync wrote it"},
		"host bits":           {first, list + `"10.0.0.1/16",`, "host bits"},
		"another spelling":    {`"198.51.100.1"`, `"198.51.100.01"`, "198.51.100.01"},
		"another owner":       {`"owner": "edge-team",` + "\n" + `              "attributes"`, `"owner": "edge-teem",` + "\n" + `              "attributes"`, "routes at peers of digest"},
		"no grade":            {`"grade": "sent"`, `"grade": "seen"`, `grade "seen" is not known`},
		"another digest":      {`"routes_at_peers": 10`, `"routes_at_peers": 9`, "routes at peers of digest"},
		"no family":           {`"family": "ipv4 flow"`, `"family": "ipv4 flaw"`, "ipv4 flaw"},
		"a terminal's escape": {`"no such family"`, `"\u001b[2J"`, "is not printable"},
		"no such rule":        {`"withdraw,never@`, `"with,never@`, "with"},
		"no such override":    {`"withdraw,never@9b1d2c3f4a5b"`, `"withdraw"`, "withdraw"},
		"a peer's AS":         {`"peer_as": 65001`, `"peer_as": 65002`, "its checksum is another"},
		"a peer's session":    {`"up": true`, `"up": false`, "its checksum is another"},
		"another grade":       {`"grade": "sent"`, `"grade": "held"`, "its checksum is another"},
		"another rule":        {`"withdraw,never@`, `"withdraw,protect@`, "its checksum is another"},
		"another time":        {`"2026-09-21T14:13:20Z"`, `"2026-09-21T14:13:21Z"`, "its checksum is another"},
		"no checksum":         {`"checksum": "`, `"checksum": "", "x": "`, `unknown field "x"`},
		"null for a speaker":  {`"speakers": [`, `"speakers": [null, `, ""},
	} {
		if !strings.Contains(good, test.old) {
			t.Errorf("%s: %s is not in the sample", name, test.old)
			continue
		}
		got, err := snapshot.Decode([]byte(strings.Replace(good, test.old, test.new, 1)))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, test.want)
		}
		if len(got.Speakers) > 0 {
			t.Errorf("%s: something is returned beside the error", name)
		}
	}
	for n := range len(good) - 1 { // cut anywhere before its last line end
		if _, err := snapshot.Decode([]byte(good[:n])); err == nil {
			t.Fatalf("cut after %d of %d bytes it is taken", n, len(good))
		}
	}
	if _, err := snapshot.Decode([]byte(good + good)); err == nil {
		t.Error("two in one are taken")
	}
}

func TestEncodeRefusesWhatIsNotComplete(t *testing.T) {
	for _, a := range []*state.Advertised{nil, {Speaker: "edge1"}} {
		data, err := snapshot.Encode(snapshot.Snapshot{Speakers: []snapshot.Speaker{{Advertised: a}}})
		if !errors.Is(err, state.ErrIncomplete) || data != nil {
			t.Errorf("%v: %q, %v", a, data, err)
		}
	}
}

// genTable draws a table in which keys share values, and some have several.
func genTable(t *rapid.T) state.Table {
	peers := []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("2001:db8::1")}
	advert := rapid.Custom(func(t *rapid.T) state.Advert {
		values := map[state.Name][]string{}
		if rapid.Bool().Draw(t, "hop") {
			values[state.NextHop] = []string{rapid.SampledFrom([]string{"192.0.2.7", "self", "2001:db8::7"}).Draw(t, "next hop")}
		}
		if rapid.Bool().Draw(t, "med") {
			values[state.MED] = []string{fmt.Sprint(rapid.Uint32().Draw(t, "med"))}
		}
		a := state.Advert{Owner: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "owner")}
		var err error
		if a.Attrs, err = state.NewAttrs(values); err != nil {
			t.Fatal(err)
		}
		for _, p := range rapid.SliceOfNDistinct(rapid.SampledFrom(peers), 1, 3, rapid.ID).Draw(t, "at") {
			a.At = append(a.At, state.At{Peer: p, Grade: state.Grade(rapid.IntRange(1, 5).Draw(t, "grade"))})
		}
		if rapid.Bool().Draw(t, "from") {
			a.From = state.Provenance{By: rapid.SampledFrom([]string{"", "al"}).Draw(t, "by"), Expires: rapid.Int64Range(0, 1<<50).Draw(t, "expires")}
		}
		return a
	})
	pool := rapid.SliceOfN(rapid.SliceOfN(advert, 1, 2), 1, 4).Draw(t, "values")
	var table state.Table
	for _, n := range rapid.SliceOfN(rapid.Uint16Range(0, 3000), 0, 40).Draw(t, "keys") {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(n >> 8), byte(n), 0}), 24)
		values := rapid.SampledFrom(pool).Draw(t, "value")
		if rapid.Bool().Draw(t, "copy") {
			values = slices.Clone(values) // alike, and not the same memory
		}
		table.Set(values, state.UnicastKey(p, uint32(n%3)))
	}
	return table
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := snapshot.Snapshot{
			Taken:    time.Unix(rapid.Int64Range(0, 1<<32).Draw(t, "taken"), 0).UTC(),
			Speakers: []snapshot.Speaker{{Boot: "b", Advertised: &state.Advertised{Speaker: "edge1", Complete: true, Routes: genTable(t)}}},
		}
		data, err := snapshot.Encode(s)
		if err != nil {
			t.Fatal(err)
		}
		back, err := snapshot.Decode(data)
		if err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
		if d := equal(s, back); d != "" {
			t.Fatalf("it comes back otherwise:\n%s", d)
		}
		again, err := snapshot.Encode(back)
		if err != nil || !bytes.Equal(data, again) {
			t.Fatalf("the same set gave other bytes: %v\n%s\n%s", err, data, again)
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add(encoded(f, sample(f)))
	f.Add(encoded(f, snapshot.Snapshot{}))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := snapshot.Decode(data)
		if err != nil {
			return
		}
		back, err := snapshot.Decode(encoded(t, s))
		if err != nil {
			t.Fatal(err)
		}
		if d := equal(s, back); d != "" {
			t.Error(d)
		}
	})
}

func BenchmarkDecode100k(b *testing.B) {
	a := &state.Advertised{Speaker: "edge1", Complete: true}
	adverts := []state.Advert{{Owner: "a", Attrs: attrs(b, map[state.Name][]string{state.NextHop: {"192.0.2.1"}}), At: []state.At{{Peer: netip.MustParseAddr("192.0.2.1"), Grade: state.Sent}}}}
	for n := range 100_000 {
		a.Routes.Set(adverts, state.UnicastKey(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(n >> 12), byte(n >> 4), byte(n << 4)}), 28), 0))
	}
	data := encoded(b, snapshot.Snapshot{Speakers: []snapshot.Speaker{{Advertised: a}}})
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := snapshot.Decode(data); err != nil {
			b.Fatal(err)
		}
	}
}
