package console

import (
	"strings"
	"testing"
	"unicode"

	"routesync/bridge/wire"
	"routesync/state"
)

// TestShow is what each show command prints.
func TestShow(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	var out []string
	for _, line := range []string{
		"show advertised",
		"show advertised 10.0.0.0/8",
		"show advertised 10.0.0.0/8 longer",
		"show advertised 10.0.0.0/16 longer",
		"show advertised 0.0.0.0/0 longer owner console",
		"show advertised peer 192.0.2.1",
		"show advertised owner exabgp",
		"show advertised family ipv6",
		"show advertised match no-export",
		"show advertised 172.16.0.0/12",
		"show foreign",
		"show peers",
		"show received",
		"show received peer 192.0.2.1",
		"show received 192.168.0.0/16 longer",
		"show received family ipv4 flow",
		"show received match med",
	} {
		s, faults := read(line, "edge1", f.Speakers())
		if len(faults) > 0 {
			t.Fatalf("%q: %v", line, faults)
		}
		got, err := show(t.Context(), f, s)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		out = append(append(append(out, "> "+line), got...), "")
	}
	for _, line := range []string{"show advertised peer 9.9.9.9", "show received peer 9.9.9.9", "show foreign peer 9.9.9.9"} {
		s, _ := read(line, "edge1", f.Speakers())
		_, err := show(t.Context(), f, s)
		if err == nil || !strings.Contains(err.Error(), "edge1 has no peer 9.9.9.9") || !strings.HasPrefix(hintOf(err), "its peers are 192.0.2.1 (") {
			t.Errorf("%s: %v", line, err)
		}
	}
	f.adv.Complete = false
	s, _ := read("show advertised 10.0.0.0/8", "edge1", f.Speakers())
	got, err := show(t.Context(), f, s)
	if err != nil {
		t.Fatal(err)
	}
	out = append(append(out, "> an incomplete one"), got...)
	printable(t, out)
	golden(t, "show.txt", text(out))
}

// printable looks for what could act on the terminal.
func printable(t *testing.T, lines []string) {
	t.Helper()
	for _, l := range lines {
		if strings.ContainsFunc(l, func(r rune) bool { return !unicode.IsPrint(r) && r != '\t' }) {
			t.Errorf("%q has a control character", l)
		}
	}
}

// TestAnswers is what is said about every verdict, for people and for
// programs.
func TestAnswers(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	keys := func(prefixes ...string) []state.Key {
		var all []state.Key
		for _, p := range prefixes {
			all = append(all, key(p))
		}
		return all
	}
	one := keys("1.1.0.0/24")
	many := keys("10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16", "10.4.0.0/16", "10.5.0.0/16")
	announce := wire.Command{Keys: one}
	withdraw := wire.Command{Withdraw: true, Keys: one}
	var out []string
	for _, test := range []struct {
		name     string
		commands []wire.Command
		outcomes [][]wire.Outcome
	}{
		{"sent and held", []wire.Command{{Keys: one, Expires: 1790000000000}}, [][]wire.Outcome{{
			{Peer: down(), Verdict: wire.Held, Keys: one}, {Peer: up(), Verdict: wire.Sent, Keys: one},
		}}},
		{"unsent", []wire.Command{announce}, [][]wire.Outcome{{{Peer: up(), Verdict: wire.Unsent, Reason: "no such family", Keys: one}}}},
		{"withdrawn at two peers", []wire.Command{withdraw}, [][]wire.Outcome{{
			{Peer: down(), Verdict: wire.Withdrawn, Keys: one}, {Peer: up(), Verdict: wire.Withdrawn, Keys: one},
		}}},
		{"unchanged", []wire.Command{withdraw}, [][]wire.Outcome{{{Verdict: wire.Unchanged, Reason: "there is no such route", Keys: one}}}},
		{"refused", []wire.Command{announce}, [][]wire.Outcome{{{Peer: up(), Verdict: wire.Refused, Reason: "the next hop is the peer itself\x1b[2J", Keys: one}}}},
		{"refused, for no peer", []wire.Command{announce}, [][]wire.Outcome{{{Verdict: wire.Refused, Reason: "no peer has the family", Keys: one}}}},
		{"kept by a file", []wire.Command{{Withdraw: true, Keys: many}}, [][]wire.Outcome{{
			{Peer: up(), Verdict: wire.Refused, Owner: "edge-team", Keys: many[:4]}, {Peer: up(), Verdict: wire.Withdrawn, Keys: many[4:]},
		}}},
		{"kept by a file that nobody watches", []wire.Command{announce}, [][]wire.Outcome{{{Peer: up(), Verdict: wire.Refused, Owner: "other", Keys: one}}}},
		{"kept by a file that was watched", []wire.Command{withdraw}, [][]wire.Outcome{{{Peer: up(), Verdict: wire.Refused, Owner: "ended", Keys: one}}}},
		{"kept by a file, otherwise", []wire.Command{announce}, [][]wire.Outcome{{{Peer: up(), Verdict: wire.Refused, Owner: "edge-team", Keys: one}}}},
		{"kept by a file, just so", []wire.Command{{Keys: one, Attrs: attrs(t, map[state.Name][]string{state.NextHop: {"192.168.41.2"}})}}, [][]wire.Outcome{{
			{Peer: up(), Verdict: wire.Refused, Owner: "edge-team", Keys: one},
		}}},
		{"one of two commands refused", []wire.Command{withdraw, {Withdraw: true, Keys: many}}, [][]wire.Outcome{
			{{Peer: up(), Verdict: wire.Withdrawn, Keys: one}}, {{Peer: up(), Verdict: wire.Refused, Reason: "busy", Keys: many}},
		}},
		{"a bulk", []wire.Command{{Keys: many}}, [][]wire.Outcome{{{Peer: up(), Verdict: wire.Sent, Keys: many}}}},
		{"sent here, refused there", []wire.Command{announce}, [][]wire.Outcome{{
			{Peer: up(), Verdict: wire.Sent, Keys: one}, {Peer: down(), Verdict: wire.Refused, Reason: "no such family", Keys: one},
		}}},
		{"no answer", []wire.Command{announce, withdraw}, [][]wire.Outcome{nil, {{Peer: up(), Verdict: wire.Withdrawn, Keys: one}}}},
		{"given to nobody", []wire.Command{announce, {Withdraw: true, Keys: many}}, [][]wire.Outcome{
			{{Verdict: wire.NotGiven, Reason: "no bridge answers for edge1", Keys: one}},
			{{Verdict: wire.NotGiven, Reason: "no bridge answers for edge1", Keys: many}},
		}},
		{"not announced", []wire.Command{withdraw}, [][]wire.Outcome{{{Peer: up(), Verdict: wire.Unchanged, Reason: "it is not announced there", Keys: one}}}},
		{"announced so", []wire.Command{announce}, [][]wire.Outcome{{{Peer: up(), Verdict: wire.Unchanged, Keys: one}}}},
		{"an old helper", []wire.Command{announce}, [][]wire.Outcome{{{Verdict: Published, Keys: one}}}},
		{"a verdict to come", []wire.Command{announce}, [][]wire.Outcome{{{Peer: up(), Verdict: "parked", Reason: "why not", Keys: one}}}},
	} {
		p := &pending{number: 7, answer: answer{line: "the line", speaker: "edge1", commands: test.commands, results: make([]*wire.Result, len(test.commands))}}
		for i, o := range test.outcomes {
			if o != nil {
				p.results[i] = &wire.Result{Command: i, Outcomes: o}
			}
		}
		(&locator{f, -1}).locate(t.Context(), &p.answer)
		out = append(append(append(out, "# "+test.name), p.text()...), p.record(), "")
	}
	p := &pending{number: 7, answer: answer{line: "the line", speaker: "edge1", err: &state.Fault{Msg: "there is no such peer", Hint: "its peers are 192.0.2.1"}}}
	out = append(append(append(out, "# not given"), p.text()...), p.record())
	printable(t, out)
	golden(t, "answers.txt", text(out))
}
