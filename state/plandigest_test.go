package state_test

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"routesync/state"
)

// onePlan is a plan of one change of each kind.
func onePlan(t *testing.T) *state.Plan {
	t.Helper()
	attrs := func(med string) state.Attrs {
		a, err := state.NewAttrs(map[state.Name][]string{state.NextHop: {"192.0.2.1"}, state.MED: {med}})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	key := func(p string) state.Key { return state.UnicastKey(netip.MustParsePrefix(p), 0) }
	peers := []netip.Addr{netip.MustParseAddr("192.0.2.9"), netip.MustParseAddr("2001:db8::9")}
	return &state.Plan{Speaker: "edge1", Owner: "team", Changes: []state.Change{
		{Key: key("10.0.0.0/24"), Wanted: &state.Wanted{Terms: &state.Terms{Attrs: attrs("1")}}, Peers: peers},
		{Key: key("10.0.1.0/24"), Wanted: &state.Wanted{Terms: &state.Terms{Attrs: attrs("1")}}, Advert: &state.Advert{Owner: "team", Attrs: attrs("2")}, Peers: peers[:1]},
		{Key: key("10.0.2.0/24"), Advert: &state.Advert{Owner: "team", Attrs: attrs("3")}, Peers: peers[:1]},
	}}
}

// People keep digests in files and type them, over releases: another digest for the
// same plan is another version of it.
func TestPlanDigestIsTheSameEverywhere(t *testing.T) {
	if got, want := onePlan(t).Digest("d", "p"), "7c729701a5ea3763c58b88136b80911c4fbbdee06cbe2659bbe6aeaa8f65cd52"; got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
	if got, want := state.JoinDigests([]string{"a", "b"}), "16275ef0f5d0eb9dd9e0a53277549fda5c886358a6872df23c797b13e11455bc"; got != want {
		t.Errorf("of both %s, want %s", got, want)
	}
	if got := state.JoinDigests([]string{"a"}); got != "a" {
		t.Errorf("of one speaker it is %q", got)
	}
	if state.JoinDigests([]string{"ab", ""}) == state.JoinDigests([]string{"a", "b"}) {
		t.Error("the bounds between speakers do not count")
	}
}

// Everything that a plan does counts, and nothing else.
func TestPlanDigestTellsApart(t *testing.T) {
	seen := map[string]string{onePlan(t).Digest("d", "p"): "the plan"}
	note := func(name, digest string) {
		t.Helper()
		if other, twice := seen[digest]; twice {
			t.Errorf("%s has the digest of %s", name, other)
		}
		seen[digest] = name
	}
	note("another desired set", onePlan(t).Digest("e", "p"))
	note("another policy", onePlan(t).Digest("d", "q"))
	note("bounds", onePlan(t).Digest("dp", ""))
	for name, alter := range map[string]func(p *state.Plan){
		"speaker":    func(p *state.Plan) { p.Speaker = "edge2" },
		"owner":      func(p *state.Plan) { p.Owner = "others" },
		"one less":   func(p *state.Plan) { p.Changes = p.Changes[:2] },
		"none":       func(p *state.Plan) { p.Changes = nil },
		"key":        func(p *state.Plan) { p.Changes[0].Key = p.Changes[1].Key },
		"family":     func(p *state.Plan) { p.Changes[0].Key.Family = state.IPv4Flow },
		"peers":      func(p *state.Plan) { p.Changes[0].Peers = p.Changes[0].Peers[1:] },
		"every peer": func(p *state.Plan) { p.Changes[0].Peers = nil },
		"after": func(p *state.Plan) {
			p.Changes[1].Wanted = &state.Wanted{Terms: &state.Terms{Attrs: p.Changes[2].Advert.Attrs}}
		},
		"before":           func(p *state.Plan) { p.Changes[1].Advert = p.Changes[2].Advert },
		"withdraw instead": func(p *state.Plan) { p.Changes[1].Wanted = nil },
		"announce instead": func(p *state.Plan) { p.Changes[1].Advert = nil },
		"end":              func(p *state.Plan) { p.Changes[0].Wanted.Expires = 5 },
		"lease":            func(p *state.Plan) { p.Changes[0].Wanted.Lease = 5 },
		"end before":       func(p *state.Plan) { p.Changes[1].Advert.From.Expires = 5 },
		"lease before":     func(p *state.Plan) { p.Changes[1].Advert.From.Lease = 5 },
	} {
		p := onePlan(t)
		alter(p)
		note(name, p.Digest("d", "p"))
	}
	p := onePlan(t)
	p.Changes[0].Wanted.Tags, p.Changes[0].Wanted.Comment = []string{"ddos"}, "ticket 4711"
	p.Changes[0].Wanted.Pos = state.Position{File: "routes.yaml", Line: 7, Column: 3}
	p.Changes[1].Advert.From.By, p.Changes[1].Advert.From.At = "ana", 7
	p.Changes[1].Advert.At = []state.At{{Peer: p.Changes[1].Peers[0], Grade: state.Held}}
	p.Unchanged = 5
	if p.Digest("d", "p") != onePlan(t).Digest("d", "p") {
		t.Error("what the plan does not do counts")
	}
}

// TestPlanDigestNeedsNoOrder: a bridge lists what it advertises of a key in an order
// of its own, and a plan follows that.
func TestPlanDigestNeedsNoOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		peers := peersOf(3)
		want, have := drawDesired(t, peers), drawTable(t, peers, "team").advertised(peers)
		before := mustDiff(t, want, have).Digest("", "")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		walked := have.Routes.Clone()
		for k, adverts := range walked.All() {
			adverts = slices.Clone(adverts)
			rng.Shuffle(len(adverts), func(i, j int) { adverts[i], adverts[j] = adverts[j], adverts[i] })
			have.Routes.Set(adverts, k)
		}
		if after := mustDiff(t, want, have).Digest("", ""); after != before {
			t.Fatalf("digest %s, and %s after the adverts of each key changed places", before, after)
		}
	})
}
