package routefile

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"routesync/state"
)

// TestGuardFaults: whatever is not exactly right in guard is said where it is, and
// the file is not taken.
func TestGuardFaults(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"max-withdraw: [20%, 30%]":                    "17: max-withdraw is not one share and one count",
		"max-withdraw: [20%]":                         "17: max-withdraw is a share, a count, or a list of both",
		"max-withdraw: [off, 5]":                      "17: max-withdraw is not one share and one count",
		"max-withdraw: 20":                            "",
		"max-withdraw: 20 %":                          `17: limit "20 %" is not a share in 0%..100%, of two decimals at most`,
		"max-withdraw: 200%":                          `17: limit "200%" is not a share in 0%..100%, of two decimals at most`,
		"max-withdraw: none":                          `17: limit "none" is neither a share nor a count`,
		"max-withdraw: ~":                             "17: max-withdraw has no value",
		"max-withdraw-space: 500":                     "23: max-withdraw-space is a share",
		"max_withdraw: 20%":                           `3: "max_withdraw" is not a key of guard`,
		"min-routes: 0":                               `15: min-routes "0" is not a number in 1..2147483647`,
		"max-routes: many":                            `15: max-routes "many" is not a number in 1..2147483647`,
		"tags: {a b: {min-routes: 3}}":                `10: tag "a b" is no word`,
		"tags: {ddos: {min: 3}}":                      `17: "min" is not a key of tag ddos`,
		"tags: {ddos: {}}":                            "16: tag ddos has no value",
		"tags: [ddos]":                                "9: tags of guard must be a mapping, not a list",
		"peers: {edge: {max-withdraw: off}}":          `11: peer "edge" is not an ip address`,
		"peers: {192.0.2.1: off}":                     "22: peer 192.0.2.1 must be a mapping, not a single value",
		"protect: [203.0.113.1/24]":                   "13: prefix 203.0.113.1/24 has host bits set",
		"protect: [203.0.113.0/24, 203.0.113.0/24]":   "29: prefix 203.0.113.0/24 is listed twice",
		"protect: 203.0.113.0/24":                     "12: protect must be a list, not a single value",
		"never: []":                                   "10: never is an empty list",
		"allow: [bogons]":                             `11: "bogons" is no name of prefixes that are not announced`,
		"prefix-length: {ipv4: 24-8}":                 `25: prefix-length "24-8" is not a range in 0-32`,
		"prefix-length: {ipv6: 16-129}":               `25: prefix-length "16-129" is not a range in 0-128`,
		"prefix-length: {ipv6: -48}":                  `25: prefix-length "-48" is not a range in 0-128`,
		"next-hops: [me]":                             `15: "me" is not a prefix`,
		`communities: ["65000:"]`:                     `17: "65000:" is not a community, nor a pattern of some`,
		`communities: ["*"]`:                          `17: "*" is not a community, nor a pattern of some`,
		"rpki: {invalid: warn}":                       "9: rpki has no vrps",
		"rpki: {vrps: a.json, invalid: deny}":         `33: invalid is refuse, warn or allow, not "deny"`,
		"rpki: {vrps: a.json, max-age: 1d}":           `33: max-age "1d" is not a time in 1m..720h, in whole seconds`,
		"rpki: {vrps: a.json, max-age: 721h}":         `33: max-age "721h" is not a time in 1m..720h, in whole seconds`,
		"flap: {within: 15}":                          `18: within "15" is not a time in 1s..24h, in whole seconds`,
		"flap: {changes: 0}":                          `19: changes "0" is not a number in 1..2147483647`,
		"flap: on":                                    "9: flap must be a mapping, not a single value",
		"override: [withdraw]":                        `14: override "withdraw" does not say for which plan`,
		"override: [all@9b1d2c3f4a5b]":                `14: override "all@9b1d2c3f4a5b": "all" is not the name of a guard`,
		`override: ["withdraw@9b1d2c3f4a5"]`:          `14: override "withdraw@9b1d2c3f4a5": "9b1d2c3f4a5" is not 12 hex digits`,
		"override: [withdraw,never@9b1d2c3f4a5b]":     `14: override "withdraw" does not say for which plan`,
		"override: [\"withdraw@9b1d2c3f4a5b,never\"]": `14: override "withdraw@9b1d2c3f4a5b,never": "9b1d2c3f4a5b,never" is not 12 hex digits`,
	} {
		data := []byte("version: 1\nowner: edge\nspeakers: [edge1]\nguard:\n  " + line + "\nroutes: []\n")
		_, err := Parse("f", data)
		all := Faults(err)
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", line, err)
		case want == "":
		case len(all) == 0 || all[0].Error() != "f:5:"+want:
			t.Errorf("%s: %v\nwant f:5:%s", line, err, want)
		}
	}
}

// TestGuardTheShortWay: a list of prefixes in guard looks like one of routes, and
// none of it may be taken for the other.
func TestGuardTheShortWay(t *testing.T) {
	t.Parallel()
	data := []byte("version: 1\nowner: edge\nspeakers: [edge1]\nguard:\n  protect:\n  - 203.0.113.0/24\n  - 198.51.100.0/24\n  - 192.0.2.0/24\n" +
		"  never:\n    - 11.0.0.0/8\n    - 12.0.0.0/8\nroutes:\n" + strings.Repeat("# \n", 100) + "- prefix: 10.0.0.0/24\n  next-hop: self\n- prefix: 10.0.1.0/24\n  next-hop: self\n")
	var l Loader
	for i := range 3 {
		got, err := l.Load("f", data, nil)
		if err != nil {
			t.Fatal(err)
		}
		want, err := Parse("f", data)
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(want, got, attrs()); diff != "" || len(got.Policy.Protect) != 3 || len(got.Policy.Never) != 2 {
			t.Errorf("(-whole way +short way):\n%s", diff)
		}
		data = fmt.Appendf(data, "- prefix: 10.0.%d.0/24\n  next-hop: self\n", 2+i)
	}
}

// TestWriteGuard: what a set may lead to is written down with it.
func TestWriteGuard(t *testing.T) {
	t.Parallel()
	d := mustParse(t, read(t, "testdata/valid/guard.yaml"))
	out, err := Write(d, nil)
	if err != nil {
		t.Fatal(err)
	}
	again := mustParse(t, out)
	again.Policy.RPKI.Path = d.Policy.RPKI.Path
	if diff := gocmp.Diff(d.Policy, again.Policy, attrs()); diff != "" {
		t.Errorf("(-first +again):\n%s\n%s", diff, out)
	}
	d.Policy = nil
	if out, err := Write(d, nil); err != nil || strings.Contains(string(out), "guard") {
		t.Errorf("no policy is written as\n%s%v", out, err)
	}
	d.Policy = state.DefaultPolicy()
	if out, err := Write(d, nil); err != nil || mustParse(t, out).Policy.Digest() != state.DefaultPolicy().Digest() {
		t.Errorf("the default policy is written as\n%s%v", out, err)
	}
}

// TestRPKIRefusesUnlessSaid: who names a file of VRPs means that what is invalid is
// not announced.
func TestRPKIRefusesUnlessSaid(t *testing.T) {
	for line, want := range map[string]state.RPKI{
		"rpki: {vrps: lists/a.json}":                   {VRPs: "lists/a.json", Path: "dir/lists/a.json", Invalid: state.Refuse},
		"rpki: {vrps: /a.json, not-found: refuse}":     {VRPs: "/a.json", Path: "/a.json", Invalid: state.Refuse, NotFound: state.Refuse},
		"rpki: {invalid: allow, vrps: a, max-age: 1h}": {VRPs: "a", Path: "dir/a", MaxAge: 3_600_000},
	} {
		d, err := Parse("dir/f.yaml", []byte("version: 1\nowner: edge\nspeakers: [edge1]\nguard:\n  "+line+"\nroutes: []\n"))
		if err != nil {
			t.Fatal(err)
		}
		if d.Policy.RPKI != want {
			t.Errorf("%s is %+v, want %+v", line, d.Policy.RPKI, want)
		}
	}
}

// TestParseGuard: a guard by itself says what it would in a file, and nothing else.
func TestParseGuard(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]func(*state.Policy){
		"max-withdraw: 5%":             func(p *state.Policy) { p.MaxWithdraw.Share = 500 },
		"max-withdraw: [5%, 7]":        func(p *state.Policy) { p.MaxWithdraw = state.Limit{Share: 500, Count: 7} },
		"{max-withdraw: 0}":            func(p *state.Policy) { p.MaxWithdraw.Count = 0 },
		"min-routes: 3\nmax-routes: 9": func(p *state.Policy) { p.MinRoutes, p.MaxRoutes = 3, 9 },
		"tags: { transit: { min-routes: 2 } }": func(p *state.Policy) {
			p.Tags = []state.TagBounds{{Tag: "transit", MinRoutes: 2}}
		},
		"rpki: { vrps: lists/../v.json }": func(p *state.Policy) {
			p.RPKI = state.RPKI{VRPs: "lists/../v.json", Path: "v.json", Invalid: state.Refuse}
		},
		"rpki: { vrps: /v.json, invalid: warn }": func(p *state.Policy) {
			p.RPKI = state.RPKI{VRPs: "/v.json", Path: "/v.json", Invalid: state.Warn}
		},
		"flap: { changes: 3 }":            func(p *state.Policy) { p.Flap = state.Flap{Changes: 3, Within: 900_000} },
		"flap: { within: 1h }":            func(p *state.Policy) { p.Flap = state.Flap{Changes: 6, Within: 3_600_000} },
		"prefix-length: { ipv4: 8-24 }":   func(p *state.Policy) { p.Lengths4 = state.Lengths{Min: 8, Max: 24} },
		"flap: off\nmax-withdraw: 0":      func(p *state.Policy) { p.MaxWithdraw.Count = 0 },
		"next-hops: [self]":               func(p *state.Policy) { p.NextHops = &state.NextHops{Self: true} },
		"# no withdraws\nmax-withdraw: 0": func(p *state.Policy) { p.MaxWithdraw.Count = 0 },
	} {
		p := state.Unguarded()
		want(p)
		got, err := ParseGuard("--guard", text)
		if diff := gocmp.Diff(p, got, gocmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", text, err, diff)
		}
	}
}

// TestParseGuardFaults: all of them, each where it is; and what would lift something is
// one.
func TestParseGuardFaults(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                        "1:1: the guard is empty (write it as in a file, max-withdraw: 20%)",
		"# nothing":               "1:1: the guard is empty (write it as in a file, max-withdraw: 20%)",
		"max-withdraw":            "1:1: a guard must be a mapping, not a single value (write max-withdraw: 20%)",
		"max-withdraw=5%":         "1:1: a guard must be a mapping, not a single value (write max-withdraw: 20%)",
		"{}":                      "1:1: a guard has no value (leave it out, or write max-withdraw: 20%)",
		"[max-withdraw]":          "1:1: a guard must be a mapping, not a list (write max-withdraw: 20%)",
		"max_withdraw: 5%":        `1:1: "max_withdraw" is not a key of a guard (did you mean max-withdraw?)`,
		"guard: {min-routes: 1}":  `1:1: "guard" is not a key of a guard ()`,
		"max-withdraw: 5 %":       `1:15: limit "5 %" is not a share in 0%..100%, of two decimals at most (write it as 20%, 500, or off)`,
		"protect: [192.0.2.1/24]": "1:11: prefix 192.0.2.1/24 has host bits set (the network is 192.0.2.0/24, the host route 192.0.2.1/32)",
		"allow: [private]":        "1:1: allow lifts guards, and can only stand in the file (write it there: guard: { allow: [private] })",
		"override: [a@9b1d2c3f4a5b]": "1:1: override lifts guards, and can only stand in the file " +
			"(write it there, or give it to apply: --override RULES@DIGEST)",
		"min-routes: 0\nmax-routes: many": `1:13: min-routes "0" is not a number in 1..2147483647 (leave it out for none)` + "\n" +
			`2:13: max-routes "many" is not a number in 1..2147483647 (leave it out for none)`,
		"min-routes: 1\nmin-routes: 2":  "2:1: min-routes is given twice; the first is in line 1 ()",
		"min-routes: &a 1":              "1:13: " + noAliases + " (" + noAliasesHint + ")",
		"min-routes: 1\n---\n":          "2:1: a second document starts here; the guard may have one (delete the line with ---, or make two files)",
		"min-routes: 1\x00":             "1:14: a NUL byte (the file is not text, or was not written to its end)",
		"max-withdraw: off":             nothingRefused,
		"max-withdraw-space: 100%":      nothingRefused,
		"flap: off":                     nothingRefused,
		"prefix-length: { ipv4: 0-32 }": nothingRefused,
	} {
		var said []string
		p, err := ParseGuard("--guard", text)
		for _, f := range Faults(err) {
			if f.Pos.File != "--guard" {
				t.Errorf("%q: it is in %s", text, f.Pos.File)
			}
			said = append(said, fmt.Sprintf("%d:%d: %s (%s)", f.Pos.Line, f.Pos.Column, f.Msg, f.Hint))
		}
		if got := strings.Join(said, "\n"); got != want || p != nil {
			t.Errorf("%q: %v\n%s\nwant %s", text, p, got, want)
		}
	}
}

const nothingRefused = "1:1: this refuses nothing, and what is refused elsewhere stays so (a guard by itself makes stricter; what is to be lifted, the file says)"
