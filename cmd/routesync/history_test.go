package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"routesync/reconcile/history"
	"routesync/state"
)

func on(day int) time.Time { return time.Date(2026, 9, day, 10, 11, 12, 0, time.UTC) }

// recordSample is a record with all that there may be in one.
func recordSample(t *testing.T) (dir string, s *history.Store) {
	t.Helper()
	dir = t.TempDir()
	s, err := history.Open(dir, "edge-team")
	if err != nil {
		t.Fatal(err)
	}
	both := []netip.Addr{up(), down()}
	plainAttrs := attrs(t, "next-hop", "198.51.100.1")
	ddos := &state.Terms{Attrs: attrs(t, "next-hop", "198.51.100.1", "community", "65000:666"), Tags: []string{"ddos"}, Comment: "ticket 4711"}
	med := &state.Terms{Attrs: attrs(t, "next-hop", "198.51.100.1", "med", "10"), Expires: on(20).UnixMilli(), Lease: 60_000}
	was := func(a state.Attrs) *state.Advert { return &state.Advert{Owner: "edge-team", Attrs: a} }
	change := func(prefix string, w *state.Terms, a *state.Advert, peers ...netip.Addr) state.Change {
		c := state.Change{Key: key(prefix), Advert: a, Peers: peers}
		if w != nil {
			c.Wanted = &state.Wanted{Key: c.Key, Terms: w}
		}
		return c
	}
	head := func(day int, verb string) history.Head {
		return history.Head{
			At: on(day), Who: history.Who{User: "ana", Host: "noc1", PID: 7}, Verb: verb, File: "/etc/routesync/routes.yaml",
			Commit: "c0ffee1c0ffee1c0ffee1c0ffee1c0ffee1c0ffe", Revision: state.Revision{Digest: "00112233445566778899aabbccddeeff", Changed: on(day).UnixMilli()},
		}
	}
	part := func(day int, cause string) history.Part {
		return history.Part{Speaker: "edge1", Seq: 1, At: on(day), Cause: cause, Plan: strings.Repeat("9b1d2c3f", 8)}
	}
	begin := func(h history.Head, p history.Part, o *history.Outcome, changes ...state.Change) {
		gone := func(c *state.Change) bool { return p.Cause == "time" && c.Op() == state.Withdraw }
		n, err := s.Begin(h, p, changes, gone)
		if err == nil && o != nil {
			err = s.Conclude(n, p.Speaker, p.Seq, o)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	trial := head(1, "apply")
	trial.Trial = 300_000
	begin(trial, part(1, "command"), &history.Outcome{At: on(1), Final: true, Peers: []history.PeerOutcome{{Peer: up(), Changes: 3, Confirmed: 3, When: on(1)}, {Peer: down(), Changes: 2, Confirmed: 0}},
		Cases: []history.Case{{Key: key("192.0.2.0/24"), Peer: down(), State: "held", Reason: "the peer is down"}, {Key: key("198.51.100.64/26"), Peer: down(), State: "refused", Reason: "no\x1b[2J"}}},
		change("192.0.2.0/24", ddos, nil, both...), change("198.51.100.64/26", ddos, nil, both...), change("203.0.113.0/24", &state.Terms{Attrs: plainAttrs}, was(plainAttrs), up()))
	dirty := head(2, "watch")
	dirty.Dirty = true
	missed := part(2, "file")
	missed.Missed, missed.MissedSince = 3, on(1)
	missed.Lifted = []history.Lifted{
		{Rule: "withdraw", Text: "1 of 2 routes would be withdrawn (50%); at most 1 may be (max-withdraw: 30%)", Override: "withdraw,protect@9b1d2c3f4a5b", By: "bob on noc2 (override): moving \x1b[2J"},
		{Rule: "protect", Text: "192.0.2.0/24 would be changed", Override: "protect@9b1d2c3f4a5b"},
	}
	begin(dirty, missed, nil, change("192.0.2.0/24", med, was(ddos.Attrs), both...), change("198.51.100.64/26", nil, was(ddos.Attrs), up()), change("10.0.0.0/16", &state.Terms{Attrs: plainAttrs}, nil, up()))
	second := part(2, "file")
	second.Speaker, second.At = "edge2", on(3)
	if err := s.Add(2, second, []state.Change{change("192.0.2.0/24", med, nil)}, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Conclude(2, "edge2", 1, &history.Outcome{At: on(3), Cases: []history.Case{{Key: key("192.0.2.0/24"), State: "nowhere", Reason: "the speaker has no peer with the family"}}}); err != nil {
		t.Fatal(err)
	}
	seen := &history.Outcome{At: on(4), Final: true, Peers: []history.PeerOutcome{{Peer: up(), Changes: 1, Confirmed: 1, When: on(4)}}}
	begin(head(4, "watch"), part(4, "drift"), seen, change("10.0.0.0/16", &state.Terms{Attrs: plainAttrs}, nil, up()))
	began := head(5, "adopt")
	began.Commit, began.File = "", ""
	begin(began, part(5, "command"), seen, change("10.9.0.0/16", &state.Terms{Attrs: plainAttrs}, &state.Advert{Owner: "console", Attrs: plainAttrs, From: state.Provenance{By: "bob on noc2 (console)", At: 1}}, up()))
	back := head(6, "rollback")
	back.Rollback, back.File, back.Commit = 1, "", ""
	begin(back, part(6, "command"), seen, change("192.0.2.0/24", ddos, was(med.Attrs), up()))
	begin(head(20, "watch"), part(20, "time"), seen, change("192.0.2.0/24", nil, was(med.Attrs), down()))
	note := head(21, "watch")
	note.Note = "edge1: took over from watch on noc2 (pid 8)"
	begin(note, history.Part{}, nil)
	return dir, s
}

// TestHistoryGoldens compares what the commands print that read a record with
// testdata/golden.
func TestHistoryGoldens(t *testing.T) {
	t.Parallel()
	dir, _ := recordSample(t)
	for name, args := range map[string]string{
		"history.txt":        "history",
		"history.json":       "history -o json -n 3",
		"history-show.txt":   "show 1",
		"history-show2.txt":  "show 2",
		"history-show.json":  "show 2 -o json",
		"history-note.txt":   "show 7",
		"history-adopt.txt":  "show 4",
		"history-blame.txt":  "blame 192.0.2.0/24 --offline",
		"history-blame.json": "blame 192.0.2.0/24 --offline -o json",
		"history-nobody.txt": "blame 100.0.0.0/24 --offline",
		"history-diff.txt":   "diff 1 6",
		"history-diff.json":  "diff 1 2 -o json",
		"history-same.txt":   "diff 3 3",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := func() string {
				got := start(t, nil, nil, append(strings.Fields(args), "--history-dir", dir)...)
				if got.code != exitDone || got.stderr != "" {
					t.Fatalf("%s ended with %d: %s", args, got.code, got.stderr)
				}
				return got.stdout
			}
			first := run()
			if first != run() {
				t.Error("the same values gave other bytes")
			}
			golden(t, name, []byte(first))
		})
	}
}

// golden compares with a file in testdata/golden, or writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// TestBlameOfWhatIsThere: what is advertised now beside what is on record, and each
// thing that is not known.
func TestBlameOfWhatIsThere(t *testing.T) {
	t.Parallel()
	_, s := recordSample(t)
	var text bytes.Buffer
	for _, route := range []string{"192.0.2.0/24", "10.0.0.0/16", "10.9.0.0/16", "10.0.7.1", "203.0.113.0/24", "198.51.100.64/26", "100.64.0.0/10"} {
		accused, err := parseAccused(route)
		if err != nil {
			t.Fatal(err)
		}
		b := blamed{route: accused, owner: s.Owner(), now: 1790000000000}
		b.began(s)
		found, damaged, err := s.Find(b.route.is)
		if err != nil || damaged != nil {
			t.Fatal(err, damaged)
		}
		b.judge(found, []observation{seen(t)}, []string{"edge1"})
		if err := b.text(&world{stdout: &text}); err != nil {
			t.Fatal(err)
		}
		text.WriteString("\n")
	}
	golden(t, "history-blame-live.txt", text.Bytes())
}

// TestPlanSaysWhoWasLast: of what it withdraws, if that is what is on record.
func TestPlanSaysWhoWasLast(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := history.Open(dir, "edge-team")
	if err != nil {
		t.Fatal(err)
	}
	o := seen(t)
	k := key("198.51.100.64/26")
	is := o.advertised.Routes.Get(k)[0]
	h := history.Head{At: on(2), Who: history.Who{User: "ana", Host: "noc1"}, Verb: "apply", Commit: "c0ffee1c0ffee1c0ffee1c0ffee1c0ffee1c0ffe"}
	set := state.Change{Key: k, Wanted: &state.Wanted{Key: k, Terms: &state.Terms{Attrs: is.Attrs, Tags: []string{"ddos"}}}, Peers: peersOf(is)}
	if _, err := s.Begin(h, history.Part{Speaker: "edge1", Seq: 1, At: on(2)}, []state.Change{set}, nil); err != nil {
		t.Fatal(err)
	}
	o.past = &past{s}
	text := func() string {
		p, err := planAll("routes.yaml", desired(t, "version: 1\nowner: edge-team\nspeakers: [edge1]\nroutes: []\n"), 1790000000000, []observation{o})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := errors.Join(p.text(&out, plain), p.warnPast(&out)); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	want := "last set by ana@noc1, 2026-09-02, c0ffee1c0ffe (entry 1)"
	if got := text(); strings.Count(got, want) != 1 || !strings.Contains(got, "- 198.51.100.64/26") {
		t.Errorf("the plan is\n%s", got)
	}
	tags, known := o.past.tags(&state.Plan{Speaker: "edge1", Changes: []state.Change{{Key: k, Advert: &is, Peers: peersOf(is)}}})(k, up())
	if !known || fmt.Sprint(tags) != "[ddos]" {
		t.Errorf("its tags are %v, %v", tags, known)
	}
	// Somebody else has changed it since.
	set.Wanted.Terms = &state.Terms{Attrs: attrs(t, "next-hop", "192.0.2.200")}
	if _, err := s.Begin(h, history.Part{Speaker: "edge1", Seq: 1, At: on(3)}, []state.Change{set}, nil); err != nil {
		t.Fatal(err)
	}
	if got := text(); strings.Contains(got, "last set") {
		t.Errorf("the plan is\n%s", got)
	}
	damage(t, filepath.Join(s.Dir(), "00000002", "entry.jsonl"))
	if got := text(); strings.Contains(got, "last set") || !strings.Contains(got, "warning: edge1: who set last what goes is not known: ") || !strings.Contains(got, "is damaged") {
		t.Errorf("with a damaged entry the plan is\n%s", got)
	}
}

func damage(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/3] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestDamagedHistory: the damaged entry is named, and the others are still there; what
// hangs on it is refused.
func TestDamagedHistory(t *testing.T) {
	t.Parallel()
	dir, s := recordSample(t)
	path := filepath.Join(s.Dir(), "00000003", "edge1.1.changes.jsonl")
	damage(t, path)
	for _, test := range []struct {
		args string
		code int
	}{
		{"history", exitError}, {"history -o json", exitError}, {"show 3", exitError}, {"show 2", exitDone}, {"diff 1 2", exitError},
		{"blame 10.0.0.0/16 --offline", exitDone},
	} {
		got := start(t, nil, nil, append(strings.Fields(test.args), "--history-dir", dir)...)
		if got.code != test.code || test.args != "show 2" && !strings.Contains(got.stderr+got.stdout, path) {
			t.Errorf("%s ended with %d:\n%s%s", test.args, got.code, got.stdout, got.stderr)
		}
	}
}

// TestWhatToChangeInTheFile: what a rollback means for the file that is watched.
func TestWhatToChangeInTheFile(t *testing.T) {
	t.Parallel()
	file := desired(t, plannedFile).Routes
	want := []state.Wanted{file[0]}
	other := *file[1].Terms
	other.Attrs = attrs(t, "next-hop", "198.51.100.7")
	want = append(want, state.Wanted{Key: file[1].Key, Terms: &other})
	var text strings.Builder
	for _, r := range fileRows(file[:2], want) {
		fmt.Fprintln(&text, r.sign, r.nlri, r.detail, r.where, r.notes)
	}
	if rows := fileRows(file, file); len(rows) != 0 {
		t.Errorf("nothing is to be changed, and it says %v", rows)
	}
	golden(t, "rollback-file.txt", []byte(text.String()))
	r := history.Restored{Expired: []state.Key{key("10.0.0.0/24")}, Unseen: []state.Key{key("10.0.1.0/24"), key("10.0.2.0/24")}, Untouched: 3}
	for i := range 25 {
		r.Broken = append(r.Broken, key(fmt.Sprintf("10.0.%d.0/24", i)))
	}
	golden(t, "rollback-unknown.txt", []byte(strings.Join(unknownTexts(r), "\n")+"\n"))
}

// TestWhereTheHistoryIs: by flag, by environment, and where systemd and the desktop
// say.
func TestWhereTheHistoryIs(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		dir  string
		env  map[string]string
		want string
	}{
		{"/h", map[string]string{"STATE_DIRECTORY": "/s"}, "/h"},
		{"none", map[string]string{"STATE_DIRECTORY": "/s"}, ""},
		{"", map[string]string{"STATE_DIRECTORY": "/s:/t", "HOME": "/home/a"}, "/s/routes-history"},
		{"", map[string]string{"XDG_STATE_HOME": "/x", "HOME": "/home/a"}, "/x/routesync/routes-history"},
		{"", map[string]string{"XDG_STATE_HOME": "x", "HOME": "/home/a"}, "/home/a/.local/state/routesync/routes-history"},
	} {
		got, err := (&globalFlags{historyDir: test.dir}).historyPlace(func(k string) string { return test.env[k] })
		if got != test.want || err != nil {
			t.Errorf("%q, %v: %q, %v", test.dir, test.env, got, err)
		}
	}
	if _, err := new(globalFlags).historyPlace(func(string) string { return "" }); err == nil {
		t.Error("there is a place out of nothing")
	}
	if got := start(t, map[string]string{"ROUTESYNC_HISTORY": filepath.Join(t.TempDir(), "none")}, nil, "history"); got.code != exitError || !strings.Contains(got.stderr, fs.ErrNotExist.Error()) && !strings.Contains(got.stderr, "no such file") {
		t.Errorf("without a history it ends with %+v", got)
	}
}
