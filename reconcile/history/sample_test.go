package history

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"routesync/state"
)

func attrs(t testing.TB, words ...string) state.Attrs {
	t.Helper()
	values := map[state.Name][]string{}
	for i := 0; i < len(words); i += 2 {
		values[state.Name(words[i])] = append(values[state.Name(words[i])], words[i+1])
	}
	a, err := state.NewAttrs(values)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func key(prefix string) state.Key { return state.UnicastKey(netip.MustParsePrefix(prefix), 0) }

func peer(last int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(last)}) }

func day(n int) time.Time { return time.Date(2026, 11, n, 10, 11, 12, 0, time.UTC) }

// announce, replace and withdraw make changes as a plan has them.
func announce(prefix string, terms *state.Terms, peers ...netip.Addr) state.Change {
	k := key(prefix)
	return state.Change{Key: k, Wanted: &state.Wanted{Key: k, Terms: terms}, Peers: peers}
}

func withdraw(prefix string, was *state.Advert, peers ...netip.Addr) state.Change {
	return state.Change{Key: key(prefix), Advert: was, Peers: peers}
}

func replace(prefix string, was *state.Advert, terms *state.Terms, peers ...netip.Addr) state.Change {
	c := announce(prefix, terms, peers...)
	c.Advert = was
	return c
}

func sampleHead() Head {
	return Head{
		At: day(2), Owner: "edge-team", Who: Who{User: "ana", Host: "noc1", PID: 4711}, Verb: "watch",
		File: "/etc/routesync/routes.yaml", Commit: "c0ffee1c0ffee1c0ffee1c0ffee1c0ffee1c0ffe", Dirty: true,
		Revision: state.Revision{Digest: "00112233445566778899aabbccddeeff", Changed: day(2).UnixMilli()},
	}
}

func samplePart() Part {
	return Part{Speaker: "edge1", Seq: 1, At: day(2), Cause: "file", Plan: "9b1d2c3f4a5b"}
}

func sampleChanges(t testing.TB) []state.Change {
	t.Helper()
	terms := &state.Terms{Attrs: attrs(t, "next-hop", "192.0.2.9", "med", "20"), Tags: []string{"ddos"}, Comment: "ticket 4711", Expires: day(30).UnixMilli(), Lease: 60_000}
	was := &state.Advert{Owner: "edge-team", Attrs: attrs(t, "next-hop", "192.0.2.9", "med", "10")}
	return []state.Change{
		announce("10.1.0.0/24", terms, peer(1), peer(2)),
		announce("10.1.1.0/24", terms, peer(1), peer(2)),
		replace("10.2.0.0/24", was, terms, peer(1)),
		withdraw("10.3.0.0/24", was, peer(2)),
		withdraw("10.4.0.0/24", was),
		replace("10.5.0.0/24", &state.Advert{Owner: "console", Attrs: was.Attrs, From: state.Provenance{By: "bob on noc2 (console)", At: 1}}, terms, peer(1)),
	}
}

// many are n changes.
func many(t testing.TB, n int) []state.Change {
	t.Helper()
	terms := &state.Terms{Attrs: attrs(t, "next-hop", "192.0.2.9")}
	all := make([]state.Change, n)
	for i := range all {
		all[i] = announce(fmt.Sprintf("10.%d.%d.%d/32", i>>16, i>>8&255, i&255), terms, peer(1))
	}
	return all
}

func store(t testing.TB) *Store {
	t.Helper()
	s, err := Open(t.TempDir(), "edge-team")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// collect is all that a part has.
func collect(t testing.TB, s *Store, n int, p *Part) []Change {
	t.Helper()
	var all []Change
	if err := s.Changes(n, p, func(c *Change) error { all = append(all, *c); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}
