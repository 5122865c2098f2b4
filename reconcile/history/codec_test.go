package history

import (
	"bytes"
	cmp2 "cmp"
	"iter"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"routesync/state"
)

// regrouped gives changes to the encoder as they are.
func regrouped(all []Change) iter.Seq2[Change, []state.Key] {
	return func(yield func(Change, []state.Key) bool) {
		for _, c := range all {
			if !yield(c, []state.Key{c.Key}) {
				return
			}
		}
	}
}

// FuzzChanges: what is taken comes back the same when it is written again.
func FuzzChanges(f *testing.F) {
	groups, tally := grouped("edge-team", sampleChanges(f), nil)
	p := samplePart()
	p.Tally = tally
	var b bytes.Buffer
	if err := encodeChanges(&b, "edge-team", p, groups); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte("{}\n{}\n"))
	f.Fuzz(func(t *testing.T, lines []byte) {
		// The seal is put on here, or hardly anything would get behind it.
		data := sealed(lines)
		var got []Change
		p, err := decodeChanges(bytes.NewReader(data), "edge-team", func(c *Change) error { got = append(got, *c); return nil })
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := encodeChanges(&b, "edge-team", p, regrouped(got)); err != nil {
			t.Fatal(err)
		}
		var again []Change
		q, err := decodeChanges(bytes.NewReader(b.Bytes()), "edge-team", func(c *Change) error { again = append(again, *c); return nil })
		if err != nil {
			t.Fatalf("what was written is not read: %v\n%s", err, b.Bytes())
		}
		if diff := cmp.Diff(got, again, equal(), cmp.Transformer("empty", func(list []string) []string { return append([]string{}, list...) })); diff != "" {
			t.Fatalf("not the same (-first +second):\n%s", diff)
		}
		if p.Tally != q.Tally || !p.At.Equal(q.At) {
			t.Fatalf("%+v and %+v", p, q)
		}
	})
}

// sealed puts a seal on lines, as far as they are lines.
func sealed(data []byte) []byte {
	var b bytes.Buffer
	w := newLineWriter(&b)
	for line := range bytes.Lines(data) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			continue
		}
		w.n++
		w.sum.Write(line)
		w.to.Write(line)
	}
	if err := w.seal(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func FuzzOutcome(f *testing.F) {
	var b bytes.Buffer
	o := &Outcome{At: day(2), Peers: []PeerOutcome{{Peer: peer(1), Changes: 2, Confirmed: 1}}, Cases: []Case{{Key: key("10.0.0.0/8"), Peer: peer(1), State: "refused", Reason: "no"}}}
	if err := encodeOutcome(&b, "edge1", 1, o); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, lines []byte) {
		speaker, seq, o, err := decodeOutcome(bytes.NewReader(sealed(lines)))
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := encodeOutcome(&b, speaker, seq, o); err != nil {
			t.Fatal(err)
		}
		_, _, again, err := decodeOutcome(&b)
		if err != nil {
			t.Fatal(err)
		}
		sortWhole(o.Cases)
		sortWhole(again.Cases)
		if diff := cmp.Diff(o, again, equal()); diff != "" {
			t.Fatalf("not the same (-first +second):\n%s", diff)
		}
	})
}

func TestStrictReading(t *testing.T) {
	t.Parallel()
	head := `{"format_version":1,"owner":"edge-team","speaker":"edge1","part":1,"at":"2026-11-02T10:11:12Z","cause":"file","announce":1,"change":0,"withdraw":0}` + "\n"
	good := `{"family":"ipv4 unicast","peers":["192.0.2.1"],"after":{"owner":"edge-team","attributes":{"next-hop":["192.0.2.9"]}},"nlri":["10.0.0.0/8"]}` + "\n"
	for _, test := range []struct{ name, lines string }{
		{"another format", `{"format_version":2,` + head[len(`{"format_version":1,`):] + good},
		{"another owner", `{"format_version":1,"owner":"other",` + head[len(`{"format_version":1,"owner":"edge-team",`):] + good},
		{"an unknown key", head + good[:len(good)-2] + `,"more":1}` + "\n"},
		{"another count", head},
		{"two values", head + good[:len(good)-1] + good},
		{"nothing to nothing", head + `{"family":"ipv4 unicast","peers":[],"nlri":["10.0.0.0/8"]}` + "\n"},
		{"no route", head + `{"family":"ipv4 unicast","peers":[],"after":{"owner":"edge-team","attributes":{}},"nlri":[]}` + "\n"},
		{"host bits", head + `{"family":"ipv4 unicast","peers":[],"after":{"owner":"edge-team","attributes":{}},"nlri":["10.0.0.1/8"]}` + "\n"},
		{"an unknown family", head + `{"family":"ipv9 unicast","peers":[],"after":{"owner":"edge-team","attributes":{}},"nlri":["10.0.0.0/8"]}` + "\n"},
		{"an unknown attribute", head + `{"family":"ipv4 unicast","peers":[],"after":{"owner":"edge-team","attributes":{"colour":["red"]}},"nlri":["10.0.0.0/8"]}` + "\n"},
		{"no line at all", ""},
	} {
		_, err := decodeChanges(bytes.NewReader(sealed([]byte(test.lines))), "edge-team", func(*Change) error { return nil })
		if err == nil {
			t.Errorf("%s: it was taken", test.name)
		}
	}
	if _, err := decodeChanges(bytes.NewReader(sealed([]byte(head+good))), "edge-team", func(*Change) error { return nil }); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

func sortWhole(all []Case) {
	slices.SortFunc(all, func(a, b Case) int {
		return cmp2.Or(state.CompareKeys(a.Key, b.Key), a.Peer.Compare(b.Peer), cmp2.Compare(a.State, b.State), cmp2.Compare(a.Reason, b.Reason))
	})
}
