package expect

import (
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"routesync/state"
)

var (
	peerA = netip.MustParseAddr("192.0.2.1")
	peerB = netip.MustParseAddr("192.0.2.2")
)

func key(prefix string) state.Key { return state.UnicastKey(netip.MustParsePrefix(prefix), 0) }

// view is a speaker that advertises some routes of team, others of somebody else, and a
// file that asks for some; tags are those of all that it asks for.
func view(t testing.TB, has, theirs, wants []string, tags ...string) View {
	t.Helper()
	families := state.Families()
	a := &state.Advertised{Speaker: "edge1", Complete: true, Peers: []state.Neighbor{{Addr: peerA, Families: families}, {Addr: peerB, Families: families}}}
	at := []state.At{{Peer: peerA, Grade: state.Sent}, {Peer: peerB, Grade: state.Held}}
	for _, p := range has {
		a.Routes.Set([]state.Advert{{Owner: "team", At: at}}, key(p))
	}
	for _, p := range theirs {
		a.Routes.Set([]state.Advert{{Owner: "other", At: at}}, key(p))
	}
	d := &state.Desired{Owner: "team"}
	for i, p := range wants {
		d.Routes = append(d.Routes, state.Wanted{Key: key(p), Terms: &state.Terms{Tags: tags}, Pos: state.Position{File: "routes.yaml", Line: int32(i + 1), Column: 5}})
	}
	slices.SortFunc(d.Routes, func(a, b state.Wanted) int { return state.CompareKeys(a.Key, b.Key) })
	plan, err := state.Diff(d, a)
	if err != nil {
		t.Fatal(err)
	}
	return View{d, a, plan}
}

func TestCheck(t *testing.T) {
	p := netip.MustParsePrefix
	for name, tc := range map[string]struct {
		view   View
		expect Expectation
		want   string // "" if it is met
	}{
		"there and stays":         {view(t, []string{"10.0.0.0/24"}, nil, []string{"10.0.0.0/24"}), Expectation{Kind: Announced, Prefix: p("10.0.0.0/24")}, ""},
		"comes":                   {view(t, nil, nil, []string{"10.0.0.0/24"}), Expectation{Kind: Announced, Prefix: p("10.0.0.0/24")}, ""},
		"another's is there too":  {view(t, nil, []string{"10.0.0.0/24"}, nil), Expectation{Kind: Announced, Prefix: p("10.0.0.0/24")}, ""},
		"goes":                    {view(t, []string{"10.0.0.0/24"}, nil, nil), Expectation{Kind: Announced, Prefix: p("10.0.0.0/24")}, "10.0.0.0/24 would not be announced; the plan withdraws 10.0.0.0/24"},
		"never there":             {view(t, nil, nil, []string{"10.0.0.0/23", "10.0.0.0/25"}), Expectation{Kind: Announced, Prefix: p("10.0.0.0/24")}, "10.0.0.0/24 would not be announced; it is not now either"},
		"what holds it will do":   {view(t, nil, nil, []string{"10.0.0.0/16"}), Expectation{Kind: Announced, Prefix: p("10.0.0.0/24"), Match: OrShorter}, ""},
		"what holds it goes":      {view(t, []string{"10.0.0.0/16"}, nil, []string{"10.0.0.0/25"}), Expectation{Kind: Announced, Prefix: p("10.0.0.0/24"), Match: OrShorter}, "10.0.0.0/24 or anything that it is inside of would not be announced; the plan withdraws 10.0.0.0/16"},
		"what is inside will do":  {view(t, nil, nil, []string{"10.0.0.128/25"}), Expectation{Kind: Announced, Prefix: p("10.0.0.0/24"), Match: OrLonger}, ""},
		"what is beside will not": {view(t, nil, nil, []string{"10.0.1.0/25"}), Expectation{Kind: Announced, Prefix: p("10.0.0.0/24"), Match: OrLonger}, "10.0.0.0/24 or anything inside it would not be announced; it is not now either"},
		"the default route":       {view(t, nil, nil, []string{"0.0.0.0/0"}), Expectation{Kind: NotAnnounced, Prefix: p("0.0.0.0/0")}, "0.0.0.0/0 (routes.yaml:1:5) would be announced"},
		"none":                    {view(t, []string{"10.0.0.0/24"}, nil, nil), Expectation{Kind: NotAnnounced, Prefix: p("10.0.0.0/24")}, ""},
		"none in IPv6":            {view(t, nil, nil, []string{"0.0.0.0/0"}), Expectation{Kind: NotAnnounced, Prefix: p("::/0"), Match: OrLonger}, ""},
		"one inside is too many":  {view(t, nil, nil, []string{"10.1.0.0/16", "10.2.0.0/16", "11.0.0.0/8"}), Expectation{Kind: NotAnnounced, Prefix: p("10.0.0.0/8"), Match: OrLonger}, "10.1.0.0/16 (routes.yaml:1:5) would be announced, and 1 more; 10.0.0.0/8 or anything inside it may not be"},
		"another's":               {view(t, nil, []string{"10.1.0.0/16"}, nil), Expectation{Kind: NotAnnounced, Prefix: p("10.1.0.0/16")}, "10.1.0.0/16 (by other) would be announced"},
		"another keeps ours":      {view(t, nil, []string{"10.1.0.0/16"}, []string{"10.1.0.0/16"}, "ddos"), Expectation{Kind: Tagged, Tag: "ddos", Least: 1}, "of tag ddos, routes that would be announced: 0, fewer than 1"},
		"enough of a tag":         {view(t, []string{"10.0.0.0/24"}, nil, []string{"10.0.0.0/24", "10.0.1.0/24"}, "ddos"), Expectation{Kind: Tagged, Tag: "ddos", Least: 2}, ""},
		"too few of a tag":        {view(t, []string{"10.0.0.0/24", "10.0.1.0/24"}, nil, []string{"10.0.0.0/24"}, "ddos"), Expectation{Kind: Tagged, Tag: "ddos", Least: 2}, "of tag ddos, routes that would be announced: 1, fewer than 2"},
		"no plan for the speaker": {view(t, nil, nil, nil), Expectation{Kind: NotAnnounced, Prefix: p("10.0.0.0/24"), Speakers: []string{"edge9"}}, "there is no plan for this speaker, so nothing can be told of it"},
		"not about this speaker":  {view(t, nil, nil, nil), Expectation{Kind: NotAnnounced, Prefix: p("10.0.0.0/24"), Speakers: []string{"edge1"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if all := Check([]Expectation{tc.expect}, []View{tc.view}); len(all) == 1 {
				got = all[0].Text
			} else if len(all) > 1 {
				t.Fatal(all)
			}
			if got != tc.want {
				t.Errorf("%q\nwant %q", got, tc.want)
			}
		})
	}
}

// A route for a peer that is nowhere, or of which only one of two peers is left, is
// looked at peer by peer.
func TestCheckAtPeers(t *testing.T) {
	v := view(t, []string{"10.0.0.0/24"}, nil, []string{"10.0.0.0/24"})
	v.Desired.Routes[0].Terms = &state.Terms{Peers: state.NewPeers([]netip.Addr{peerB})}
	nowhere := &state.Terms{Peers: state.SelectPeers([]state.Selector{{AS: 65009}}), Tags: []string{"far"}}
	v.Desired.Routes = append(v.Desired.Routes, state.Wanted{Key: key("10.0.1.0/24"), Terms: nowhere})
	var err error
	if v.Plan, err = state.Diff(v.Desired, v.Advertised); err != nil {
		t.Fatal(err)
	}
	got := Check([]Expectation{
		{Kind: Announced, Prefix: netip.MustParsePrefix("10.0.0.0/24")},
		{Kind: Announced, Prefix: netip.MustParsePrefix("10.0.1.0/24"), Pos: state.Position{File: "e.yaml", Line: 3, Column: 5}},
		{Kind: Tagged, Tag: "far", Least: 1},
	}, []View{v})
	if len(got) != 2 || got[0].String() != "e.yaml:3:5: edge1: 10.0.1.0/24 would not be announced; it is not now either" || got[1].Text != "of tag far, routes that would be announced: 0, fewer than 1" {
		t.Errorf("%v", got)
	}
}

// TestMatchingLikeTheSlowWay: as who looks at each route would have it.
func TestMatchingLikeTheSlowWay(t *testing.T) {
	prefix := rapid.Custom(func(t *rapid.T) netip.Prefix {
		p, _ := netip.AddrFrom4([4]byte{10, 0, 0, byte(rapid.IntRange(0, 255).Draw(t, "addr"))}).Prefix(rapid.IntRange(22, 32).Draw(t, "bits"))
		return p
	})
	rapid.Check(t, func(t *rapid.T) {
		var routes []route
		for _, p := range rapid.SliceOf(prefix).Draw(t, "routes") {
			routes = append(routes, route{prefix: p})
		}
		slices.SortFunc(routes, func(a, b route) int { return a.prefix.Compare(b.prefix) })
		e := &Expectation{Prefix: prefix.Draw(t, "prefix"), Match: Match(rapid.IntRange(0, 2).Draw(t, "match"))}
		var want []route
		for _, r := range routes {
			inside := r.prefix.Bits() >= e.Prefix.Bits() && r.prefix.Overlaps(e.Prefix)
			holds := r.prefix.Bits() <= e.Prefix.Bits() && r.prefix.Overlaps(e.Prefix)
			if r.prefix == e.Prefix || e.Match == OrLonger && inside || e.Match == OrShorter && holds {
				want = append(want, r)
			}
		}
		got := matching(routes, e)
		slices.SortFunc(got, func(a, b route) int { return a.prefix.Compare(b.prefix) })
		if !slices.Equal(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
	})
}
