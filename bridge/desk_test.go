package bridge

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"routesync/bridge/wire"
	"routesync/state"
)

// TestDeskSaysWhatWasNotGiven: of commands that nobody can have, the desk says so
// when their time is over; of those that somebody may have it says nothing.
func TestDeskSaysWhatWasNotGiven(t *testing.T) {
	t.Parallel()
	withdraw := wire.Command{Withdraw: true, Keys: []state.Key{state.UnicastKey(netip.MustParsePrefix("10.0.0.0/8"), 0)}}
	refused := errors.New("connect to amqp://mq.example.net: connection refused")
	// published is a try to hand over all that is due, and how it ended.
	type published int
	const (
		came published = iota // back
		went                  // to a bridge
		lost                  // with the session: nobody knows
	)
	for name, test := range map[string]struct {
		down  error
		tries []published
		want  string // the reason; "" if it may be with a bridge
	}{
		"there never was a broker":             {down: refused, want: "connection refused"},
		"the broker says nothing":              {want: "the broker did not answer in time"},
		"there never was a bridge":             {tries: []published{came, came}, want: "no bridge answers for edge1"},
		"no bridge, and then no broker":        {down: refused, tries: []published{came}, want: "connection refused"},
		"a bridge has it":                      {tries: []published{went}},
		"a bridge had it, and is gone":         {tries: []published{went, came}},
		"no bridge, and then one has it":       {tries: []published{came, went}},
		"the session broke":                    {tries: []published{lost}},
		"the session broke, then no bridge":    {tries: []published{lost, came}},
		"the session broke, then no broker":    {down: refused, tries: []published{lost}},
		"no bridge, and then a broken session": {tries: []published{came, lost}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := NewDesk(wire.Commander{ID: "me"}, func(string, bool) {}, func() error { return test.down }, slog.New(slog.DiscardHandler))
				ctx, cancel := context.WithCancel(t.Context())
				first := d.Give(ctx, "edge1", []wire.Command{withdraw, withdraw})
				second := d.Give(ctx, "edge1", []wire.Command{withdraw})
				d.begin()
				for _, try := range test.tries {
					c := d.counters["edge1"]
					c.again = time.Time{} // it is time
					for _, g := range c.open {
						g.asked = time.Time{}
					}
					_, sent, _, err := d.due("queue")
					if err != nil || len(sent) == 0 || sent[0].seq != 1 {
						t.Fatalf("due: %v, %v", sent, err)
					}
					if try == lost {
						d.begin()
					} else {
						d.there(c, sent, try == went)
					}
				}
				cancel()
				synctest.Wait()
				var got []string
				for r := range first {
					got = append(got, r.Outcomes[0].Reason)
					if r.Outcomes[0].Verdict != wire.NotGiven || r.Command != len(got)-1 {
						t.Errorf("%+v", r)
					}
				}
				switch {
				case test.want == "" && len(got) > 0:
					t.Errorf("it may be with a bridge, and the desk says %q", got)
				case test.want != "" && (len(got) != 2 || !strings.Contains(got[0], test.want)):
					t.Errorf("%q, want %q for both", got, test.want)
				}
				if len(test.tries) > 0 && test.want != "" {
					if r, ok := <-second; !ok || r.Outcomes[0].Verdict != wire.NotGiven {
						t.Errorf("what is behind: %+v", r)
					}
				}
			})
		})
	}
}

// TestDeskSendsOneAhead: until a bridge was there it is known of each command
// whether it came back.
func TestDeskSendsOneAhead(t *testing.T) {
	t.Parallel()
	d := NewDesk(wire.Commander{ID: "me"}, func(string, bool) {}, func() error { return nil }, slog.New(slog.DiscardHandler))
	withdraw := wire.Command{Withdraw: true, Keys: []state.Key{state.UnicastKey(netip.MustParsePrefix("10.0.0.0/8"), 0)}}
	for range 3 {
		d.Give(t.Context(), "edge1", []wire.Command{withdraw})
	}
	for _, want := range []int{1, 2} {
		c, sent, _, err := d.due("queue")
		if err != nil || len(sent) != want {
			t.Fatalf("%d are sent, want %d; %v", len(sent), want, err)
		}
		d.there(c, sent, true)
	}
}

// TestDeskGivesAllOfItAgain: of what a bridge has to do once more the last has to be
// done too, though it was answered, and whoever gave it was told.
func TestDeskGivesAllOfItAgain(t *testing.T) {
	d := NewDesk(wire.Commander{ID: "desk"}, func(string, bool) {}, func() error { return nil }, slog.New(slog.DiscardHandler))
	var told []<-chan wire.Result
	for range 3 {
		told = append(told, d.Give(t.Context(), "edge1", []wire.Command{{Withdraw: true, Keys: []state.Key{desired(t, "10.0.0.0/24").Routes[0].Key}}}))
	}
	c := d.counters["edge1"]
	given := func(want ...int64) {
		t.Helper()
		d.begin()
		c.present = true
		_, sent, _, err := d.due("q")
		var got []int64
		for _, g := range sent {
			got = append(got, g.seq)
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("given %v, %v; want %v", got, err, want)
		}
	}
	answered := func(seqs ...int64) {
		for _, seq := range seqs {
			d.answered(wire.Answer{Speaker: "edge1", ID: "desk", Seq: seq, Results: []wire.Result{{}}})
		}
	}
	given(1, 2, 3)
	answered(2, 3)
	given(1, 2, 3) // to another bridge
	answered(1, 2)
	given(3)
	answered(3)
	given()
	for i, results := range told {
		n := 0
		for range results {
			n++
		}
		if n != 1 {
			t.Errorf("of commands %d there are %d results", i+1, n)
		}
	}
}
