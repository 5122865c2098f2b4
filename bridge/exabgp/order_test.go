package exabgp

import (
	"net/netip"
	"slices"
	"testing"

	"routesync/state"
)

func TestCompareSent(t *testing.T) {
	got := []string{"10.0.0.0/24", "192.0.2.0/24", "10.0.0.0/8", "9.0.0.0/24", "11.0.0.0/8", "2001:db8::/32", "::/0"}
	key := func(text string) state.Key { return state.UnicastKey(netip.MustParsePrefix(text), 0) }
	slices.SortFunc(got, func(a, b string) int { return CompareSent(key(a), key(b)) })
	want := []string{"10.0.0.0/8", "11.0.0.0/8", "9.0.0.0/24", "10.0.0.0/24", "192.0.2.0/24", "::/0", "2001:db8::/32"}
	if !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}
