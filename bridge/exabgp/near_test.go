package exabgp

import "testing"

func TestNear(t *testing.T) {
	t.Parallel()
	words := []string{"next-hop", "local-preference", "community", "large-community", "extended-community", "med", "origin", "originator-id", "as-path", "announce", "withdraw"}
	for text, want := range map[string]string{
		"nexthop":    "next-hop",
		"next_hop":   "next-hop",
		"Next-Hop":   "next-hop",
		"nxet-hop":   "next-hop",
		"comunity":   "community",
		"local-pref": "local-preference",
		"aspath":     "as-path",
		"orig":       "origin",
		"annonce":    "announce",
		"anounce":    "announce",
		"withdarw":   "withdraw",
		"mde":        "med",
		"x":          "",
		"no-export":  "",
		"65000:1":    "",
		"weight":     "",
	} {
		if got := near(text, words); got != want {
			t.Errorf("%q is taken for %q, want %q", text, got, want)
		}
	}
}
