package bridge

import (
	"slices"
	"testing"
	"time"

	"routesync/bridge/exabgp"
	"routesync/state"
)

func suspects(t *testing.T, at time.Time, sent bool, prefixes ...string) []suspect {
	var all []suspect
	for _, p := range prefixes {
		all = append(all, suspect{value{desired(t, p).Routes[0].Key, attrs(t, nh)}, at, sent, false})
	}
	return all
}

func names(values []value) []string {
	var all []string
	for _, v := range values {
		all = append(all, v.key.String())
	}
	return all
}

func (d *suspicion) namesAccused() []string {
	var all []string
	for _, a := range d.accused {
		all = append(all, a.key.String())
	}
	return all
}

func TestSuspicionFell(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	early, late := now.Add(-2*time.Second), now.Add(-50*time.Millisecond)
	for _, tc := range []struct {
		name   string
		all    []suspect
		raised bool
		aside  []string
		parts  int
		quiet  time.Duration
	}{
		{"one that was sent", suspects(t, late, true, "10.0.0.0/24"), false, []string{"10.0.0.0/24"}, 1, quietMin},
		{"what was not sent stays, for a NOTIFICATION", slices.Concat(suspects(t, late, true, "10.0.0.0/24", "10.0.1.0/24"), suspects(t, late, false, "10.0.2.0/24")),
			false, []string{"10.0.0.0/24", "10.0.1.0/24"}, 2, quietMin},
		{"what was sent stays, for an exception", slices.Concat(suspects(t, late, true, "10.0.0.0/24", "10.0.1.0/24"), suspects(t, early, false, "10.0.2.0/24")),
			true, []string{"10.0.2.0/24"}, 1, quietMin},
		{"if nothing was sent, all are suspected", suspects(t, late, false, "10.0.0.0/24", "10.0.1.0/24"), false, []string{"10.0.0.0/24", "10.0.1.0/24"}, 2, quietMin},
		{"the newest go first", slices.Concat(suspects(t, late, true, "10.0.0.0/24"), suspects(t, early, true, "10.0.1.0/24")),
			false, []string{"10.0.0.0/24", "10.0.1.0/24"}, 2, quietMax},
		{"a slow peer", suspects(t, early, true, "10.0.0.0/24", "10.0.1.0/24"), false, []string{"10.0.0.0/24", "10.0.1.0/24"}, 2, 4 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var d suspicion
			aside := d.fell(tc.all, exabgp.Fall{Raised: tc.raised}, now)
			if got := names(aside); !slices.Equal(got, tc.aside) || len(d.parts) != tc.parts || d.quiet != tc.quiet || len(d.accused) > 0 {
				t.Errorf("aside %v in %d parts, quiet for %v, accused %v", got, len(d.parts), d.quiet, d.namesAccused())
			}
		})
	}
}

// Of many the last part stays in exaBGP's table, and is tried when the session is
// up. When one is found, what is left is one part.
func TestSuspicionDivides(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	var all []suspect
	for _, r := range desired(t, many(1000)...).Routes {
		all = append(all, suspect{value{r.Key, r.Attrs}, now.Add(-50 * time.Millisecond), true, false})
	}
	var d suspicion
	if aside := d.fell(all, exabgp.Fall{}, now); len(aside) != 900 || len(d.parts) != 9 {
		t.Errorf("%d aside in %d parts", len(aside), len(d.parts))
	}
	// The first part falls: it is divided, and comes before the others.
	d.next()
	if aside := d.fell(all[:100], exabgp.Fall{}, now); len(aside) != 90 || len(d.parts) != 8+9 || len(d.parts[8]) != 10 {
		t.Errorf("%d aside in %d parts", len(aside), len(d.parts))
	}
	if aside := d.fell(all[:1], exabgp.Fall{}, now); len(aside) != 1 || len(d.parts) != 1 || len(d.accused) != 1 {
		t.Errorf("%d aside in %d parts, accused %v", len(aside), len(d.parts), d.namesAccused())
	}
	if guilty := d.over(); len(guilty) != 1 || guilty[all[0].value] != 3 || d.searching() {
		t.Errorf("guilty %v", guilty)
	}
}

// A fall without a suspect takes back what was believed.
func TestSuspicionMisjudged(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	var d suspicion
	all := suspects(t, now, true, "10.0.0.0/24", "10.0.1.0/24")
	for _, s := range all {
		d.doubt(s.key, now)
	}
	d.fell(all, exabgp.Fall{}, now)
	d.proven(all[0].key, now, now)
	d.fell(all[1:], exabgp.Fall{}, now)
	if len(d.accused) != 1 || d.last() != proofTime {
		t.Errorf("accused %v", d.namesAccused())
	}
	parts := len(d.parts)
	passed := d.misjudged(now.Add(3 * time.Second))
	if _, ok := passed[all[0].key]; len(passed) != 1 || !ok || len(d.accused) > 0 || len(d.parts) != parts+1 || d.last() != slowTime || d.least == 0 {
		t.Errorf("passed %v, accused %v", passed, d.namesAccused())
	}
}

// What is alone in its family or in its attributes comes back first, by itself.
func TestDivide(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	var all []suspect
	for _, r := range desired(t, append(many(30, 8), "2001:db8::/48 "+nh, "2001:db8:1::/48 "+nh, "10.9.0.0/16 "+nh+" med 7", "10.9.0.0/17 "+nh+" med 7")...).Routes {
		all = append(all, suspect{value{r.Key, r.Attrs}, now, true, false})
	}
	all[0].at = now.Add(time.Second)
	likeliestFirst(all)
	var values []value
	for _, s := range all {
		values = append(values, s.value)
	}
	var got []int
	for _, p := range divide(values, partsMin) {
		got = append(got, len(p))
	}
	if !slices.Equal(got, []int{2, 3, 9, 9, 9, 2}) || all[0].key.Family != state.IPv6Unicast || all[2].key.String() != "10.0.8.0/24" || all[5].at == now {
		t.Errorf("parts of %v: %v", got, names(values))
	}
}

// A NOTIFICATION in between shows that connections are not lost for the network alone.
func TestLostConnectionsInARow(t *testing.T) {
	var d suspicion
	now := time.Unix(1_800_000_000, 0)
	lose := func(n int) {
		for range n {
			d.losing()
			d.fell(suspects(t, now, true, "10.0.0.0/24", "10.0.1.0/24"), exabgp.Fall{Lost: true}, now)
		}
	}
	lose(lostMost)
	d.fell(suspects(t, now, true, "10.0.0.0/24", "10.0.1.0/24"), exabgp.Fall{}, now)
	lose(lostMost)
	if d.resigned {
		t.Errorf("the search ends after %d connections in a row", lostMost)
	}
	lose(2)
	if !d.resigned {
		t.Error("the search goes on for ever")
	}
}
