package routefile

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"routesync/state"
)

// What is written asks for what it was written from, and is formatted already.
func TestWrite(t *testing.T) {
	check := func(t rapid.TB, d *state.Desired) {
		t.Helper()
		out, err := Write(d, []string{"imported"})
		if err != nil {
			t.Fatal(err)
		}
		back := mustParse(t, out)
		if !sameSet(d, back) {
			t.Fatalf("%s\n%s", out, cmp.Diff(placeless(d), placeless(back), attrs()))
		}
		if again := mustFormat(t, "r", tree{"r": out}); string(again) != string(out) {
			t.Fatalf("it is not formatted:\n%s", cmp.Diff(string(out), string(again)))
		}
	}
	for _, path := range files(t, "valid", 60) {
		d, err := loadPath(t, path)
		if err != nil {
			t.Fatal(err)
		}
		check(t, d)
	}
	check(t, mustParse(t, []byte("version: 1\nowner: a\nspeakers: [s]\nflows:\n"+
		"- { match: { protocol: udp }, then: { extended-community: [redirect:65000:1, redirect:65000:2] } }\n")))
	rapid.Check(t, func(t *rapid.T) { check(t, genDesired(t)) })
}

func TestWriteRefusesWhatNoFileAsksFor(t *testing.T) {
	hop, err := state.NewAttrs(map[state.Name][]string{state.NextHop: {"192.0.2.1"}})
	if err != nil {
		t.Fatal(err)
	}
	for family, text := range map[state.Family]string{state.IPv4Unicast: "224.0.0.0/8", state.IPv4Multicast: "10.0.0.0/8"} {
		k, err := state.ParseKey(family, text)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := Write(&state.Desired{Owner: "a", Speakers: []string{"s"}, Routes: []state.Wanted{{Key: k, Terms: &state.Terms{Attrs: hop}}}}, nil); err == nil {
			t.Errorf("%s:\n%s", k, out)
		}
	}
}
