package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"routesync/bridge/rabbit"
	"routesync/bridge/wire"
	"routesync/reconcile"
	"routesync/reconcile/watch"
	"routesync/state"
	"routesync/state/routefile"
)

// newKeeper is a keeper without a broker. What it starts ends with the test.
func newKeeper(t *testing.T) *keeper {
	t.Helper()
	addr, err := closedPort()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	group, ctx := errgroup.WithContext(ctx)
	t.Cleanup(func() {
		cancel()
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
	})
	return &keeper{
		ctx: ctx, group: group, cfg: rabbit.Config{URLs: []string{"amqp://" + addr}}, log: slog.New(slog.DiscardHandler),
		file: "routes.yaml", me: commander(watchName), speakers: map[string]*kept{}, faults: func(error) {},
		vrps: newVRPKeeper(ctx, group, slog.New(slog.DiscardHandler)),
	}
}

// content is a file of one route for x, with a MED, that was changed at a minute.
func content(med string, minute int64) watch.Content {
	text := "version: 1\nowner: a\nspeakers: [x]\nroutes:\n- { prefix: 10.0.0.0/8, next-hop: self, med: " + med + " }\n"
	return watch.Content{Data: []byte(text), Saved: time.UnixMilli(minute * 60_000)}
}

// TestKeeperHolds: what keeps the file from being in force is told, from when it
// began, until it is good again.
func TestKeeperHolds(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	gone := watch.Content{Err: &fs.PathError{Op: "open", Path: "routes.yaml", Err: errors.New("no such file")}}
	holds := func(want string) int64 {
		t.Helper()
		h := k.hold.Load()
		if h == nil {
			h = &wire.Condition{}
		}
		if h.Text != want {
			t.Errorf("holds %q, want %q", h.Text, want)
		}
		return h.Since
	}
	const nothing, stays = "; nothing is changed until there is a good one", "; the last good one stays in force"
	k.take(gone)
	since := holds("routes.yaml: the file can't be read: no such file" + nothing)
	if len(k.speakers) != 0 {
		t.Error("it knows of speakers")
	}
	k.take(content("x", 1))
	again := holds(`routes.yaml: the file has faults: routes.yaml:5:46: med "x" is not a number in 0..4294967295` + nothing)
	if again != since {
		t.Error("it holds from later on")
	}
	if s := k.speakers["x"]; s == nil || s.owner != "a" || s.target.Revision().Digest != "" {
		t.Errorf("the faulty file's speaker is %+v", s)
	}
	k.take(content("1", 2))
	holds("")
	k.take(content("x\n  metric: 3", 3))
	if text := k.hold.Load().Text; !strings.Contains(text, "has faults: ") || !strings.HasSuffix(text, stays) {
		t.Error(text)
	}
	k.waitFor("routes.yaml")
	if text := k.hold.Load().Text; !strings.Contains(text, "has faults: ") {
		t.Errorf("that it is written hides what it is: %s", text)
	}
	k.take(content("1", 4))
	holds("")
	k.waitFor("drop.txt")
	holds("drop.txt is open for writing by another process; it is read once that is closed")
	k.waitFor("")
	holds("")
}

// TestKeeperHasGuardsByFlag: they hold with every file that is read, and one whose own
// guards they can't stand beside is like a faulty one.
func TestKeeperHasGuardsByFlag(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	var err error
	if k.guards, err = readGuards([]string{"max-withdraw: 0", "communities: [no-export]"}); err != nil {
		t.Fatal(err)
	}
	var kept *record // has what is judged by
	t.Cleanup(func() { kept.close() })
	dir := t.TempDir()
	k.record = func(owner string) *record {
		kept = newRecord(&world{log: k.log}, &globalFlags{historyDir: dir}, owner, "", k.me)
		return kept
	}
	guarded := func(guard string, minute int64) watch.Content {
		c := content("1", minute)
		c.Data = []byte(strings.Replace(string(c.Data), "routes:", guard+"routes:", 1))
		return c
	}
	takes := func(c watch.Content, minRoutes int) {
		t.Helper()
		k.take(c)
		p := kept.policy.Load()
		if p.MaxWithdraw.Of(100) != 0 || p.MinRoutes != minRoutes || len(p.Communities) != 1 {
			t.Errorf("the guards are %+v", p)
		}
	}
	clash := guarded("guard: { min-routes: 9, communities: [blackhole] }\n", 1)
	k.take(clash)
	if h := k.hold.Load(); h == nil || h.Name != wire.Faulty || !strings.HasSuffix(h.Text, "; nothing is changed until there is a good one") || k.owner != "" || k.speakers["x"] == nil {
		t.Errorf("it holds %+v", h)
	}
	takes(content("1", 2), 0)
	takes(guarded("guard: { max-withdraw: off, min-routes: 1 }\n", 3), 1)
	if h := k.hold.Load(); h != nil {
		t.Errorf("it holds %+v", h)
	}
	takes(clash, 1)
	want := "routes.yaml: its guards can't be in force: --guard can't stand beside them: communities are given already, and they are others; the last good one stays in force"
	if h := k.hold.Load(); h == nil || h.Text != want || h.Do == "" {
		t.Errorf("it holds %+v, want %s", h, want)
	}
}

// TestKeeperTakesNothingOlder than what it has put in force, once it commands
// somewhere; before that the bridges say what is older.
func TestKeeperTakesNothingOlder(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	takes := func(want string, c watch.Content) {
		t.Helper()
		k.take(c)
		if got := medIn(t, k); got != want {
			t.Errorf("med is %s, want %s", got, want)
		}
	}
	takes("1", content("1", 10))
	takes("2", content("2", 9)) // it commands nowhere
	k.speakers["x"].commands.Store(true)
	takes("2", content("1", 8))
	if h := k.hold.Load(); h == nil || !strings.Contains(h.Text, "older than the one that is in force") {
		t.Errorf("holds %v", h)
	}
	takes("2", content("2", 1)) // the same, restored
	if h := k.hold.Load(); h != nil {
		t.Errorf("holds %v", h)
	}
	takes("2", content("1", 8))  // and that makes it no older
	takes("1", content("1", 11)) // touched
	if h := k.hold.Load(); h != nil {
		t.Errorf("holds %v", h)
	}
}

// medIn is the MED of the set that is in force.
func medIn(t *testing.T, k *keeper) string {
	t.Helper()
	for _, med := range []string{"1", "2"} {
		d, err := routefile.Parse(k.file, content(med, 0).Data)
		if err != nil {
			t.Fatal(err)
		}
		if d.Digest() == k.speakers["x"].target.Revision().Digest {
			return med
		}
	}
	return "of no file"
}

func targetOf(r state.Revision) *reconcile.Target {
	t := reconcile.NewTarget()
	t.Set(&state.Desired{Owner: "a", Revision: r})
	return t
}

// TestMeantOnce: what the flag means is the file at the start, as if it was saved
// then.
func TestMeantOnce(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	k.olderOK = true
	begun := time.Now().UnixMilli()
	k.take(content("x", 1))
	if k.meant.Load() != nil {
		t.Error("a faulty file is meant")
	}
	k.take(content("1", 1))
	if m := k.meant.Load(); m == nil || m.Changed < begun || *m != k.last {
		t.Errorf("meant is %v, in force %v", m, k.last)
	}
	first := k.last
	k.speakers["x"].commands.Store(true)
	k.take(content("2", 2))
	if k.last != first || *k.meant.Load() != first {
		t.Errorf("in force is %v, meant %v", k.last, k.meant.Load())
	}
}

func bystanderOf(k *keeper, has state.Revision, inForce *wire.InForce, lease *wire.Lease) *bystander {
	s := &kept{name: "x", owner: "a", target: targetOf(has)}
	return &bystander{k: k, s: s, log: k.log, standing: &wire.Standing{InForce: inForce, Lease: lease}}
}

// TestBystander: who may command, and what is said of who may not.
func TestBystander(t *testing.T) {
	t.Parallel()
	now := time.Now()
	at := func(digest string, minute int64) state.Revision {
		return state.Revision{Digest: digest, Changed: now.Add(time.Duration(minute) * time.Minute).UnixMilli()}
	}
	inForce := &wire.InForce{Owner: "a", Revision: at("x", -5), Host: "noc1"}
	other := &wire.Lease{Owner: "a", Holder: wire.Commander{ID: "o"}, Epoch: 7, Revision: inForce.Revision}
	silent := *other
	silent.Silent = 1
	for name, test := range map[string]struct {
		has   state.Revision
		meant *state.Revision
		lease *wire.Lease
		may   bool
		holds string
	}{
		"the same":                     {has: at("x", -9), may: true},
		"newer":                        {has: at("y", -4), may: true},
		"older, and another commands":  {has: at("y", -9), lease: other},
		"older, and it is silent":      {has: at("y", -9), lease: &silent, holds: "routes.yaml is older than what is in force for owner a"},
		"older, and nobody commands":   {has: at("y", -9), holds: "if it is meant, touch routes.yaml, or give --older-file-ok"},
		"older, and meant":             {has: at("y", -9), meant: new(at("y", -9)), may: true},
		"older, and another was meant": {has: at("y", -9), meant: new(at("z", -9)), holds: "older"},
		"no good file":                 {},
	} {
		k := newKeeper(t)
		k.meant.Store(test.meant)
		b := bystanderOf(k, test.has, inForce, test.lease)
		if got := b.may(); got != test.may {
			t.Errorf("%s: may is %t", name, got)
		}
		b.say(now)
		h := b.hold()
		if h == nil {
			h = &wire.Condition{}
		}
		if !strings.Contains(h.Text+h.Do, test.holds) || (h.Text == "") != (test.holds == "") {
			t.Errorf("%s: holds %q, want %q", name, h.Text, test.holds)
		}
		if test.may || test.has.Digest == "" {
			continue
		}
		b.standing = &wire.Standing{InForce: inForce, Lease: other}
		b.say(now)
		if b.hold() != nil {
			t.Errorf("%s: it holds while another commands", name)
		}
		// What is put in force later is not what was meant to be replaced.
		b.standing = &wire.Standing{InForce: &wire.InForce{Owner: "a", Revision: at("w", -4), Host: "noc3"}}
		if b.may() {
			t.Errorf("%s: it may replace what came later", name)
		}
	}
	// The flag is about what was in force when the watch began.
	k := newKeeper(t)
	k.meant.Store(new(at("y", -9)))
	b := bystanderOf(k, at("y", -9), inForce, nil)
	if !b.may() || b.s.over != "x" {
		t.Errorf("over is %q", b.s.over)
	}
	b.standing = &wire.Standing{InForce: &wire.InForce{Owner: "a", Revision: at("w", -4), Host: "noc3"}}
	if b.may() {
		t.Error("it may replace what came later")
	}
}

// TestOlderSaysBothClocks, and whose is ahead.
func TestOlderSaysBothClocks(t *testing.T) {
	t.Parallel()
	f := wire.InForce{Owner: "a", Revision: state.Revision{Digest: "x", Changed: 1_790_000_060_000}, Host: "noc1"}
	o := older{file: "routes.yaml", host: "noc2", has: state.Revision{Digest: "y", Changed: 1_790_000_000_000}, inForce: f}
	want := "routes.yaml is older than what is in force for owner a: it was changed at 2026-09-21T14:13:20.000Z by the clock of noc2, what is in force at 2026-09-21T14:14:20.000Z by that of noc1"
	if o.Error() != want {
		t.Errorf("says %s", o)
	}
	later, before := time.UnixMilli(1_790_000_070_000), time.UnixMilli(1_790_000_010_000)
	touch := "if it is meant, touch routes.yaml, or give --older-file-ok"
	if diff := cmp.Diff([]string{touch}, o.hints(later)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"the clock of noc1 is ahead of this one's, or was", touch}, o.hints(before)); diff != "" {
		t.Error(diff)
	}
	o.file = fileName(stdinName)
	if diff := cmp.Diff([]string{"if it is meant, give --older-file-ok"}, o.hints(later)); diff != "" {
		t.Error(diff)
	}
}

// TestApplyRefusesWhatIsOlder before it asks, unless that is meant.
func TestApplyRefusesWhatIsOlder(t *testing.T) {
	t.Parallel()
	d := desired(t, plannedFile)
	d.Revision = state.Revision{Digest: "y", Changed: inForce().Revision.Changed - 1}
	seen := []observation{seen(t), silent()}
	a := &applier{undertaking: &undertaking{desired: d}, flags: &applyFlags{file: "routes.yaml"}}
	err := a.refuseOlder(seen)
	if all, ok := err.(failures); !ok || len(all) != 1 || worst([]int{(&world{stderr: &strings.Builder{}}).report(err)}) != exitError || !strings.Contains(all[0].Error(), "edge1: routes.yaml is older than") {
		t.Errorf("%v", err)
	}
	a.flags.olderOK = true
	if err := a.refuseOlder(seen); err != nil || a.over["edge1"] != inForce().Revision.Digest || len(a.over) != 1 {
		t.Errorf("%v, over %v", err, a.over)
	}
	a.flags.olderOK = false
	d.Revision.Changed++
	if err := a.refuseOlder(seen); err != nil {
		t.Error(err)
	}
}

// TestHoldIsBounded: what it says is shown on other machines' terminals.
func TestHoldIsBounded(t *testing.T) {
	t.Parallel()
	h := newHold(wire.Faulty, time.UnixMilli(7), "a\x1b[2J\n\xff"+strings.Repeat("é", maxHold), "d")
	if len(h.Text) > maxHold || !strings.HasPrefix(h.Text, "a?[2J??é") || !strings.HasSuffix(h.Text, "é...") || h.Since != 7 {
		t.Errorf("%+v", h)
	}
	if _, err := wire.EncodeRequest(wire.Request{Conditions: []wire.Condition{*h}}); err != nil {
		t.Error(err)
	}
}

// TestRevisionOfAFile is of the newest of what it leads to, and of now at most.
func TestRevisionOfAFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put := func(name, text string, minute int64) {
		t.Helper()
		at := time.Unix(minute*60, 0)
		if err := errors.Join(os.WriteFile(dir+"/"+name, []byte(text), 0o600), os.Chtimes(dir+"/"+name, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	const top = "version: 1\nowner: a\nspeakers: [x]\n"
	read := func() state.Revision {
		t.Helper()
		d, err := readDesired(dir+"/r.yaml", nil)
		if err != nil {
			t.Fatal(err)
		}
		return d.Revision
	}
	put("r.yaml", top+"defaults: { next-hop: self }\nroutes:\n- prefixes-from: drop.txt\n", 10)
	put("drop.txt", "10.0.0.0/8\n", 20)
	first := read()
	if first.Changed != 20*60_000 || len(first.Digest) != 32 {
		t.Errorf("%v", first)
	}
	put("drop.txt", "11.0.0.0/8\n", 5)
	if r := read(); r.Changed != 10*60_000 || r.Digest == first.Digest {
		t.Errorf("%v", r)
	}
	now := time.Now()
	put("drop.txt", "10.0.0.0/8\n", now.Add(time.Hour).Unix()/60)
	if r := read(); r.Changed < now.UnixMilli() || r.Changed > time.Now().UnixMilli() || r.Digest != first.Digest {
		t.Errorf("%v", r)
	}
	d, err := readDesired(stdinName, strings.NewReader(top+"routes: []\n"))
	if err != nil || d.Revision.Changed < now.UnixMilli() {
		t.Errorf("%v, %v", d, err)
	}
	// A file that went is a change of the directory that a pattern names.
	if err := os.Mkdir(dir+"/c", 0o700); err != nil {
		t.Fatal(err)
	}
	put("c/a.yaml", "version: 1\nroutes: []\n", 30)
	put("c/b.yaml", "version: 1\nroutes: []\n", 30)
	put("r.yaml", top+"include: [c/*.yaml]\n", 10)
	if err := os.Remove(dir + "/c/b.yaml"); err != nil {
		t.Fatal(err)
	}
	if r := read(); r.Changed < now.Add(-time.Minute).UnixMilli() {
		t.Errorf("%v", r)
	}
}
