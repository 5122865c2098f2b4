package main

import (
	"bufio"
	"errors"
	"io"
	"maps"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"routesync/bridge/wire"
	"routesync/state"
)

const adoptFile = `version: 1
owner: edge-team
speakers: [edge1]
defaults: { next-hop: 198.51.100.1 }
routes:
  - prefix: 10.0.0.0/16           # ours already
  - prefix: 10.9.0.0/16           # of another file
  - prefix: 10.98.0.0/16          # typed at a console, at one peer
    med: 5
    peers: [192.0.2.1]
  - prefix: 203.0.113.0/24
    peers: [192.0.2.1]
`

// adoptSample shows an adoption of all kinds.
func adoptSample(t *testing.T, w io.Writer) error {
	a := &adopter{
		undertaking: &undertaking{
			world:   &world{stdout: w, stderr: w, getenv: func(string) string { return "" }},
			desired: desired(t, adoptFile), whole: desired(t, adoptFile),
		},
		flags: &adoptFlags{file: "routes.yaml"},
	}
	show := func(s selection) error {
		a.selection = s
		out := bufio.NewWriter(w)
		_, err := a.write(out, []observation{seen(t)})
		return errors.Join(out.Flush(), writeAll(w, err))
	}
	return errors.Join(
		show(selection{names: []string{"10.98.0.0/16", "10.99.0.0/16"}, unwanted: true, anyOwner: true}),
		show(selection{wanted: true, anyOwner: true}),
		show(selection{names: []string{"10.9.0.0/16", "10.99.0.0/16", "10.0.0.0/16", "10.77.0.0/16"}, anyOwner: true}),
		show(selection{names: []string{"10.98.0.0/16"}, from: "other-team"}),
		show(selection{wanted: true}),
	)
}

// writeAll writes errors as the program does.
func writeAll(w io.Writer, err error) error {
	if err != nil {
		(&world{stderr: w, ran: true}).report(err)
	}
	return nil
}

func picks(c choice) []string {
	var all []string
	for _, a := range c.picked {
		text := a.key.String() + " of " + a.advert.Owner + " at " + addrList(peersOf(a.advert))
		if a.wanted == nil {
			text += ", not asked for"
		}
		all = append(all, text)
	}
	return all
}

func TestPick(t *testing.T) {
	t.Parallel()
	set := seen(t).advertised
	for name, test := range map[string]struct {
		selection
		file string
		want []string
	}{
		"what is asked for":          {selection{wanted: true, anyOwner: true}, adoptFile, []string{"10.98.0.0/16 of console at 192.0.2.1"}},
		"of another file":            {selection{wanted: true, from: "other-team"}, adoptFile, []string{"10.9.0.0/16 of other-team at 192.0.2.1, 192.0.2.9"}},
		"of exaBGP":                  {selection{names: []string{"10.99.0.0/16"}, from: "", unwanted: true}, adoptFile, []string{"10.99.0.0/16 of  at 192.0.2.1, not asked for"}},
		"named, not asked for":       {selection{names: []string{"10.99.0.0/16"}, anyOwner: true}, adoptFile, nil},
		"ours":                       {selection{names: []string{"10.0.0.0/16"}, anyOwner: true, unwanted: true}, adoptFile, nil},
		"asked for, and nothing is":  {selection{wanted: true, anyOwner: true}, "version: 1\nowner: a\nspeakers: [edge1]\nroutes: []\n", nil},
		"asked for at one of two":    {selection{wanted: true, from: "other-team"}, "version: 1\nowner: a\nspeakers: [edge1]\nroutes:\n  - { prefix: 10.9.0.0/16, next-hop: self, peers: [192.0.2.9] }\n", []string{"10.9.0.0/16 of other-team at 192.0.2.9"}},
		"named, asked for at one":    {selection{names: []string{"10.9.0.0/16"}, unwanted: true, from: "other-team"}, "version: 1\nowner: a\nspeakers: [edge1]\nroutes:\n  - { prefix: 10.9.0.0/16, next-hop: self, peers: [192.0.2.9] }\n", []string{"10.9.0.0/16 of other-team at 192.0.2.1, not asked for", "10.9.0.0/16 of other-team at 192.0.2.9"}},
		"named, the part not wanted": {selection{names: []string{"10.9.0.0/16"}, from: "other-team"}, "version: 1\nowner: a\nspeakers: [edge1]\nroutes:\n  - { prefix: 10.9.0.0/16, next-hop: self, peers: [192.0.2.9] }\n", []string{"10.9.0.0/16 of other-team at 192.0.2.9"}},
	} {
		c := test.pick(desired(t, test.file), set)
		if diff := cmp.Diff(test.want, picks(c)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// What is adopted is the owner's and nobody else's, and the rest is as it was.
func TestAdopted(t *testing.T) {
	t.Parallel()
	set := seen(t).advertised
	before := set.Digest()
	d := desired(t, adoptFile)
	c := selection{names: []string{"10.9.0.0/16"}, from: "other-team"}.pick(d, set)
	c.picked[0].advert.At = c.picked[0].advert.At[:1]
	after := adopted(set, c.picked, d.Owner)
	if set.Digest() != before {
		t.Error("it changed what is advertised")
	}
	var got []string
	for _, advert := range after.Routes.Get(key("10.9.0.0/16")) {
		got = append(got, advert.Owner+" at "+addrList(peersOf(advert)))
	}
	if diff := cmp.Diff([]string{"other-team at 192.0.2.9", "edge-team at 192.0.2.1"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if r := judge(after, c.picked, d.Owner); r.done != 1 || len(r.refused) != 0 {
		t.Errorf("judged as %+v", r)
	}
	after.Refused = []state.Refusal{{Key: key("10.9.0.0/16"), Owner: d.Owner, Reason: "gone"}}
	both := selection{names: []string{"10.9.0.0/16"}, from: "other-team"}.pick(d, set).picked
	r := judge(after, both, d.Owner)
	if want := (problem{where: "10.9.0.0/16 at 192.0.2.9", msg: "gone"}); r.done != 0 || len(r.refused) != 1 || r.refused[0] != want {
		t.Errorf("judged as %+v", r)
	}
}

func TestAdoptionBatches(t *testing.T) {
	t.Parallel()
	var picked []adoption
	for _, one := range []struct{ prefix, from string }{{"10.0.0.0/16", ""}, {"10.1.0.0/16", "console"}, {"10.2.0.0/16", ""}, {"10.3.0.0/16", ""}} {
		picked = append(picked, adoption{key: key(one.prefix), advert: state.Advert{Owner: one.from, At: []state.At{{Peer: up()}}}})
	}
	at := []netip.Addr{up()}
	want := [][]wire.Adoption{
		{{Family: state.IPv4Unicast, Peers: at, Keys: []state.Key{key("10.0.0.0/16"), key("10.2.0.0/16")}}},
		{
			{Family: state.IPv4Unicast, Peers: at, Keys: []state.Key{key("10.3.0.0/16")}},
			{Family: state.IPv4Unicast, From: "console", Peers: at, Keys: []state.Key{key("10.1.0.0/16")}},
		},
	}
	if diff := cmp.Diff(want, adoptionBatches(picked, 2), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What is imported from a set, and asked for, leaves nothing to do.
func TestImportAdvertised(t *testing.T) {
	t.Parallel()
	o := seen(t)
	for _, owner := range []string{"edge-team", "other-team"} {
		got := imported{owner: owner, speaker: "edge1", about: "x", routes: importAdvertised(o.advertised, func(who string) bool { return who == owner })}
		text, problems, err := got.write()
		if err != nil || len(problems) > 0 {
			t.Fatal(err, problems)
		}
		plan, err := state.Diff(desired(t, string(text)), o.advertised)
		if err != nil || len(plan.Changes) > 0 || plan.Unchanged == 0 {
			t.Errorf("%v: %+v for\n%s", err, plan.Changes, text)
		}
	}
}

// What is being withdrawn is there no more: neither imported nor adopted.
func TestWithdrawingIsGone(t *testing.T) {
	t.Parallel()
	set := seen(t).advertised
	set.Routes = state.CollectTable(maps.All(map[state.Key][]state.Advert{key("10.9.0.0/16"): {{Attrs: attrs(t, "next-hop", "198.51.100.1"), At: atBoth(state.Withdrawing, state.Sent)}}}))
	if got := importAdvertised(set, state.ByHand); len(got) != 1 || got[0].Peers != state.NewPeers([]netip.Addr{down()}) {
		t.Errorf("imported %+v", got)
	}
	got := picks(selection{wanted: true, anyOwner: true}.pick(desired(t, adoptFile), set))
	if diff := cmp.Diff([]string{"10.9.0.0/16 of  at 192.0.2.9"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A route that no file can ask for is told, and the others are written.
func TestImportTellsWhatNoFileAsksFor(t *testing.T) {
	t.Parallel()
	hop := attrs(t, "next-hop", "198.51.100.1")
	odd, err := state.ParseKey(state.IPv4Unicast, "224.0.0.0/8")
	if err != nil {
		t.Fatal(err)
	}
	got := imported{owner: "a", speaker: "edge1", routes: []state.Wanted{{Key: key("10.0.0.0/16"), Terms: &state.Terms{Attrs: hop}}, {Key: odd, Terms: &state.Terms{Attrs: hop}}}}
	text, problems, err := got.write()
	if err != nil || len(problems) != 1 || problems[0].where != "224.0.0.0/8" {
		t.Errorf("%v, %v", problems, err)
	}
	if d := desired(t, string(text)); len(d.Routes) != 1 {
		t.Errorf("written:\n%s", text)
	}
}
