package state_test

import (
	"maps"
	"net/netip"
	"slices"
	"testing"

	"routesync/state"
)

// What its holder has given up is no contest any more, whoever said so last.
func TestContested(t *testing.T) {
	key := func(p string) state.Key { return state.UnicastKey(netip.MustParsePrefix(p), 0) }
	held, given := key("10.0.0.0/24"), key("10.0.1.0/24")
	stands := state.Contest{Key: held, Owner: "b", Holder: "a"}
	set := &state.Advertised{
		Routes: state.CollectTable(maps.All(map[state.Key][]state.Advert{held: {{Owner: "a"}}, given: {{Owner: "b"}}})),
		Contests: []state.Contest{
			stands, {Key: given, Owner: "b", Holder: "a"}, {Key: held, Owner: "a", Holder: "a"}, {Key: key("10.0.2.0/24"), Owner: "b", Holder: "a"},
		},
	}
	if got := set.Contested(); !slices.Equal(got, []state.Contest{stands}) {
		t.Errorf("contested %v", got)
	}
	if got := set.ContestsOf("a"); !slices.Equal(got, []state.Contest{stands}) || len(set.ContestsOf("b")) != 0 {
		t.Errorf("of a %v, of b %v", got, set.ContestsOf("b"))
	}
}
