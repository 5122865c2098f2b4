package console

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"routesync/state"
)

func TestRead(t *testing.T) {
	t.Parallel()
	team := "edge-team"
	nobodys := ""
	for _, test := range []struct {
		line string
		want statement
	}{
		{"show peers", statement{verb: verbShow, speaker: "edge1", topic: topicPeers}},
		{"sh ad", statement{verb: verbShow, speaker: "edge1", topic: topicAdvertised}},
		{"on edge2 show received", statement{verb: verbShow, speaker: "edge2", topic: topicReceived}},
		{"use edge2", statement{verb: verbUse, speaker: "edge2"}},
		{" speaker  edge2 ", statement{verb: verbUse, speaker: "edge2"}},
		{"recv off", statement{verb: verbRecv, speaker: "edge1", topic: "off"}},
		{"?", statement{verb: verbHelp, speaker: "edge1"}},
		{"help announce", statement{verb: verbHelp, speaker: "edge1", topic: "announce"}},
		{"quit", statement{verb: verbExit, speaker: "edge1"}},
		{"show advertised 10.0.0.0/8 longer", statement{
			verb: verbShow, speaker: "edge1", topic: topicAdvertised, filter: Filter{Prefix: netip.MustParsePrefix("10.0.0.0/8"), Longer: true},
		}},
		{"show advertised owner edge-team peer 192.0.2.1 family ipv4 unicast match med", statement{
			verb: verbShow, speaker: "edge1", topic: topicAdvertised,
			filter: Filter{Owner: &team, Peer: down(), Family: "ipv4 unicast", Text: "med"},
		}},
		{"show foreign owner exabgp family ipv6 2001:db8::/32", statement{
			verb: verbShow, speaker: "edge1", topic: topicForeign,
			filter: Filter{Owner: &nobodys, Family: "ipv6", Prefix: netip.MustParsePrefix("2001:db8::/32")},
		}},
	} {
		got, faults := read(test.line, "edge1", []string{"edge1", "edge2"})
		if len(faults) > 0 {
			t.Errorf("%q: %v", test.line, faults)
		}
		if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(statement{}), cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); diff != "" {
			t.Errorf("%q: -want +got:\n%s", test.line, diff)
		}
	}
}

// TestFaults is what is said about each way to write a line wrong.
func TestFaults(t *testing.T) {
	t.Parallel()
	var out []string
	for _, line := range []string{
		"annonce route 1.1.0.0/24",
		"s",
		"show",
		"show nothing",
		"show peers up",
		"show advertised 10.0.0.1/8",
		"show advertised longer",
		"show advertised peer",
		"show advertised peer edge",
		"show advertised family ipv5 unicast",
		"show advertised colour red",
		"show received owner edge-team",
		"use",
		"use edge",
		"use edge9",
		"on edge withdraw route 1.1.0.0/24",
		"use edge1 now",
		"on edge2",
		"on edge2 exit",
		"on edge2 announce route 1.1.0.0/24 next-hop 1.1.1",
		"recv",
		"recv maybe",
		"help me",
		"exit now",
		"e",
		"announce route 1.1.0.0/33 next-hop 1.1.1 med -1",
		"teardown",
		"announce route 1.1.0.0/24 next-hop sélf",
		"announce attributes next-hop self community [65000:1 65000:2 65000:3 65000:4 65000:5] nlri 1.1.0.0/24 1.1.1.1/24 1.1.2.0/24 1.1.3.0/24 1.1.4.0/24",
		"announce route 1.1.0.0/24 next-hop self expires soon",
		"withdraw route 1.1.0.0/24 expires 10m",
	} {
		s, faults := read(line, "edge1", []string{"edge1", "edge2"})
		if len(faults) == 0 {
			t.Errorf("%q is taken: %+v", line, s)
		}
		out = append(out, pointOut(line, faults)...)
	}
	golden(t, "faults.txt", text(out))
}

// TestSpeakerInFull: what is meant for one speaker does not go to another whose
// name goes on.
func TestSpeakerInFull(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"use edge1", "on edge1 withdraw route 1.1.0.0/24"} {
		if s, faults := read(line, "edge10", []string{"edge10"}); len(faults) == 0 {
			t.Errorf("%q is taken: %+v", line, s)
		}
	}
}

func TestExcerpt(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100) + "é\x1b!" + strings.Repeat("y", 100)
	for _, test := range []struct {
		line       string
		column     int
		text, mark string
	}{
		{"a b", 3, "a b", "  ^"},
		{"a b", 0, "a b", "^"},
		{"a b", 99, "a b", "   ^"},
		{"é b", 3, `\u00e9 b`, "       ^"},
		{long, 103, "..." + strings.Repeat("x", 58) + `\u00e9\x1b!` + strings.Repeat("y", 39) + "...", strings.Repeat(" ", 3+58+10) + "^"},
	} {
		if text, mark := excerpt(test.line, test.column); text != test.text || mark != test.mark {
			t.Errorf("%q at %d:\n%s\n%s\nwant\n%s\n%s", test.line, test.column, text, mark, test.text, test.mark)
		}
	}
}

// TestCommands: a line becomes as few commands as say the same in the same
// order.
func TestCommands(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1790000000000)
	line := "neighbor 192.168.41.1 peer-as 65002, neighbor 192.0.2.1, neighbor 192.168.41.1 announce attributes next-hop self med 5 nlri 1.1.0.0/24 1.1.1.0/24 expires 10m"
	s, faults := read(line, "edge1", []string{"edge1"})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	got, err := commands(t.Context(), newFake(t), s, now)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 {
		t.Fatalf("%d commands: %+v", len(got), got)
	}
	c := got[0]
	if c.Withdraw || c.Attrs.String() != "next-hop self med 5" || c.Expires != now.Add(10*time.Minute).UnixMilli() {
		t.Errorf("%+v", c)
	}
	if diff := cmp.Diff([]netip.Addr{down(), up()}, c.Peers, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Errorf("peers: -want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]state.Key{key("1.1.0.0/24"), key("1.1.1.0/24")}, c.Keys); diff != "" {
		t.Errorf("keys: -want +got:\n%s", diff)
	}
	s, _ = read("withdraw route 1.1.0.0/24 next-hop 1.1.1.1", "edge1", []string{"edge1"})
	if got, err = commands(t.Context(), newFake(t), s, now); err != nil || len(got) != 1 || got[0].Attrs != (state.Attrs{}) || got[0].Peers != nil {
		t.Errorf("a withdraw: %+v, %v", got, err)
	}
}
