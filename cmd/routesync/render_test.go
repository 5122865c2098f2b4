package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"routesync/bridge/wire"
	"routesync/reconcile"
	"routesync/reconcile/history"
	"routesync/state"
	"routesync/state/routefile"
)

// The world of the goldens: one peer that is up, one that is down, and one
// without IPv6.
func up() netip.Addr   { return netip.MustParseAddr("192.0.2.1") }
func down() netip.Addr { return netip.MustParseAddr("192.0.2.9") }

func key(prefix string) state.Key { return state.UnicastKey(netip.MustParsePrefix(prefix), 0) }

func attrs(t *testing.T, words ...string) state.Attrs {
	t.Helper()
	m := map[state.Name][]string{}
	for i := 0; i < len(words); i += 2 {
		name := state.Name(words[i])
		if words[i+1] == "" {
			m[name] = nil
		} else {
			m[name] = append(m[name], words[i+1])
		}
	}
	a, err := state.NewAttrs(m)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func atBoth(a, b state.Grade) []state.At {
	return []state.At{{Peer: up(), Grade: a}, {Peer: down(), Grade: b}}
}

const plannedFile = `version: 1
owner: edge-team
speakers: [edge1]
defaults: { next-hop: 198.51.100.1 }
routes:
  - prefix: 10.0.0.0/16           # as it is
  - prefix: 192.0.2.0/24          # new
    community: [65000:1, no-export]
    tags: [ddos, customer-7]
    comment: ticket 4711
  - prefix: 203.0.113.0/24        # changes
    med: 20
    atomic-aggregate: true
    peers: [192.0.2.1]
  - prefix: 10.9.0.0/16           # somebody else has it
  - prefix: 10.8.0.0/16           # refused before
    peers: [192.0.2.77]
  - prefix: 2001:db8::/32         # nobody takes it
    next-hop: 2001:db8::1
  - prefix: 10.1.0.0/16           # not sent
`

// The goldens are made at 2026-09-21T14:13:20Z.
const timedFile = `version: 1
owner: edge-team
speakers: [edge1]
defaults: { next-hop: 198.51.100.1 }
routes:
  - prefix: 10.0.0.0/16           # as it is, for now
    expires: 2026-12-01T00:00:00+01:00
  - prefix: 198.51.100.64/26      # is to go
    expires: 2026-09-21T14:13:20Z
  - prefix: 192.0.2.0/24          # new
    starts: 2026-09-21T14:00:00Z
    expires: 2026-09-21T15:00:00Z
  - prefix: 192.0.3.0/24          # not yet
    starts: 2026-09-21T14:30:00Z
  - prefix: 10.1.0.0/16
`

const overlapFile = `version: 1
owner: edge-team
speakers: [edge1]
defaults: { next-hop: 198.51.100.1 }
routes:
  - prefix: 10.0.0.0/16           # is there, and stays as it is
    med: 1
    peers: [as 65001]
  - prefix: 10.0.0.0/16
    med: 2
    peers: [192.0.2.1]
  - prefix: 10.77.0.0/16          # for nobody
    peers: [as 64999, tag nobody]
`

// What it withdraws stays covered: by a route that comes, at one of two peers, and by
// one of somebody else.
const coveredFile = `version: 1
owner: edge-team
speakers: [edge1]
guard: { allow: [private, documentation], max-withdraw: off, max-withdraw-space: off }
defaults: { next-hop: 198.51.100.1 }
routes:
  - prefix: 198.51.100.0/24
    peers: [192.0.2.1]
  - prefix: 203.0.112.0/22
`

const olderFile = "version: 1\nowner: edge-team\nspeakers: [edge1]\nroutes: []\n"

// seen is what edge1 advertises when the goldens are made.
func seen(t *testing.T) observation {
	hop := attrs(t, "next-hop", "198.51.100.1")
	v4 := []state.Family{state.IPv4Unicast}
	a := &state.Advertised{
		Speaker: "edge1", Complete: true,
		Peers: []state.Neighbor{
			{Addr: up(), LocalAS: 65000, PeerAS: 65001, Up: true, Since: 1790000000000, Families: v4, Self: []netip.Addr{netip.MustParseAddr("192.0.2.254")}, Received: new(7)},
			{Addr: down(), LocalAS: 65000, PeerAS: 65002, Families: v4, Since: 1790000001500, Lacks: []string{"no events when the session goes up or down: add neighbor-changes; to its api"}},
		},
		Contests: []state.Contest{
			{Key: key("10.9.0.0/16"), Owner: "edge-team", Holder: "other-team"},
			{Key: key("10.0.0.0/16"), Owner: "third-team", Holder: "edge-team"},
			{Key: key("10.50.0.0/16"), Owner: "third-team", Holder: "edge-team"}, // not there any more
		},
		Routes: state.CollectTable(maps.All(map[state.Key][]state.Advert{
			key("10.0.0.0/16"): {{Attrs: hop, Owner: "edge-team", At: atBoth(state.Sent, state.Held)}},
			key("10.1.0.0/16"): {{Attrs: hop, Owner: "edge-team", At: []state.At{
				{Peer: up(), Grade: state.Unsent, Reason: "the session did not negotiate ipv4 unicast"}, {Peer: down(), Grade: state.Held},
			}}},
			key("203.0.113.0/24"): {{
				Attrs: attrs(t, "next-hop", "198.51.100.1", "med", "10", "community", "65000:1"), Owner: "edge-team", At: []state.At{{Peer: up(), Grade: state.Sent}},
			}},
			key("198.51.100.64/26"): {{Attrs: hop, Owner: "edge-team", At: atBoth(state.Sent, state.Held)}},
			key("10.9.0.0/16"):      {{Attrs: hop, Owner: "other-team", At: atBoth(state.Sent, state.Held)}},
			key("10.98.0.0/16"): {{
				Attrs: hop, Owner: state.OwnerConsole, From: state.Provenance{By: "al on noc1 (console)", At: 1790000000500, Expires: 1790000600500},
				At: []state.At{{Peer: up(), Grade: state.Sent}},
			}},
			key("10.99.0.0/16"): {{Attrs: hop, At: []state.At{{Peer: up(), Grade: state.Sent}}}},
		})),
		Refused: []state.Refusal{{
			Key: key("10.8.0.0/16"), Owner: "edge-team", Attrs: hop, Peers: state.NewPeers([]netip.Addr{netip.MustParseAddr("192.0.2.77")}),
			Reason: "192.0.2.77 is no neighbor of edge1",
		}},
	}
	return observation{
		speaker: "edge1", advertised: a, boot: "27b9b8537bf0fbc0", digest: a.Digest(),
		about: &wire.About{
			Version: "v0.1.0", ExaBGP: "4.2.21", Host: "router7", PID: 4711, Peers: a.Peers, Ready: true,
			Lacks: []string{"no state directory: permission denied; give --state DIR that exaBGP's user can write"},
			Leases: []wire.Lease{
				{Owner: "other-team", Holder: wire.Commander{Host: "b", PID: 13, Verb: "apply"}, Epoch: 8, Applied: 1, Silent: 1790000001000},
				{
					Owner: "edge-team", Holder: wire.Commander{Host: "a", PID: 12, Verb: "watch"}, Epoch: 7, Applied: 3, Revision: inForce().Revision,
					Conditions: []wire.Condition{*newHold(wire.Faulty, time.UnixMilli(1790000001600), "routes.yaml: the file has faults: routes.yaml:6:3: \"oops\" is not a key of a route, and 2 more; the last good one stays in force", "")},
				},
			},
			Standbys: []wire.Standby{
				{Owner: "edge-team", From: wire.Commander{Host: "c", PID: 14, Verb: "watch"}, Revision: inForce().Revision},
				{Owner: "edge-team", From: wire.Commander{Host: "d", PID: 15, Verb: "watch"}, Revision: state.Revision{Digest: "ffee0102030405060708090a0b0c0d0e", Changed: 1789990000000}},
				{Owner: "other-team", From: wire.Commander{Host: "d", PID: 16, Verb: "watch"}, Conditions: []wire.Condition{*newHold(wire.Unreadable, time.UnixMilli(1790000001700), "r.yaml: the file can't be read: no such file or directory; nothing is changed until there is a good one", "")}},
			},
			InForce:   []wire.InForce{inForce()},
			Lines:     []wire.RefusedLine{{At: 1790000002500, Line: "shutdown", Reason: "column 1: shutdown is no announce or withdraw of routes, and is not passed on to exaBGP"}},
			Silent:    1790000002600,
			Converged: 1790000002000, LastErrorAt: 1790000003000, LastError: "refused 10.8.0.0/16",
		},
	}
}

// inForce is a file that is newer than all others of the goldens.
func inForce() wire.InForce {
	return wire.InForce{Owner: "edge-team", Revision: state.Revision{Digest: "00112233445566778899aabbccddeeff", Changed: 1789999999000}, Host: "a"}
}

// plannedOlder is a plan of a file that would bring back what another replaced.
func plannedOlder(t *testing.T) plans {
	t.Helper()
	d := desired(t, olderFile)
	d.Revision = state.Revision{Digest: d.Digest(), Changed: 1789990000000}
	p, err := planAll("routes.yaml", d, 1789999998000, []observation{seen(t)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func desired(t *testing.T, file string) *state.Desired {
	t.Helper()
	d, err := routefile.Parse("routes.yaml", []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func planned(t *testing.T, file string) plans {
	t.Helper()
	p, err := planAll("routes.yaml", desired(t, file), 1790000000000, []observation{seen(t)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// plannedNobody is a plan of which no speaker has told anything.
func plannedNobody() plans {
	d := &state.Desired{}
	return plans{file: "f", desired: d, timing: timing{whole: d}}
}

// plannedAgain is a plan of the file that is in force, and was made for a repository.
func plannedAgain(t *testing.T) plans {
	t.Helper()
	d := desired(t, plannedFile)
	d.Revision = inForce().Revision
	p, err := planAll("routes.yaml", d, 1790000000000, []observation{seen(t)})
	if err != nil {
		t.Fatal(err)
	}
	p.commit = &gitCommit{Commit: "c0ffee1c0ffee1c0ffee1c0ffee1c0ffee1c0ffe", Dirty: true}
	p.speakers[0].set = onRecord{key("198.51.100.64/26"): {
		Entry: &history.Entry{Number: 7, Head: history.Head{
			At: time.UnixMilli(1789000000000), Who: history.Who{User: "ana", Host: "noc1"}, Verb: "apply", Commit: "1c0ffee1c0ffee1c0ffee1c0ffee1c0ffee1c0ff",
		}},
		Part:   &history.PartOutcome{Part: history.Part{At: time.UnixMilli(1789000000500)}},
		Change: history.Change{After: &history.Value{Attrs: attrs(t, "next-hop", "198.51.100.1")}},
	}}
	return p
}

// onRecord is a past of one change of each route, at every peer.
type onRecord map[state.Key]history.Setting

func (r onRecord) At(k state.Key, _ netip.Addr) (history.Setting, bool) {
	s, ok := r[k]
	return s, ok
}

// plannedCut is a plan of a file for more than what was observed.
func plannedCut(t *testing.T) plans {
	t.Helper()
	d := desired(t, strings.Replace(plannedFile, "speakers: [edge1]", "speakers: [edge1, edge2]", 1))
	other := desired(t, timedFile)
	other.Revision.Digest = other.Digest()
	p, err := planAll("routes.yaml", d, 1790000000000, againstFile("old.yaml", other, d, 1790000000000)[:1])
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func applied(t *testing.T) outcome {
	d := desired(t, plannedFile)
	p := planned(t, plannedFile)
	many := reconcile.Assessment{Routes: 30, Confirmed: 5}
	for i := range 25 {
		many.Pending = append(many.Pending, reconcile.Case{
			Key: key(fmt.Sprintf("10.%d.0.0/16", i)), Peer: up(), Pos: state.Position{File: "routes.yaml", Line: int32(i + 6), Column: 13},
		})
	}
	return outcome{plans: p, grade: state.Sent, timeout: time.Minute, results: []result{
		{speaker: "edge1", tried: true, Assessment: reconcile.Assess(d, p.speakers[0].advertised, state.Sent)},
		{speaker: "edge2", tried: true, Assessment: many, err: io.ErrUnexpectedEOF},
		{speaker: "edge3", tried: true, Assessment: reconcile.Assessment{Routes: 3, Confirmed: 3}},
		{speaker: "edge4"},
	}}
}

// TestGoldens compares all that is rendered with testdata/golden. With
// UPDATE_GOLDEN=1 it writes the files.
func TestGoldens(t *testing.T) {
	t.Parallel()
	same := `version: 1
owner: third-team
speakers: [edge1]
routes: []
`
	for name, render := range map[string]func(io.Writer) error{
		"plan.txt":          func(w io.Writer) error { return planned(t, plannedFile).text(w, plain) },
		"plan-colour.txt":   func(w io.Writer) error { return planned(t, plannedFile).text(w, coloured) },
		"plan.json":         func(w io.Writer) error { return writeJSON(w, planned(t, plannedFile).json()) },
		"plan-again.txt":    func(w io.Writer) error { return plannedAgain(t).text(w, plain) },
		"plan-again.json":   func(w io.Writer) error { return writeJSON(w, plannedAgain(t).json()) },
		"plan-covered.txt":  func(w io.Writer) error { return planned(t, coveredFile).text(w, plain) },
		"plan-covered.json": func(w io.Writer) error { return writeJSON(w, planned(t, coveredFile).json()) },
		"plan-covered.md":   func(w io.Writer) error { return planned(t, coveredFile).markdown(w) },
		"plan-files.txt":    func(w io.Writer) error { return plannedCut(t).text(w, plain) },
		"plan-files.json":   func(w io.Writer) error { return writeJSON(w, plannedCut(t).json()) },
		"plan.md":           func(w io.Writer) error { return planned(t, plannedFile).markdown(w) },
		"plan-again.md":     func(w io.Writer) error { return plannedAgain(t).markdown(w) },
		"plan-same.md":      func(w io.Writer) error { return planned(t, same).markdown(w) },
		"plan-files.md":     func(w io.Writer) error { return plannedCut(t).markdown(w) },
		"plan.html":         func(w io.Writer) error { return planned(t, plannedFile).html(w) },
		"plan-again.html":   func(w io.Writer) error { return plannedAgain(t).html(w) },
		"plan-files.html":   func(w io.Writer) error { return plannedCut(t).html(w) },
		"plan-timed.txt":    func(w io.Writer) error { return planned(t, timedFile).text(w, plain) },
		"plan-timed.json":   func(w io.Writer) error { return writeJSON(w, planned(t, timedFile).json()) },
		"plan-overlap.txt": func(w io.Writer) error {
			p := planned(t, overlapFile)
			return errors.Join(p.text(w, plain), writeError(w, p.overlaps(), nil))
		},
		"plan-older.txt":     func(w io.Writer) error { return plannedOlder(t).warnOlder(w, "b") },
		"plan-older.json":    func(w io.Writer) error { return writeJSON(w, plannedOlder(t).json()) },
		"plan-overlap.json":  func(w io.Writer) error { return writeJSON(w, planned(t, overlapFile).json()) },
		"plan-same.txt":      func(w io.Writer) error { return planned(t, same).text(w, plain) },
		"plan-nobody.json":   func(w io.Writer) error { return writeJSON(w, plannedNobody().json()) },
		"lacks.txt":          func(w io.Writer) error { return warnLacks(w, []observation{seen(t)}) },
		"apply.txt":          func(w io.Writer) error { return applied(t).text(w) },
		"apply.json":         func(w io.Writer) error { return writeJSON(w, applied(t).json()) },
		"status.txt":         func(w io.Writer) error { return statusSample(t).text(w) },
		"status.json":        func(w io.Writer) error { return writeJSON(w, statusSample(t)) },
		"received.txt":       func(w io.Writer) error { return receivedSample(t, receivedFilter{}).text(w) },
		"received-notes.txt": func(w io.Writer) error { return receivedSample(t, receivedFilter{}).notes(w) },
		"received.json":      func(w io.Writer) error { return writeJSON(w, receivedSample(t, receivedFilter{})) },
		"received-peer.txt": func(w io.Writer) error {
			return receivedSample(t, receivedFilter{peers: []netip.Addr{up()}, family: "ipv4 unicast"}).text(w)
		},
		"followed.txt": func(w io.Writer) error { return followedSample(t, &followWriter{stdout: w, stderr: w}, false) },
		"followed.json": func(w io.Writer) error {
			return followedSample(t, &followWriter{stdout: w, stderr: w, json: true}, true)
		},
		"events.txt": func(w io.Writer) error {
			return followedSample(t, &followWriter{stdout: w, stderr: w, tags: true, several: true}, true)
		},
		"adopt.txt":  func(w io.Writer) error { return adoptSample(t, w) },
		"bridge.txt": func(w io.Writer) error { return byHand(w, "/usr/bin/routesync", "edge1") },
		"progress.txt": func(w io.Writer) error {
			_, err := fmt.Fprintln(w, progressOf("edge1", applied(t).results[1].Assessment))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var first, second bytes.Buffer
			for _, to := range []*bytes.Buffer{&first, &second} {
				if err := render(to); err != nil && name != "bridge.txt" {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(first.Bytes(), second.Bytes()) {
				t.Error("the same values gave other bytes")
			}
			path := filepath.Join("testdata", "golden", name)
			if os.Getenv("UPDATE_GOLDEN") != "" {
				if err := os.WriteFile(path, first.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), first.String()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// statusSample has a condition of every kind.
func statusSample(t *testing.T) statusReport {
	ill := seen(t)
	about := *ill.about
	ill.about = &about
	about.Conditions = []wire.Condition{{
		Name: wire.Denied, Since: 1790000003000, Text: "user b lacks the permission read for queue 'rs.cmd.edge1' in vhost /", Do: "rabbitmqctl set_permissions -p / b x y z",
	}}
	about.Leases = slices.Clone(about.Leases)
	about.Leases[0].Conditions = []wire.Condition{{Name: wire.Backpressured, Since: 1790000004000, Text: "the broker rejected the message"}}
	ana := wire.Commander{ID: "p", Host: "noc1", PID: 5, Verb: "pause", User: "ana"}
	about.Pauses = []wire.Pause{{Owner: "edge-team", By: ana, At: 1790000005000, Reason: "maintenance of edge1"}}
	about.Overrides = []wire.Override{{Owner: "edge-team", By: ana, At: 1790000005100, Until: 1790086405100, Reason: "the customer left", Text: "withdraw@9b1d2c3f4a5b"}}
	about.Trials = []wire.Trial{
		{Owner: "edge-team", By: wire.Commander{ID: "a", Host: "noc1", PID: 6, Verb: "apply", User: "ana"}, Revision: inForce().Revision, Began: 1790000005200, Deadline: 1790000305200, Changed: 3},
		{Owner: "third-team", By: wire.Commander{ID: "b", Host: "noc2", PID: 7, Verb: "apply"}, Revision: inForce().Revision, Began: 1790000005300, Deadline: 1790000005400, Changed: 1, Revert: true},
	}
	about.InForce = append(slices.Clone(about.InForce), wire.InForce{
		Owner: "third-team", Revision: inForce().Revision, Host: "b", Reverted: &wire.Reverted{Digest: "ffeeddccbbaa9988", At: 1790000005500, By: ana},
	})
	failed := conditionsOf(failures{
		conditionFailure(exitError, "edge7", wire.Condition{Name: wire.NoBridge, Text: "no bridge answers", Do: "start it"}), errors.New("another"),
	})
	return newStatus("edge-team", []observation{ill, silent()}, failed, []conditionJSON{
		newCondition("edge1", wire.Condition{Name: wire.Waiting, Text: waiting(3) + " in queue rs.cmd.edge1, and nobody reads it", Do: "start the bridge"}),
		newCondition("", wire.Condition{Name: wire.DeadLetters, Text: "1 message in queue rs.dead", Do: "look at it"}),
	})
}

// silent is a speaker of which nothing is known but that its set is complete.
func silent() observation {
	return observation{speaker: "edge9", advertised: &state.Advertised{Speaker: "edge9", Complete: true}}
}

func TestExitCodeOfResults(t *testing.T) {
	t.Parallel()
	one := []reconcile.Case{{Key: key("10.0.0.0/8")}}
	for name, test := range map[string]struct {
		result result
		want   int
	}{
		"all there":               {result{tried: true}, exitDone},
		"held":                    {result{tried: true, Assessment: reconcile.Assessment{Held: one}}, exitDone},
		"pending":                 {result{tried: true, Assessment: reconcile.Assessment{Pending: one}}, exitUnconfirmed},
		"unsent":                  {result{tried: true, Assessment: reconcile.Assessment{Unsent: one}}, exitUnconfirmed},
		"refused":                 {result{tried: true, Assessment: reconcile.Assessment{Refused: one}}, exitError},
		"refused and unsent":      {result{tried: true, Assessment: reconcile.Assessment{Refused: one, Unsent: one}}, exitError},
		"somebody else's":         {result{tried: true, Assessment: reconcile.Assessment{Foreign: one}}, exitError},
		"never tried":             {result{}, exitUnconfirmed},
		"broke before it was all": {result{tried: true, err: io.EOF}, exitUnconfirmed},
	} {
		if got := test.result.code(); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
	for _, test := range []struct {
		codes []int
		want  int
	}{
		{nil, exitDone}, {[]int{0, 5, 1}, exitError}, {[]int{0, 5}, exitUnconfirmed}, {[]int{0, 2, 0}, exitChanges}, {[]int{1, 64}, exitUsage}, {[]int{5, 4, 0}, exitStale}, {[]int{4, 1}, exitError},
	} {
		if got := worst(test.codes); got != test.want {
			t.Errorf("worst of %v: %d, want %d", test.codes, got, test.want)
		}
	}
}
