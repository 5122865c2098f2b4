package guard

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"routesync/state"
	"routesync/state/rpki"
)

const vrps = `{"metadata":{"buildtime":"2026-11-26T10:00:00Z"},"roas":[
	{"asn":64496,"prefix":"20.0.0.0/24","maxLength":24},
	{"asn":64497,"prefix":"20.0.1.0/24","maxLength":25},
	{"asn":64498,"prefix":"20.0.1.0/24","maxLength":24},
	{"asn":64499,"prefix":"20.0.0.0/16","maxLength":16,"expires":1795694400}
]}`

// originating is a speaker of AS64496 to both peers, an hour after the VRPs were made.
func originating(w *world) {
	w.now = time.Date(2026, 11, 26, 11, 0, 0, 0, time.UTC).UnixMilli()
	for i := range w.advertised.Peers {
		w.advertised.Peers[i].LocalAS = 64496
	}
	w.vrps = rpki.Read("vrps.json", []byte(vrps), nil)
}

// TestOrigins: what the RPKI has against an origin refuses the plan, or is a warning,
// or nothing, as the policy says; and without the policy the same change goes through.
func TestOrigins(t *testing.T) {
	const unknown = "1 route would be announced, and whether the RPKI lets their origins can't be told: "
	for name, test := range map[string]struct {
		given func(*world)
		rule  state.RPKI // less the name of the file
		text  string     // "" if nothing is to be said
		act   state.Action
	}{
		"valid":                    {func(w *world) { w.wants("", nil, "20.0.0.0/24") }, state.RPKI{Invalid: state.Refuse, NotFound: state.Refuse}, "", state.Allow},
		"valid by its path":        {func(w *world) { w.wants("as-path 64496 64497", nil, "20.0.1.0/25") }, state.RPKI{Invalid: state.Refuse, NotFound: state.Refuse}, "", state.Allow},
		"another's prefix":         {func(w *world) { w.wants("", nil, "20.0.1.0/24", "20.0.0.0/24") }, state.RPKI{Invalid: state.Refuse}, "1 route would have an origin that is invalid by the RPKI, and be dropped by many; first 20.0.1.0/24 of AS64496: there is only AS64498 20.0.1.0/24, AS64497 20.0.1.0/24-25, AS64499 20.0.0.0/16 (rpki)", state.Refuse},
		"too long":                 {func(w *world) { w.wants("", nil, "20.0.0.0/25") }, state.RPKI{Invalid: state.Refuse}, "1 route would have an origin that is invalid by the RPKI, and be dropped by many; first 20.0.0.0/25 of AS64496: there is only AS64496 20.0.0.0/24, AS64499 20.0.0.0/16 (rpki)", state.Refuse},
		"a set at its end":         {func(w *world) { w.wants("as-path 64496 (64496)", nil, "20.0.0.0/24") }, state.RPKI{Invalid: state.Refuse}, "1 route would have an origin that is invalid by the RPKI, and be dropped by many; first 20.0.0.0/24 of no AS, for its as-path ends in a set: there is only AS64496 20.0.0.0/24, AS64499 20.0.0.0/16 (rpki)", state.Refuse},
		"a warning":                {func(w *world) { w.wants("", nil, "20.0.2.0/24") }, state.RPKI{Invalid: state.Warn}, "1 route would have an origin that is invalid by the RPKI, and be dropped by many; first 20.0.2.0/24 of AS64496: there is only AS64499 20.0.0.0/16 (rpki)", state.Warn},
		"a change of an attribute": {func(w *world) { w.has("", nil, "20.0.2.0/24"); w.wants("med 1", nil, "20.0.2.0/24") }, state.RPKI{Invalid: state.Refuse}, "1 route would have an origin that is invalid by the RPKI, and be dropped by many; first 20.0.2.0/24 of AS64496: there is only AS64499 20.0.0.0/16 (rpki)", state.Refuse},
		"there already":            {func(w *world) { w.has("", nil, "20.0.2.0/24"); w.wants("", nil, "20.0.2.0/24") }, state.RPKI{Invalid: state.Refuse}, "", state.Allow},
		"withdrawn":                {func(w *world) { w.has("", nil, "20.0.2.0/24") }, state.RPKI{Invalid: state.Refuse}, "", state.Allow},
		"allowed":                  {func(w *world) { w.wants("", nil, "20.0.2.0/24") }, state.RPKI{NotFound: state.Refuse}, "", state.Allow},
		"not found":                {func(w *world) { w.wants("", nil, "30.0.0.0/24", "30.0.1.0/24") }, state.RPKI{NotFound: state.Refuse}, "2 routes would have an origin of which the RPKI knows nothing (rpki: not-found)", state.Refuse},
		"not found, which may be":  {func(w *world) { w.wants("", nil, "30.0.0.0/24") }, state.RPKI{Invalid: state.Refuse}, "", state.Allow},
		"not found, now":           {func(w *world) { w.now += 2 * time.Hour.Milliseconds(); w.wants("", nil, "20.0.2.0/24") }, state.RPKI{Invalid: state.Refuse, NotFound: state.Warn}, "1 route would have an origin of which the RPKI knows nothing (rpki: not-found)", state.Warn},
		"invalid at one of two ASes": {func(w *world) { w.advertised.Peers[1].LocalAS = 64500; w.wants("", nil, "20.0.0.0/24") }, state.RPKI{Invalid: state.Refuse},
			"1 route would have an origin that is invalid by the RPKI, and be dropped by many; first 20.0.0.0/24 of AS64500: there is only AS64496 20.0.0.0/24, AS64499 20.0.0.0/16 (rpki)", state.Refuse},
		"an AS that is not known": {func(w *world) { w.advertised.Peers[1].LocalAS = 0; w.wants("", nil, "20.0.0.0/24") }, state.RPKI{Invalid: state.Refuse},
			"1 route would have the speaker's own AS as their origin, and that is not known, so it can't be told whether the RPKI lets it (rpki)", state.Refuse},
		"an AS that only a speaker knows": {func(w *world) {
			w.imagined, w.advertised.Peers[1].LocalAS = true, 0
			w.wants("", nil, "20.0.0.0/24")
		}, state.RPKI{Invalid: state.Refuse},
			"1 route would have the speaker's own AS as their origin, and that is not known, so it can't be told whether the RPKI lets it (rpki)", state.Warn},
		"invalid, whatever a speaker knows": {func(w *world) {
			w.imagined, w.advertised.Peers[1].LocalAS = true, 0
			w.wants("as-path 64511", nil, "20.0.0.0/24")
		}, state.RPKI{Invalid: state.Refuse},
			"1 route would have an origin that is invalid by the RPKI, and be dropped by many; first 20.0.0.0/24 of AS64511: there is only AS64496 20.0.0.0/24, AS64499 20.0.0.0/16 (rpki)", state.Refuse},
		"no peers": {func(w *world) { w.advertised.Peers = nil; w.wants("", nil, "20.0.0.0/24") }, state.RPKI{Invalid: state.Warn},
			"1 route would have the speaker's own AS as their origin, and that is not known, so it can't be told whether the RPKI lets it (rpki)", state.Warn},
		"old VRPs": {func(w *world) { w.now += 24 * time.Hour.Milliseconds(); w.wants("", nil, "20.0.0.0/24") }, state.RPKI{Invalid: state.Refuse},
			unknown + "VRPs of vrps.json: they are of 2026-11-26T10:00:00Z, and older than 24h0m0s", state.Refuse},
		"old VRPs, which may be": {func(w *world) { w.now += 24 * time.Hour.Milliseconds(); w.wants("", nil, "20.0.0.0/24") }, state.RPKI{Invalid: state.Refuse, MaxAge: 48 * time.Hour.Milliseconds()}, "", state.Allow},
		"old VRPs, and one rule warns": {func(w *world) { w.now += 24 * time.Hour.Milliseconds(); w.wants("", nil, "20.0.0.0/24") }, state.RPKI{NotFound: state.Warn},
			unknown + "VRPs of vrps.json: they are of 2026-11-26T10:00:00Z, and older than 24h0m0s", state.Warn},
		"no VRPs": {func(w *world) {
			w.vrps = rpki.Read("vrps.json", nil, errors.New("no such file"))
			w.wants("", nil, "20.0.0.0/24")
		}, state.RPKI{Invalid: state.Refuse},
			unknown + "VRPs of vrps.json: no such file", state.Refuse},
		"nobody has read them": {func(w *world) { w.vrps = nil; w.wants("", nil, "20.0.0.0/24") }, state.RPKI{Invalid: state.Refuse},
			unknown + "VRPs of vrps.json: they were not read", state.Refuse},
		"no VRPs, and nothing to announce": {func(w *world) { w.vrps = rpki.Read("vrps.json", []byte("x"), nil); w.has("", nil, "20.0.0.0/24") }, state.RPKI{Invalid: state.Refuse},
			"VRPs of vrps.json: not a file of VRPs: byte 0: invalid character 'x' looking for beginning of value", state.Warn},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			originating(w)
			test.given(w)
			if v := w.check(); len(v.Refusals)+len(v.Warnings) != 0 {
				t.Fatalf("without the guard: %+v", v)
			}
			test.rule.VRPs = "vrps.json"
			w.desired.Policy.RPKI = test.rule
			v := w.check()
			var got []string
			for _, f := range append(slices.Clone(v.Refusals), v.Warnings...) {
				got = append(got, f.Text)
				if f.Rule != state.RuleRPKI {
					t.Errorf("the rule is %s", f.Rule)
				}
			}
			var want []string
			if test.text != "" {
				want = []string{test.text}
			}
			if !slices.Equal(got, want) || (len(v.Refusals) > 0) != (test.act == state.Refuse) || (len(v.Warnings) > 0) != (test.act == state.Warn) {
				t.Errorf("%s\nwant %s: %s", fmt.Sprint(got), test.act, test.text)
			}
		})
	}
}

// A route of a VPN is nobody's origination on the Internet.
func TestOriginsInVPN(t *testing.T) {
	w := newWorld(t)
	originating(w)
	w.desired.Policy.RPKI = state.RPKI{VRPs: "vrps.json", Invalid: state.Refuse, NotFound: state.Refuse}
	k, err := state.PrefixKey(state.IPv4VPN, netip.MustParsePrefix("20.0.2.0/24"), "65000:1", 0)
	if err != nil {
		t.Fatal(err)
	}
	w.desired.Routes = append(w.desired.Routes, state.Wanted{Key: k, Terms: &state.Terms{Attrs: attributes(t, "label 100")}})
	if v := w.check(); len(v.Refusals)+len(v.Warnings) != 0 {
		t.Errorf("%+v", v)
	}
}

// TestFlapping: where changes were counted, one too many refuses the plan; without
// the guard, or where nobody counted, it goes through.
func TestFlapping(t *testing.T) {
	w := newWorld(t)
	w.has("", nil, some(0, 3)...)
	w.wants("med 1", nil, some(0, 2)...)
	counts := map[state.Key]int{key("20.0.0.0/24"): 6, key("20.0.1.0/24"): 5, key("20.0.2.0/24"): 8}
	w.changed = func(k state.Key) int { return counts[k] }
	if v := w.check(); len(v.Refusals) != 0 {
		t.Fatalf("without the guard: %+v", v.Refusals)
	}
	w.desired.Policy.Flap = state.Flap{Changes: 6, Within: 900_000}
	v := w.check()
	const want = "2 routes would change again, which did up to 8 times within 15m0s; at most 6 may be, or others damp it (flap)"
	if len(v.Refusals) != 1 || v.Refusals[0].Rule != state.RuleFlap || v.Refusals[0].Text != want || v.Refusals[0].List() != "20.0.0.0/24, 20.0.2.0/24" {
		t.Errorf("%+v\nwant %s", v.Refusals, want)
	}
	w.changed = nil
	if v := w.check(); len(v.Refusals) != 0 {
		t.Errorf("where nobody counted: %+v", v.Refusals)
	}
}

// TestUncounted: that nobody could count is said, and refuses nothing: the change is
// no worse for it.
func TestUncounted(t *testing.T) {
	w := newWorld(t)
	w.wants("", nil, some(0, 2)...)
	w.uncounted = errors.New("the disk hangs")
	if v := w.check(); len(v.Warnings) != 0 {
		t.Errorf("where nothing is to be counted: %+v", v.Warnings)
	}
	w.desired.Policy.Flap = state.Flap{Changes: 6, Within: 900_000}
	v := w.check()
	if len(v.Refusals) != 0 || len(v.Warnings) != 1 || v.Warnings[0].Text != "whether a route changes too often can't be told: the disk hangs" {
		t.Errorf("%+v", v)
	}
}
