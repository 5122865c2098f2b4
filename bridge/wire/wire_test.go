package wire_test

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"routesync/bridge/wire"
	"routesync/state"
)

// equal compares messages; keys, attributes and addresses are comparable values.
func equal(a, b any) string {
	return cmp.Diff(a, b,
		cmp.Comparer(func(a, b state.Attrs) bool { return a == b }),
		cmp.Comparer(func(a, b netip.Addr) bool { return a == b }))
}

func mustAttrs(t testing.TB, values map[state.Name][]string) state.Attrs {
	t.Helper()
	a, err := state.NewAttrs(values)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func mustKey(t testing.TB, prefix string, id uint32) state.Key {
	t.Helper()
	p, err := state.ParsePrefix(prefix)
	if err != nil {
		t.Fatal(err)
	}
	return state.UnicastKey(p, id)
}

func sampleBatch(t testing.TB) wire.Batch {
	peer := netip.MustParseAddr("192.0.2.1")
	return wire.Batch{
		Speaker: "edge1", Boot: "b", Owner: "team", Epoch: 1 << 60, Seq: 7, Revision: state.Revision{Digest: "0a", Changed: 8},
		Announce: []wire.Group{{
			Family: state.IPv4Unicast,
			Attrs: mustAttrs(t, map[state.Name][]string{
				state.NextHop: {"192.0.2.1"}, state.MED: {"5"}, state.AtomicAggregate: {}, state.Community: {"65000:1", "no-export"},
				state.ASPath: {"65001", "(65002 65003)"},
			}),
			Peers:   []netip.Addr{peer},
			Keys:    []state.Key{mustKey(t, "10.0.0.0/24", 0), mustKey(t, "10.0.1.0/24", 7)},
			Expires: 11, Lease: 12,
		}},
		Withdraw: []wire.Group{{Family: state.IPv6Unicast, Keys: []state.Key{mustKey(t, "2001:db8::/32", 0)}}},
		Adopt:    []wire.Adoption{{Family: state.IPv4Unicast, From: "console", Peers: []netip.Addr{peer}, Keys: []state.Key{mustKey(t, "10.9.0.0/24", 0)}}},
	}
}

func sampleUpdate(t testing.TB) wire.Update {
	peer := netip.MustParseAddr("192.0.2.1")
	attrs := mustAttrs(t, map[state.Name][]string{state.NextHop: {"192.0.2.1"}})
	return wire.Update{
		Speaker: "edge1", Boot: "b", Run: "r", N: 3, Part: &wire.Part{ID: "r/3", Part: 1, Of: 1},
		About: &wire.About{
			Version: "v", ExaBGP: "4.2.21", Host: "h", PID: 1, Ready: true, Lacks: []string{"x"},
			Peers: []state.Neighbor{{
				Addr: peer, LocalAS: 65000, PeerAS: 65001, Up: true, Since: 5,
				Families: []state.Family{state.IPv4Unicast}, Lacks: []string{"y"}, Tags: []string{"transit"}, Self: []netip.Addr{netip.MustParseAddr("127.0.0.2")}, Received: new(3),
			}},
			Leases:     []wire.Lease{{Owner: "team", Holder: wire.Commander{ID: "i", Host: "h", PID: 2, Verb: "watch"}, Epoch: 9, Applied: 4, Revision: state.Revision{Digest: "0a", Changed: 8}, Conditions: []wire.Condition{{Name: "n", Since: 2, Text: "f", Do: "d"}}, Silent: 3}},
			Standbys:   []wire.Standby{sampleStandby(), {Owner: "team"}},
			InForce:    []wire.InForce{{Owner: "team", Revision: state.Revision{Digest: "0a", Changed: 8}, Host: "h", Epoch: 4, Reverted: &wire.Reverted{Digest: "0b", At: 3, By: wire.Commander{ID: "p", Host: "h", Verb: "revert"}}}},
			Pauses:     []wire.Pause{{Owner: "team", By: wire.Commander{ID: "p", Host: "h", PID: 7, Verb: "pause", User: "al"}, At: 5, Reason: "r"}},
			Overrides:  []wire.Override{{Owner: "team", By: wire.Commander{ID: "p"}, At: 5, Until: 6, Reason: "r", Text: "withdraw@9b1d2c3f4a5b"}},
			Trials:     []wire.Trial{sampleTrial()},
			Conditions: sampleConditions(),
			Contests:   []state.Contest{{Key: mustKey(t, "10.0.3.0/24", 0), Owner: "other", Holder: "team"}},
			Lines:      []wire.RefusedLine{{At: 3, Line: "l", Reason: "r"}}, Silent: 6, Converged: 8, LastError: "e", LastErrorAt: 9,
		},
		Entries: []wire.Entry{{
			Family: state.IPv4Unicast, Keys: []state.Key{mustKey(t, "10.0.0.0/24", 0)},
			Adverts: []state.Advert{{Attrs: attrs, Owner: "team", From: state.Provenance{By: "al", At: 5, Expires: 6, Lease: 7}, At: []state.At{{Peer: peer, Grade: state.Unsent, Reason: "z"}}}},
		}},
		Refused: []state.Refusal{{Key: mustKey(t, "10.0.1.0/24", 0), Owner: "team", Attrs: attrs, Peers: "192.0.2.1", Reason: "no"}},
		Cleared: []wire.Cleared{{Key: mustKey(t, "10.0.2.0/24", 0), Owner: "team"}},
		Count:   1, Sum: "00",
	}
}

func sampleTrial() wire.Trial {
	return wire.Trial{
		Owner: "team", By: wire.Commander{ID: "i", Host: "h", PID: 2, Verb: "apply"}, Revision: state.Revision{Digest: "0a", Changed: 8},
		Before: state.Revision{Digest: "0b", Changed: 7}, Began: 3, Deadline: 4, Changed: 5, Revert: true, Free: true,
	}
}

func sampleConditions() []wire.Condition {
	return []wire.Condition{{Name: wire.Blocked, Since: 7, Text: "memory alarm", Do: "free memory"}}
}

// TestStrictConditions: what a process tells of itself goes to terminals.
func TestStrictConditions(t *testing.T) {
	for name, bad := range map[string][]wire.Condition{
		"a control character": {{Name: wire.Denied, Text: "\x1b[2J"}}, "more than there can be": make([]wire.Condition, 101),
	} {
		about := func(a wire.About) error {
			body, err := wire.EncodeUpdate(wire.Update{About: &a})
			if err != nil {
				t.Fatal(err)
			}
			_, err = wire.DecodeUpdate(body)
			return err
		}
		if about(wire.About{Conditions: bad}) == nil || about(wire.About{Leases: []wire.Lease{{Conditions: bad}}}) == nil {
			t.Errorf("%s: taken of a bridge", name)
		}
		body, err := wire.EncodeRequest(wire.Request{Kind: wire.RequestAlive, Conditions: bad})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := wire.DecodeRequest(body); err == nil {
			t.Errorf("%s: taken of a commander", name)
		}
	}
}

func sampleStandby() wire.Standby {
	return wire.Standby{
		Owner: "team", From: wire.Commander{ID: "j", Host: "k", PID: 5, Verb: "watch"},
		Revision: state.Revision{Digest: "0b", Changed: 7}, Conditions: []wire.Condition{{Name: wire.Faulty, Since: 4, Text: "g"}},
	}
}

func sampleStanding(t testing.TB) wire.Standing {
	about := sampleUpdate(t).About
	return wire.Standing{Speaker: "edge1", Owner: "team", Lease: &about.Leases[0], InForce: &about.InForce[0]}
}

func sampleTyped(t testing.TB) wire.Typed {
	b := sampleBatch(t).Announce[0]
	return wire.Typed{
		Speaker: "edge1", From: wire.Commander{ID: "c", Verb: "console", User: "al"}, Seq: 5, After: 3, At: 7,
		Commands: []wire.Command{
			{Attrs: b.Attrs, Peers: b.Peers, Keys: b.Keys, Expires: 9},
			{Withdraw: true, Keys: b.Keys},
		},
	}
}

func sampleAnswer(t testing.TB) wire.Answer {
	keys := sampleBatch(t).Announce[0].Keys
	return wire.Answer{Speaker: "edge1", Boot: "b", Run: "r", ID: "i", Seq: 5, Results: []wire.Result{
		{Command: 0, Outcomes: []wire.Outcome{
			{Peer: netip.MustParseAddr("192.0.2.1"), Verdict: wire.Sent, Keys: keys[:1]},
			{Verdict: wire.Refused, Reason: "no", Owner: "team", Keys: keys[1:]},
		}},
		{Command: 1},
	}}
}

func TestRoundTrip(t *testing.T) {
	t.Run("batch", func(t *testing.T) { roundTrip(t, sampleBatch(t), wire.EncodeBatch, wire.DecodeBatch) })
	t.Run("update", func(t *testing.T) { roundTrip(t, sampleUpdate(t), wire.EncodeUpdate, wire.DecodeUpdate) })
	t.Run("request", func(t *testing.T) {
		roundTrip(t, wire.Request{Kind: wire.RequestLease, Owner: "team", From: wire.Commander{ID: "i", Host: "h", PID: 3, Verb: "apply"}}, wire.EncodeRequest, wire.DecodeRequest)
	})
	t.Run("standby", func(t *testing.T) {
		b := sampleStandby()
		roundTrip(t, wire.Request{Kind: wire.RequestStandby, Owner: b.Owner, From: b.From, Revision: b.Revision, Over: "0a", Conditions: b.Conditions}, wire.EncodeRequest, wire.DecodeRequest)
	})
	t.Run("standing", func(t *testing.T) {
		roundTrip(t, sampleStanding(t), wire.EncodeStanding, wire.DecodeStanding)
		roundTrip(t, wire.Standing{Speaker: "s", Owner: "o"}, wire.EncodeStanding, wire.DecodeStanding)
	})
	t.Run("alive", func(t *testing.T) {
		contests := []state.Contest{{Key: mustKey(t, "10.0.0.0/24", 7), Owner: "team", Holder: "other"}}
		roundTrip(t, wire.Request{Kind: wire.RequestAlive, Owner: "team", Contests: contests, Conditions: sampleConditions()}, wire.EncodeRequest, wire.DecodeRequest)
	})
	t.Run("grant", func(t *testing.T) {
		roundTrip(t, wire.Grant{Speaker: "s", Boot: "b", Owner: "o", Epoch: 4, Refused: "r"}, wire.EncodeGrant, wire.DecodeGrant)
		roundTrip(t, wire.Grant{Speaker: "s", Refused: "r", Older: sampleStanding(t).InForce}, wire.EncodeGrant, wire.DecodeGrant)
	})
	t.Run("typed", func(t *testing.T) { roundTrip(t, sampleTyped(t), wire.EncodeTyped, wire.DecodeTyped) })
	t.Run("answer", func(t *testing.T) { roundTrip(t, sampleAnswer(t), wire.EncodeAnswer, wire.DecodeAnswer) })
	t.Run("locate", func(t *testing.T) {
		roundTrip(t, wire.Locate{Speaker: "s", ID: "i", Key: mustKey(t, "10.0.0.0/24", 7), Peer: netip.MustParseAddr("192.0.2.1")}, wire.EncodeLocate, wire.DecodeLocate)
	})
	t.Run("located", func(t *testing.T) {
		roundTrip(t, wire.Located{ID: "i", From: wire.Commander{ID: "w"}, Found: true, Pos: state.Position{File: "f", Line: 1, Column: 2}}, wire.EncodeLocated, wire.DecodeLocated)
	})
	t.Run("received", func(t *testing.T) { roundTrip(t, sampleReceived(t), wire.EncodeReceived, wire.DecodeReceived) })
	t.Run("events", func(t *testing.T) { roundTrip(t, sampleEvents(t), wire.EncodeEvents, wire.DecodeEvents) })
	t.Run("rejected", func(t *testing.T) {
		roundTrip(t, wire.Rejected{Speaker: "s", Owner: "o", Epoch: 4, Seq: 5, Reason: wire.RejectGap, Detail: "d"}, wire.EncodeRejected, wire.DecodeRejected)
	})
}

func roundTrip[T any](t *testing.T, v T, encode func(T) ([]byte, error), decode func([]byte) (T, error)) {
	t.Helper()
	data, err := encode(v)
	if err != nil {
		t.Fatal(err)
	}
	back, err := decode(data)
	if err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	if d := equal(v, back); d != "" {
		t.Errorf("not the same after a round trip:\n%s", d)
	}
	again, err := encode(back)
	if err != nil || !bytes.Equal(again, data) {
		t.Errorf("encoded again: %s, %v; want %s", again, err, data)
	}
}

func TestStrict(t *testing.T) {
	data, err := wire.EncodeBatch(sampleBatch(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, old, new, want string }{
		{"version", `"v":3`, `"v":4`, "version 4"},
		{"version of long ago", `"v":3`, `"v":1`, "version 1"},
		{"two versions", `{"v":3`, `{"v":3,"v":4`, "version 4"},
		{"another version behind this", "}\n", `,"v":4}`, "version 4"},
		{"another version with another body", `{"v":3,"body":{`, `{"v":1,"body":{"x":1,`, "version 1"},
		{"no version", `"v":3,`, ``, "version 0"},
		{"two bodies", "\n", "\n" + `{"v":3,"body":{}}`, "after top-level value"},
		{"unknown field", `"speaker"`, `"sp":"x","speaker"`, "unknown field"},
		{"trailing bytes", "\n", "\n{}", "after top-level value"},
		{"host bits", "10.0.0.0/24", "10.0.0.1/24", "host bits"},
		{"not canonical nlri", "2001:db8::/32", "2001:0db8::/32", "not canonical"},
		{"not canonical value", `"5"`, `"0x5"`, "not canonical"},
		{"order of a set", `"65000:1","no-export"`, `"no-export","65000:1"`, "not canonical"},
		{"default value", `"med":["5"]`, `"origin":["igp"]`, "not canonical"},
		{"range", `"5"`, `"4294967296"`, "over 4294967295"},
		{"family", `"ipv6 unicast"`, `"ipv4 unicast"`, "not of family"},
		{"empty group", `["2001:db8::/32"]`, `[]`, "without nlri"},
		{"negative end", `"expires_unix_ms":11`, `"expires_unix_ms":-11`, "not both times"},
		{"negative lease", `"lease_ms":12`, `"lease_ms":-12`, "not both times"},
		{"lease beyond durations", `"lease_ms":12`, `"lease_ms":9223372036855`, "not both times"},
		{"withdraw with attributes", `"peers":null`, `"attributes":{"med":["5"]},"peers":null`, "it has attributes"},
		{"withdraw that ends", `"peers":null`, `"peers":null,"lease_ms":10000`, "or ends"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bad := bytes.Replace(data, []byte(tc.old), []byte(tc.new), 1)
			if bytes.Equal(bad, data) {
				t.Fatalf("%q is not in %s", tc.old, data)
			}
			b, err := wire.DecodeBatch(bad)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
			if d := equal(wire.Batch{}, b); d != "" {
				t.Errorf("something was returned beside an error: %s", d)
			}
		})
	}
}

// Who contests a route is a name, and becomes part of what people read.
func TestStrictContests(t *testing.T) {
	c := state.Contest{Key: mustKey(t, "10.0.0.0/24", 0), Owner: "a", Holder: "b"}
	for _, bad := range []state.Contest{{Key: c.Key, Owner: "\x1b[2J", Holder: "b"}, {Key: c.Key, Owner: "a", Holder: "b\nc"}} {
		request, err := wire.EncodeRequest(wire.Request{Kind: wire.RequestAlive, Owner: "a", Contests: []state.Contest{c, bad}})
		if err != nil {
			t.Fatal(err)
		}
		if r, err := wire.DecodeRequest(request); err == nil {
			t.Errorf("took %+v", r)
		}
		update, err := wire.EncodeUpdate(wire.Update{About: &wire.About{Contests: []state.Contest{bad}}})
		if err != nil {
			t.Fatal(err)
		}
		if u, err := wire.DecodeUpdate(update); err == nil {
			t.Errorf("took %+v", u)
		}
	}
}

// What a watch says of itself is shown on other machines' terminals.
func TestStrictWatchers(t *testing.T) {
	good := sampleStandby()
	for name, spoil := range map[string]func(*wire.Standby){
		"text":   func(b *wire.Standby) { b.Conditions = []wire.Condition{{Text: "\x1b[2J"}} },
		"number": func(b *wire.Standby) { b.Conditions = make([]wire.Condition, 1000) },
		"digest": func(b *wire.Standby) { b.Revision.Digest = "\n" },
	} {
		bad := good
		spoil(&bad)
		request, err := wire.EncodeRequest(wire.Request{Kind: wire.RequestStandby, Revision: bad.Revision, Conditions: bad.Conditions})
		if err != nil {
			t.Fatal(err)
		}
		if r, err := wire.DecodeRequest(request); err == nil {
			t.Errorf("%s: took %+v", name, r)
		}
		lease := wire.Lease{Revision: bad.Revision, Conditions: bad.Conditions}
		for _, about := range []wire.About{{Standbys: []wire.Standby{bad}}, {Leases: []wire.Lease{lease}}} {
			update, err := wire.EncodeUpdate(wire.Update{About: &about})
			if err != nil {
				t.Fatal(err)
			}
			if u, err := wire.DecodeUpdate(update); err == nil {
				t.Errorf("%s: took %+v", name, u)
			}
		}
		standing, err := wire.EncodeStanding(wire.Standing{Lease: &lease})
		if err != nil {
			t.Fatal(err)
		}
		if s, err := wire.DecodeStanding(standing); err == nil {
			t.Errorf("%s: took %+v", name, s)
		}
	}
	inForce := wire.InForce{Owner: "o", Host: "\u202e"}
	grant, err := wire.EncodeGrant(wire.Grant{Older: &inForce})
	if err != nil {
		t.Fatal(err)
	}
	if g, err := wire.DecodeGrant(grant); err == nil {
		t.Errorf("took %+v", g)
	}
}

func TestRandomBatches(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := wire.Batch{Speaker: "s", Boot: "b", Owner: "o", Epoch: rapid.Int64().Draw(rt, "epoch"), Seq: rapid.Int64().Draw(rt, "seq")}
		for range rapid.IntRange(0, 4).Draw(rt, "groups") {
			g := wire.Group{Family: state.IPv4Unicast, Attrs: mustAttrs(t, map[state.Name][]string{state.NextHop: {"192.0.2.1"}})}
			for range rapid.IntRange(1, 5).Draw(rt, "keys") {
				var a [4]byte
				copy(a[:], rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(rt, "address"))
				p := netip.PrefixFrom(netip.AddrFrom4(a), rapid.IntRange(0, 32).Draw(rt, "bits")).Masked()
				if _, err := state.ParsePrefix(p.String()); err != nil {
					continue // multicast
				}
				g.Keys = append(g.Keys, state.UnicastKey(p, rapid.Uint32().Draw(rt, "path id")))
			}
			if len(g.Keys) > 0 {
				b.Announce = append(b.Announce, g)
			}
		}
		data, err := wire.EncodeBatch(b)
		if err != nil {
			rt.Fatal(err)
		}
		back, err := wire.DecodeBatch(data)
		if err != nil {
			rt.Fatal(err)
		}
		if d := equal(b, back); d != "" {
			rt.Fatal(d)
		}
	})
}

// FuzzDecode: nothing panics, and what decodes encodes to something that
// decodes to the same.
func FuzzDecode(f *testing.F) {
	seeds := 0
	seed := func(data []byte, err error) {
		if err != nil {
			f.Fatal(err)
		}
		seeds++
		f.Add(data)
	}
	seed(wire.EncodeBatch(sampleBatch(f)))
	seed(wire.EncodeUpdate(sampleUpdate(f)))
	seed(wire.EncodeRequest(wire.Request{Kind: wire.RequestAlive, Contests: []state.Contest{{Key: mustKey(f, "10.0.0.0/24", 0), Owner: "a"}}}))
	seed(wire.EncodeGrant(wire.Grant{Epoch: 1}))
	seed(wire.EncodeRejected(wire.Rejected{Seq: 1}))
	seed(wire.EncodeTyped(sampleTyped(f)))
	seed(wire.EncodeAnswer(sampleAnswer(f)))
	seed(wire.EncodeLocate(wire.Locate{Key: mustKey(f, "10.0.0.0/24", 0)}))
	seed(wire.EncodeLocated(wire.Located{ID: "i"}))
	seed(wire.EncodeReceived(sampleReceived(f)))
	seed(wire.EncodeEvents(sampleEvents(f)))
	seed(wire.EncodeStanding(sampleStanding(f)))
	seed(wire.EncodeOrder(wire.Order{ID: "x", Kind: wire.OrderOverride, Owner: "team", Text: "withdraw@9b1d2c3f4a5b"}))
	seed(wire.EncodeOrdered(wire.Ordered{ID: "x", Done: "d"}))
	many := sampleBatch(f)
	many.Announce[0].Keys = plain(17)
	seed(wire.EncodeBatch(many))
	if seeds != 15 {
		f.Fatalf("%d seeds, want 15", seeds)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		again(t, data, wire.EncodeBatch, wire.DecodeBatch)
		again(t, data, wire.EncodeUpdate, wire.DecodeUpdate)
		again(t, data, wire.EncodeRequest, wire.DecodeRequest)
		again(t, data, wire.EncodeGrant, wire.DecodeGrant)
		again(t, data, wire.EncodeRejected, wire.DecodeRejected)
		again(t, data, wire.EncodeTyped, wire.DecodeTyped)
		again(t, data, wire.EncodeAnswer, wire.DecodeAnswer)
		again(t, data, wire.EncodeLocate, wire.DecodeLocate)
		again(t, data, wire.EncodeLocated, wire.DecodeLocated)
		again(t, data, wire.EncodeReceived, wire.DecodeReceived)
		again(t, data, wire.EncodeEvents, wire.DecodeEvents)
		again(t, data, wire.EncodeStanding, wire.DecodeStanding)
		again(t, data, wire.EncodeOrder, wire.DecodeOrder)
		again(t, data, wire.EncodeOrdered, wire.DecodeOrdered)
	})
}

func again[T any](t *testing.T, data []byte, encode func(T) ([]byte, error), decode func([]byte) (T, error)) {
	v, err := decode(data)
	if err != nil {
		return
	}
	data, err = encode(v)
	if err != nil {
		t.Fatal(err)
	}
	back, err := decode(data)
	if err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	if d := equal(v, back); d != "" {
		t.Error(d)
	}
}

// Every family travels both ways: what is asked for, and what is confirmed.
func TestFamilies(t *testing.T) {
	hop, label := []string{"192.0.2.1"}, []string{"16", "1048575"}
	var groups []wire.Group
	var entries []wire.Entry
	for f, text := range map[state.Family]string{
		state.IPv4Multicast: "224.0.0.0/4",
		state.IPv6Multicast: "ff00::/8 path-information 7",
		state.IPv4Labelled:  "10.0.0.0/8",
		state.IPv6Labelled:  "2001:db8::/32 path-information 4294967295",
		state.IPv4VPN:       "10.9.0.0/24 rd 65000:1",
		state.IPv6VPN:       "::/0 rd 192.0.2.1:1 path-information 7",
		state.IPv4Flow:      "flow destination 10.0.0.1/32 protocol =udp destination-port [ =53 >1024&<2000 ]",
		state.IPv6Flow:      "flow destination 2001:db8::/32 tcp-flags [ =syn+ack !fin&!=rst ]",
		state.IPv4FlowVPN:   "flow fragment not-a-fragment rd 4200000000:1",
		state.IPv6FlowVPN:   "flow source ::/0 flow-label >=70000 rd 65000:1",
		state.L2VPNVPLS:     "vpls rd 65000:1 endpoint 1 base 2 offset 3 size 4",
	} {
		k, err := state.ParseKey(f, text)
		if err != nil {
			t.Fatal(err)
		}
		values := map[state.Name][]string{state.NextHop: hop}
		if f.HasLabel() {
			values[state.Label] = label
		}
		attrs := mustAttrs(t, values)
		groups = append(groups, wire.Group{Family: f, Attrs: attrs, Keys: []state.Key{k}})
		entries = append(entries, wire.Entry{Family: f, Keys: []state.Key{k}, Adverts: []state.Advert{{Attrs: attrs, Owner: "o"}}})
	}
	batch := wire.Batch{Speaker: "s", Boot: "b", Owner: "o", Epoch: 1, Seq: 1, Announce: groups}
	data, err := wire.EncodeBatch(batch)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := wire.DecodeBatch(data); err != nil || equal(batch, back) != "" {
		t.Errorf("a batch comes back otherwise: %v\n%s", err, equal(batch, back))
	}
	update := sampleUpdate(t)
	update.Entries = entries
	if data, err = wire.EncodeUpdate(update); err != nil {
		t.Fatal(err)
	}
	if back, err := wire.DecodeUpdate(data); err != nil || equal(update, back) != "" {
		t.Errorf("an update comes back otherwise: %v\n%s", err, equal(update, back))
	}
}
