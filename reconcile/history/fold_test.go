package history

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"routesync/state"
)

// world is one speaker as it really is, with two peers.
type world struct {
	at map[caseID]*state.Terms
}

func (w *world) advertised() *state.Advertised {
	set := &state.Advertised{Speaker: "edge1", Complete: true}
	for i := range 2 {
		set.Peers = append(set.Peers, state.Neighbor{Addr: peer(i + 1), Up: true, Families: []state.Family{state.IPv4Unicast}})
	}
	adverts := map[state.Key][]state.Advert{}
	for id, terms := range w.at {
		adverts[id.key] = append(adverts[id.key], state.Advert{
			Owner: "edge-team", Attrs: terms.Attrs, From: state.Provenance{Expires: terms.Expires}, At: []state.At{{Peer: id.peer, Grade: state.Sent}},
		})
	}
	for k, list := range adverts {
		set.Routes.Set(list, k)
	}
	return set
}

// text is what is where, in order.
func (w *world) text() string {
	var lines []string
	for id, terms := range w.at {
		lines = append(lines, fmt.Sprint(id.key, id.peer, terms.Attrs, terms.Expires))
	}
	slices.Sort(lines)
	return fmt.Sprint(lines)
}

// TestPastIsWhatWas: whatever was done in whatever order, what is restored of an entry
// is what was advertised right after it, routes from before the record too.
func TestPastIsWhatWas(t *testing.T) {
	t.Parallel()
	values := make([]*state.Terms, 3)
	for i := range values {
		values[i] = &state.Terms{Attrs: attrs(t, "next-hop", "192.0.2.9", "med", fmt.Sprint(i+1)), Tags: []string{fmt.Sprint("tag", i)}}
	}
	rapid.Check(t, func(rt *rapid.T) {
		s, err := Open(rapidDir(rt), "edge-team")
		if err != nil {
			rt.Fatal(err)
		}
		w := &world{at: map[caseID]*state.Terms{}}
		for range rapid.IntRange(0, 3).Draw(rt, "before") {
			w.at[caseID{key(fmt.Sprintf("10.0.%d.0/24", rapid.IntRange(0, 3).Draw(rt, "key"))), peer(rapid.IntRange(1, 2).Draw(rt, "peer"))}] = values[0]
		}
		var after []string
		n := rapid.IntRange(1, 5).Draw(rt, "entries")
		for range n {
			var changes []state.Change
			for i := range 4 {
				for p := 1; p <= 2; p++ {
					if !rapid.Bool().Draw(rt, "touched") {
						continue
					}
					id := caseID{key(fmt.Sprintf("10.0.%d.0/24", i)), peer(p)}
					was, now := w.at[id], values[rapid.IntRange(0, 2).Draw(rt, "value")]
					c := state.Change{Key: id.key, Peers: []netip.Addr{id.peer}}
					if was != nil {
						c.Advert = &state.Advert{Owner: "edge-team", Attrs: was.Attrs}
					}
					if was != nil && rapid.Bool().Draw(rt, "withdraw") {
						delete(w.at, id)
					} else {
						own := *now
						own.Peers = state.NewPeers([]netip.Addr{id.peer})
						if rapid.Bool().Draw(rt, "every") {
							own.Peers = ""
						}
						c.Wanted, w.at[id] = &state.Wanted{Key: id.key, Terms: &own}, now
					}
					changes = append(changes, c)
				}
			}
			number, err := s.Begin(sampleHead(), samplePart(), changes, nil)
			if err != nil {
				rt.Fatal(err)
			}
			if err := s.Conclude(number, "edge1", 1, &Outcome{At: day(2), Final: true}); err != nil {
				rt.Fatal(err)
			}
			after = append(after, w.text())
		}
		for i := range n {
			pasts, err := s.PastsAfter(i + 1)
			if err != nil {
				rt.Fatal(err)
			}
			r := pasts[0]["edge1"].Restore("edge-team", w.advertised(), day(3).UnixMilli())
			if len(r.Broken)+len(r.Expired)+len(r.Unseen) > 0 {
				rt.Fatalf("after %d: nothing of this is so: %+v", i+1, r)
			}
			back := &world{at: map[caseID]*state.Terms{}}
			for _, route := range r.Routes {
				for _, p := range w.advertised().Resolve(route.Peers, route.Key.Family) {
					if _, twice := back.at[caseID{route.Key, p}]; twice {
						rt.Fatalf("after %d: %s is asked for twice at %s", i+1, route.Key, p)
					}
					back.at[caseID{route.Key, p}] = route.Terms
				}
			}
			// A file that asked for every peer, and got one, asks for every peer again.
			for id, terms := range maps.Clone(back.at) {
				if terms.Peers.All() && !strings.Contains(after[i], fmt.Sprint(id.key, id.peer)) {
					delete(back.at, id)
				}
			}
			if back.text() != after[i] {
				rt.Fatalf("after %d it was\n%s\nand is restored as\n%s", i+1, after[i], back.text())
			}
		}
	})
}

func rapidDir(t *rapid.T) string {
	in := "/dev/shm" // it is fast, where it is there
	if _, err := os.Stat(in); err != nil {
		in = ""
	}
	dir, err := os.MkdirTemp(in, "history")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// TestWhatThePastDoesNotKnow: what has expired is not brought back, and what others did
// is said.
func TestWhatThePastDoesNotKnow(t *testing.T) {
	t.Parallel()
	s := store(t)
	plain := &state.Terms{Attrs: attrs(t, "next-hop", "192.0.2.9")}
	short := &state.Terms{Attrs: plain.Attrs, Expires: day(3).UnixMilli()}
	was := &state.Advert{Owner: "edge-team", Attrs: plain.Attrs}
	other := &state.Advert{Owner: "edge-team", Attrs: attrs(t, "next-hop", "192.0.2.9", "med", "7")}
	if _, err := s.Begin(sampleHead(), samplePart(), []state.Change{
		announce("10.0.0.0/24", plain, peer(1)), announce("10.0.1.0/24", short, peer(1)), announce("10.0.2.0/24", plain, peer(1)),
		announce("10.0.3.0/24", plain, peer(1)), announce("10.0.4.0/24", plain, peer(1)),
	}, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Conclude(1, "edge1", 1, &Outcome{At: day(2), Cases: []Case{{Key: key("10.0.4.0/24"), Peer: peer(1), State: "refused", Reason: "no"}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Begin(sampleHead(), samplePart(), []state.Change{
		withdraw("10.0.0.0/24", was, peer(1)), withdraw("10.0.2.0/24", other, peer(1)), announce("10.0.5.0/24", plain, peer(1)),
	}, nil); err != nil {
		t.Fatal(err)
	}
	w := &world{at: map[caseID]*state.Terms{{key("10.0.3.0/24"), peer(1)}: {Attrs: other.Attrs}, {key("10.0.9.0/24"), peer(2)}: plain, {key("10.0.5.0/24"), peer(1)}: plain}}
	pasts, err := s.PastsAfter(1)
	if err != nil {
		t.Fatal(err)
	}
	r := pasts[0]["edge1"].Restore("edge-team", w.advertised(), day(4).UnixMilli())
	var keys []string
	for _, w := range r.Routes {
		keys = append(keys, w.Key.String())
	}
	got := fmt.Sprint(keys, r.Expired, r.Broken, r.Unseen, r.Untouched)
	if want := "[10.0.0.0/24 10.0.2.0/24 10.0.3.0/24 10.0.9.0/24] [10.0.1.0/24] [10.0.2.0/24 10.0.3.0/24] [] 1"; got != want {
		t.Errorf("restored is\n%s, want\n%s", got, want)
	}
	// Without the second entry's word on what it changed, nothing was seen of it.
	pasts, err = s.PastsAfter(2)
	if err != nil {
		t.Fatal(err)
	}
	r = pasts[0]["edge1"].Restore("edge-team", w.advertised(), day(4).UnixMilli())
	if fmt.Sprint(r.Unseen) != "[10.0.0.0/24 10.0.2.0/24 10.0.5.0/24]" {
		t.Errorf("not seen are %v", r.Unseen)
	}
}

// TestPastBehindDamage: what is damaged or missing matters only to what is older.
func TestPastBehindDamage(t *testing.T) {
	t.Parallel()
	plain := &state.Terms{Attrs: attrs(t, "next-hop", "192.0.2.9")}
	for _, gone := range []bool{true, false} {
		s := store(t)
		for i := range 4 {
			if _, err := s.Begin(sampleHead(), samplePart(), []state.Change{announce(fmt.Sprintf("10.0.%d.0/24", i), plain, peer(1))}, nil); err != nil {
				t.Fatal(err)
			}
		}
		path := filepath.Join(s.entryDir(2), "edge1.1.changes.jsonl")
		err := os.RemoveAll(s.entryDir(2))
		if !gone {
			err = errors.Join(os.Mkdir(s.entryDir(2), 0o700), os.WriteFile(path, []byte("{}"), 0o600))
		}
		if err != nil {
			t.Fatal(err)
		}
		w := &world{at: map[caseID]*state.Terms{}}
		for i := range 4 {
			w.at[caseID{key(fmt.Sprintf("10.0.%d.0/24", i)), peer(1)}] = plain
		}
		pasts, err := s.PastsAfter(3, 4)
		if err != nil {
			t.Fatal(err)
		}
		if r := pasts[0]["edge1"].Restore("edge-team", w.advertised(), 0); len(r.Routes) != 3 || r.Untouched != 2 || len(r.Broken) > 0 {
			t.Errorf("restored is %+v", r)
		}
		if d := Difference(pasts[0]["edge1"], pasts[1]["edge1"]); len(d) != 1 || d[0].Op() != Announce {
			t.Errorf("the difference is %+v", d)
		}
		for _, n := range []int{1, 2} {
			if _, err := s.PastsAfter(4, n); err == nil {
				t.Errorf("what was after %d is known", n)
			}
		}
	}
}

func TestLastIsTheNewest(t *testing.T) {
	t.Parallel()
	s := store(t)
	ddos := &state.Terms{Attrs: attrs(t, "next-hop", "192.0.2.9"), Tags: []string{"ddos"}}
	web := &state.Terms{Attrs: ddos.Attrs, Tags: []string{"web"}}
	was := &state.Advert{Owner: "edge-team", Attrs: ddos.Attrs}
	for _, changes := range [][]state.Change{
		{announce("10.0.0.0/24", ddos, peer(1), peer(2)), announce("10.0.1.0/24", ddos, peer(1))},
		{replace("10.0.0.0/24", was, web, peer(2)), withdraw("10.0.1.0/24", was, peer(1))},
		many(t, 2000),
	} {
		if _, err := s.Begin(sampleHead(), samplePart(), changes, nil); err != nil {
			t.Fatal(err)
		}
	}
	asked := []state.Change{withdraw("10.0.0.0/24", was, peer(1), peer(2)), withdraw("10.0.1.0/24", was, peer(1)), withdraw("10.0.9.0/24", was, peer(1))}
	last, err := s.Last("edge1", asked)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		prefix string
		peer   int
		want   string
	}{{"10.0.0.0/24", 1, "[ddos] true"}, {"10.0.0.0/24", 2, "[web] true"}, {"10.0.1.0/24", 1, "[] false"}, {"10.0.9.0/24", 1, "[] false"}} {
		tags, known := last.Tags(key(test.prefix), peer(test.peer))
		if got := fmt.Sprint(tags, known); got != test.want {
			t.Errorf("%s at %d: %s, want %s", test.prefix, test.peer, got, test.want)
		}
	}
	if x, ok := last.At(key("10.0.1.0/24"), peer(1)); !ok || x.Entry.Number != 2 || x.Op() != Withdraw {
		t.Errorf("the last change is %+v, %v", x, ok)
	}
	if other, err := s.Last("edge2", asked); err != nil || len(other.of) > 0 {
		t.Errorf("another speaker has %v, %v", other, err)
	}
	if _, ok := (*Settings)(nil).At(key("10.0.0.0/24"), peer(1)); ok {
		t.Error("without a history something is known")
	}
}
