package exabgp

import (
	"slices"
	"testing"

	"routesync/state"
)

func TestFamilies(t *testing.T) {
	t.Parallel()
	for _, f := range state.Families() {
		if !slices.Contains(Families(), f.String()) {
			t.Errorf("%s is not among them", f)
		}
	}
	for _, test := range []struct {
		wanted, family string
		takes          bool
	}{
		{"", "ipv4 unicast", true},
		{"ipv4", "ipv4 unicast", true},
		{"ipv4 flow", "ipv4 flow", true},
		{"ipv4 flow", "ipv4 flow-vpn", false},
		{"ipv", "ipv4 unicast", false},
		{"ipv6", "ipv4 unicast", false},
	} {
		if got := TakesFamily(test.wanted, test.family); got != test.takes {
			t.Errorf("%q takes %q: %t", test.wanted, test.family, got)
		}
	}
}
