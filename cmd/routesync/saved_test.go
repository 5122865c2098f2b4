package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"routesync/bridge/wire"
	"routesync/reconcile"
	"routesync/state"
)

// twoSpeakers is a plan of the file for the speaker of the goldens, and another one.
func twoSpeakers(t *testing.T, file string, now int64, alter ...func(edge1, edge2 *observation)) plans {
	t.Helper()
	d := desired(t, strings.Replace(file, "speakers: [edge1]", "speakers: [edge1, edge2]", 1))
	d.Revision = state.Revision{Digest: d.Digest(), Changed: 1789999998000}
	one, two := seen(t), silent()
	two.speaker, two.advertised.Speaker = "edge2", "edge2"
	forced(&one, inForced())
	for _, f := range alter {
		f(&one, &two)
	}
	p, err := planAll("routes.yaml", d, now, []observation{one, two})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// savedPlans saves plans and reads them again.
func savedPlans(t *testing.T, p plans) *savedPlan {
	t.Helper()
	path := filepath.Join(t.TempDir(), "plan.json")
	if err := p.save(path, "routes.yaml"); err != nil {
		t.Fatal(err)
	}
	s, err := readSaved(path)
	if err != nil {
		t.Fatal(err)
	}
	s.path = "plan.json"
	return s
}

const plannedAt = 1790000000000

// put gives a speaker another set than it has.
func put(o *observation, prefix string, adverts ...state.Advert) {
	a := *o.advertised
	a.Routes = a.Routes.Clone()
	a.Routes.Set(adverts, key(prefix))
	o.advertised, o.digest = &a, a.Digest()
}

// inForced is what is in force when the plans of these tests are made.
func inForced() wire.InForce {
	f := inForce()
	f.Epoch = 5
	return f
}

// forced gives a speaker's owners other files.
func forced(o *observation, all ...wire.InForce) {
	about := *o.about
	about.InForce = all
	o.about = &about
}

// staleness is what moved, by what it is called.
func staleness(t *testing.T) map[string]plans {
	hop := attrs(t, "next-hop", "198.51.100.1")
	by := func(owner string, at ...state.At) state.Advert { return state.Advert{Owner: owner, Attrs: hop, At: at} }
	atUp := state.At{Peer: up(), Grade: state.Sent}
	saved := twoSpeakers(t, plannedFile, plannedAt)
	now := func(f func(edge1, edge2 *observation)) plans { return twoSpeakers(t, plannedFile, plannedAt, f) }
	return map[string]plans{
		"a route of ours withdrawn": now(func(o, _ *observation) { put(o, "10.0.0.0/16") }),
		"routes of others at one of two": now(func(_, o *observation) {
			put(o, "10.20.0.0/16", by("other-team", atUp))
			console := by(state.OwnerConsole, atUp)
			console.From = state.Provenance{By: "bob on noc1 (console)", At: 1790000000500, Expires: 1790000600500}
			put(o, "10.21.0.0/16", console)
			put(o, "10.22.0.0/16", by("", atUp))
		}),
		"another value, another owner, fewer peers": now(func(o, _ *observation) {
			put(o, "203.0.113.0/24", state.Advert{Owner: "edge-team", Attrs: attrs(t, "next-hop", "198.51.100.1", "med", "30"), At: []state.At{atUp}})
			put(o, "10.9.0.0/16", by("third-team", atBoth(state.Sent, state.Held)...))
			put(o, "10.1.0.0/16", by("edge-team", atUp))
		}),
		"many": now(func(_, o *observation) {
			for i := range 25 {
				put(o, fmt.Sprintf("10.30.%d.0/24", i), by("other-team", atUp))
			}
		}),
		"a new neighbor": now(func(o, _ *observation) {
			a := *o.advertised
			a.Peers = append(slices.Clone(a.Peers), state.Neighbor{Addr: netip.MustParseAddr("192.0.2.10"), PeerAS: 65003, Families: []state.Family{state.IPv4Unicast}})
			o.advertised = &a
		}),
		"used": now(func(o, _ *observation) {
			forced(o, wire.InForce{Owner: "edge-team", Revision: saved.whole.Revision, Host: "noc1", Epoch: 9})
		}),
		"overtaken": now(func(o, _ *observation) {
			forced(o, wire.InForce{Owner: "edge-team", Revision: state.Revision{Digest: "ffee0102030405060708090a0b0c0d0e", Changed: 1790000001000}, Host: "noc2", Epoch: 9})
		}),
		"a journal that was lost": now(func(o, _ *observation) { forced(o) }),
		"another's file": now(func(o, _ *observation) {
			forced(o, inForced(), wire.InForce{Owner: "other-team", Revision: state.Revision{Digest: "00", Changed: 1790000001000}, Host: "noc2", Epoch: 9},
				wire.InForce{Owner: "idle-team", Revision: state.Revision{Digest: "01", Changed: 1790000001000}, Host: "noc3", Epoch: 8})
			put(o, "10.9.0.0/16")
		}),
		"the file": twoSpeakers(t, strings.ReplaceAll(plannedFile, "192.0.2.0/24", "192.0.3.0/24"), plannedAt),
		"the guards": func() plans {
			p := twoSpeakers(t, plannedFile, plannedAt)
			p.whole.Policy = state.Unguarded()
			return p
		}(),
		"the file is for another": func() plans {
			d := desired(t, strings.NewReplacer("edge-team", "third-team", "[edge1]", "[edge2]").Replace(plannedFile))
			d.Revision.Digest = d.Digest()
			two := silent()
			two.speaker, two.advertised.Speaker = "edge2", "edge2"
			p, err := planAll("routes.yaml", d, plannedAt, []observation{two})
			if err != nil {
				t.Fatal(err)
			}
			return p
		}(),
	}
}

// TestStaleTexts: each thing that can move is named, in the golden, and exits as it
// should; what is the same is not stale.
func staleTexts(t *testing.T, w io.Writer) error {
	saved := savedPlans(t, twoSpeakers(t, plannedFile, plannedAt))
	made := saved.Made
	all := staleness(t)
	var names []string
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		x, err := saved.check(all[name], unused)
		if err != nil || x == nil {
			return fmt.Errorf("%s: stale %v, error %v", name, x, err)
		}
		x.plan.Made = made
		fmt.Fprintf(w, "# %s\n", name)
		(&world{stderr: w, ran: true}).report(x.failure())
		fmt.Fprintln(w)
	}
	later := savedPlans(t, twoSpeakers(t, timedFile, plannedAt))
	x, err := later.check(twoSpeakers(t, timedFile, 1790001800000), unused)
	if err != nil || x == nil {
		return fmt.Errorf("in time: stale %v, error %v", x, err)
	}
	fmt.Fprintln(w, "# a route started by itself, and one expired")
	(&world{stderr: w, ran: true}).report(x.failure())
	return nil
}

// What is the same is not stale: the time, the grades and the file's comments may be
// others.
func TestSavedPlanIsNotStale(t *testing.T) {
	t.Parallel()
	saved := savedPlans(t, twoSpeakers(t, plannedFile, plannedAt))
	for name, now := range map[string]plans{
		"nothing moved": twoSpeakers(t, plannedFile, plannedAt),
		"later":         twoSpeakers(t, plannedFile, plannedAt+1000000),
		"a comment":     twoSpeakers(t, strings.ReplaceAll(plannedFile, "# new", "# as of today"), plannedAt),
		"a line":        twoSpeakers(t, strings.ReplaceAll(plannedFile, "routes:", "\nroutes:"), plannedAt),
		"tags":          twoSpeakers(t, strings.ReplaceAll(plannedFile, "tags: [ddos, customer-7]", "tags: [ddos]"), plannedAt),
		"a session": twoSpeakers(t, plannedFile, plannedAt, func(o, _ *observation) {
			a := *o.advertised
			a.Peers = slices.Clone(a.Peers)
			a.Peers[1].Up, a.Peers[1].Since = true, 1790000009000
			o.advertised = &a
			put(o, "198.51.100.64/26", state.Advert{Owner: "edge-team", Attrs: attrs(t, "next-hop", "198.51.100.1"), At: atBoth(state.Sent, state.Sent)})
		}),
		"another life of exaBGP with the same": twoSpeakers(t, plannedFile, plannedAt, func(o, _ *observation) { o.boot = "b00b" }),
	} {
		if x, err := saved.check(now, unused); err != nil || x != nil {
			t.Errorf("%s: %v, error %v", name, x, err)
		}
	}
}

// TestSavedPlanRoundTrip: what a saved plan is compared with is what was saved.
func TestSavedPlanRoundTrip(t *testing.T) {
	t.Parallel()
	p := twoSpeakers(t, plannedFile, plannedAt)
	saved := savedPlans(t, p)
	if saved.owner != "edge-team" || saved.desired != p.whole.Revision.Digest || saved.File != "routes.yaml" || len(saved.speakers) != 2 {
		t.Errorf("read %+v", saved)
	}
	for i, s := range p.speakers {
		got := saved.speakers[i]
		if moves := state.Moved(got.base.Advertised, s.advertised); len(moves) > 0 {
			t.Errorf("%s: %d routes moved by being saved", s.speaker, len(moves))
		}
		if got.name != s.speaker || got.digest != s.digest(p) || len(got.steps) != len(s.Changes) {
			t.Errorf("%s has plan %s of %d steps", got.name, got.digest, len(got.steps))
		}
	}
}

// TestEditedPlanIsRefused: whatever byte of the file is another, and also if its
// checksum was made to fit.
func TestEditedPlanIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "plan.json")
	now := twoSpeakers(t, plannedFile, plannedAt)
	if err := now.save(path, "routes.yaml"); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		edited := slices.Clone(text)
		at := rapid.IntRange(0, len(edited)-1).Draw(t, "at")
		switch rapid.IntRange(0, 2).Draw(t, "how") {
		case 0:
			edited[at] ^= byte(rapid.IntRange(1, 255).Draw(t, "by"))
		case 1:
			edited = slices.Delete(edited, at, at+1)
		case 2:
			edited = slices.Insert(edited, at, rapid.Byte().Draw(t, "byte"))
		}
		if bytes.Equal(edited, text) {
			return
		}
		if _, err := decodeSaved(edited); err == nil {
			t.Fatal("an edited plan was read")
		}
	})
	for name, edit := range map[string][2]string{
		"one change less to see": {`"nlri": "192.0.2.0/24"`, `"nlri": "192.0.9.0/24"`},
		"another value":          {`"next-hop": "198.51.100.1"`, `"next-hop": "198.51.100.9"`},
		"the digest of a plan":   {`"digest": "` + now.speakers[0].digest(now), `"digest": "` + strings.Repeat("0", 64)},
		"what is asked for":      {now.whole.Revision.Digest, strings.Repeat("0", 32)},
	} {
		edited := bytes.ReplaceAll(text, []byte(edit[0]), []byte(edit[1]))
		if bytes.Equal(edited, text) {
			t.Fatalf("%s: there is no %s", name, edit[0])
		}
		if _, err := decodeSaved(edited); err == nil || !strings.Contains(err.Error(), "edited") {
			t.Errorf("%s: %v", name, err)
		}
		blank := regexp.MustCompile(`"checksum": "[0-9a-f]*"`).ReplaceAll(edited, []byte(`"checksum": ""`))
		forged, err := seal(blank)
		if err != nil {
			t.Fatal(err)
		}
		p, err := decodeSaved(forged)
		if err != nil {
			t.Fatalf("%s: with another checksum: %v", name, err)
		}
		if x, err := p.check(now, unused); err != nil || x == nil {
			t.Errorf("%s: with another checksum it is carried out", name)
		}
	}
}

// What is no saved plan says so.
func TestNoSavedPlan(t *testing.T) {
	t.Parallel()
	plan, err := json.Marshal(planned(t, plannedFile).json())
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ text, says string }{
		"routes":          {goodFile, "no saved plan"},
		"empty":           {"", "no saved plan"},
		"plan -o json":    {string(plan), `it has no "saved"`},
		"another version": {`{"saved": {"version": "9"}}`, `version "9"`},
		"no checksum":     {`{"saved": {"version": "1"}}`, "edited"},
		"behind it":       {"{} {}", "no saved plan"},
	} {
		if _, err := decodeSaved([]byte(test.text)); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStaleGolden(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := staleTexts(t, &b); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", "golden", "stale.txt")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A saved plan is a plan by the schema.
func TestSavedPlanIsValid(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "plan.json")
	if err := twoSpeakers(t, plannedFile, plannedAt).save(path, "routes.yaml"); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := compiledPlanSchema(t).Validate(doc); err != nil {
		t.Error(err)
	}
}

// TestMuster: nobody goes on before all are there, and what the last one does is done
// by then; who waits for one that never comes ends with its time.
func TestMuster(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, begun := newMuster(3), 0
		passed := make(chan error, 3)
		arrive := func(ctx context.Context) { passed <- m.arrive(ctx, func() { begun++ }) }
		go arrive(t.Context())
		go arrive(t.Context())
		synctest.Wait()
		if len(passed) != 0 || begun != 0 {
			t.Fatalf("%d went on before the last", len(passed))
		}
		arrive(t.Context())
		for range 3 {
			if err := <-passed; err != nil || begun != 1 {
				t.Errorf("error %v, begun %d times", err, begun)
			}
		}
		m = newMuster(2)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if arrive(ctx); !errors.Is(<-passed, context.DeadlineExceeded) || begun != 1 {
			t.Error("it went on without the other")
		}
	})
}

// The guards that were given by flag are in a saved plan, and in what it says to do when
// it is stale; and who was not given any has none to say.
func TestSavedPlanHasItsGuards(t *testing.T) {
	t.Parallel()
	texts := []string{"max-withdraw: 5%", "protect: [192.0.2.0/24]"}
	given, err := readGuards(texts)
	if err != nil {
		t.Fatal(err)
	}
	p := twoSpeakers(t, plannedFile, plannedAt)
	if p.whole.Policy, err = tighten(p.whole.Policy, "the guards of the file", given); err != nil {
		t.Fatal(err)
	}
	p.given = texts
	saved := savedPlans(t, p)
	if saved.guards.Digest() != given.Digest() || saved.Policy != p.whole.Policy.Digest() {
		t.Errorf("its guards are %+v, by %s", saved.guards, saved.Policy)
	}
	if x, err := saved.check(p, unused); err != nil || x != nil {
		t.Errorf("stale: %v, error %v", x, err)
	}
	bare, err := saved.check(twoSpeakers(t, plannedFile, plannedAt), unused)
	if err != nil || bare == nil || !strings.Contains(bare.Error(), "the guards of routes.yaml say something else now") {
		t.Fatalf("without its guards it is stale for %v, error %v", bare, err)
	}
	var text bytes.Buffer
	(&world{stderr: &text, ran: true}).report(bare.failure())
	if want := "routesync plan -f routes.yaml --guard 'max-withdraw: 5%' --guard 'protect: [192.0.2.0/24]' --out plan.json\n"; !strings.HasSuffix(text.String(), want) {
		t.Errorf("%s, want %s", text.String(), want)
	}
	moved := applier{flags: &applyFlags{file: "routes.yaml", plan: "plan.json"}, saved: saved, results: []result{{speaker: "edge1", beyond: &reconcile.BeyondError{Changes: p.speakers[0].Changes}}}}
	text.Reset()
	(&world{stderr: &text, ran: true}).report(moved.beyond())
	if want := "routesync plan -f routes.yaml --guard 'max-withdraw: 5%' --guard 'protect: [192.0.2.0/24]'\n"; !strings.HasSuffix(text.String(), want) {
		t.Errorf("%s, want %s", text.String(), want)
	}
	without := savedPlans(t, twoSpeakers(t, plannedFile, plannedAt))
	if without.guards != nil {
		t.Errorf("a plan without guards has %+v", without.guards)
	}
}

// The hint of a stale plan can be pasted, and is about the file that was given.
func TestStaleHint(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "the plan.json")
	if err := twoSpeakers(t, plannedFile, plannedAt).save(path, "routes.yaml"); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		flags applyFlags
		file  string
	}{
		{applyFlags{plan: path, file: defaultFile}, "routes.yaml"},
		{applyFlags{plan: path, file: "../its routes.yaml", fileGiven: true}, "'../its routes.yaml'"},
	} {
		saved, err := test.flags.readPlan()
		if err != nil {
			t.Fatal(err)
		}
		want := "routesync plan -f " + test.file + " --out '" + path + "'"
		var text bytes.Buffer
		(&world{stderr: &text, ran: true}).report((&stale{plan: saved}).failure())
		if !strings.HasSuffix(text.String(), want+"\n") {
			t.Errorf("%s, want %s", text.String(), want)
		}
	}
}
