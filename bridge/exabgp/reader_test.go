package exabgp

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const (
	sentHead = `{ "exabgp": "4.0.1", "time": 1795658988.2114873, "host" : "vm", "pid" : 26544, "ppid" : 1, "counter": %d, "type": "update", ` +
		`"neighbor": { "address": { "local": "127.0.5.1", "peer": "127.0.5.2" }, "asn": { "local": 65000, "peer": 65001 } , "direction": "send", "message": { "update": { `
	sentAttributes = `"attribute": { "origin": "igp", "as-path": [ 65000 ], "confederation-path": [], "community": [ [ 65000, 1 ] ] }`
	sentTail       = ` } } } }`
)

// sentEvent is the event of an UPDATE of so many prefixes.
func sentEvent(counter, prefixes int) string {
	var b strings.Builder
	fmt.Fprintf(&b, sentHead+sentAttributes+`, "announce": { "ipv4 unicast": { "192.0.2.1": [ `, counter)
	for i := range prefixes {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, `{ "nlri": "100.%d.%d.%d/30" }`, i>>14&255, i>>6&255, i<<2&255)
	}
	b.WriteString(` ] } }` + sentTail)
	return b.String()
}

// sameAsSlow fails the test unless a Reader reads a line as ParseLine does, when
// it is new to it and when it is not.
func sameAsSlow(t interface{ Errorf(string, ...any) }, line string) {
	var r Reader
	want := ParseLine(line)
	for range 2 {
		if got := r.Line(line); !reflect.DeepEqual(got, want) {
			t.Errorf("%q:\n got %+v\nwant %+v", line, got, want)
		}
	}
}

func TestReaderReadsWhatParseLineReads(t *testing.T) {
	for _, name := range []string{"lines.txt", "families.txt"} {
		for _, line := range recorded(t, name) {
			sameAsSlow(t, line)
		}
	}
	for _, release := range []string{"5.0.13", "6.0.0"} {
		for _, name := range []string{"lines.txt", "received.txt"} {
			for _, line := range listed(t, release, name) {
				sameAsSlow(t, line)
			}
		}
	}
	head := fmt.Sprintf(sentHead, 5)
	one := `"announce": { "ipv4 unicast": { "192.0.2.1": [ { "nlri": "10.0.0.0/8" } ] } }`
	for _, update := range []string{
		sentAttributes + `, ` + one,
		sentAttributes + `, "announce": { "ipv4 unicast": { "192.0.2.1": [ "#0" ] } }`,
		one + `, "withdraw": { "ipv4 unicast": [ { "nlri": "10.1.0.0/16" }, { "nlri": "10.2.0.0/16" } ], "ipv6 unicast": [ { "nlri": "2001:db8::/32" } ] }`,
		one + `, "announce": { "ipv4 unicast": { "192.0.2.2": [ { "nlri": "10.1.0.0/16" } ] } }`,
		`"announce": { "ipv4 unicast": { "192.0.2.1": [ { "nlri": "10.0.0.0/8" } ], "192.0.2.1": [ { "nlri": "10.1.0.0/16" } ] } }`,
		`"announce": { "ipv4 unicast": { "192.0.2.1": [ { "nlri": "10.0.0.0/8" }, { "nlri": "10.0.0.1/8" } ] } }`,
		`"announce": { "ipv4 unicast": { "192.0.2.1": [ { "nlri": "10.0.0.0/8" }, { "nlri": "10.1.0.0/16", "path-information": "1.2.3.4" } ] } }`,
		`"announce": { "ipv4 unicast": { "192.0.2.1": [ { "nlri": "224.0.0.0/8" } ] } }`,
		`"announce": { "ipv6 unicast": { "192.0.2.1": [ { "nlri": "10.0.0.0/8" } ] } }`,
		`"announce": { "ipv6 unicast": { "2001:db8::1": [ { "nlri": "::ffff:10.0.0.0/104" } ] } }`,
		`"announce": { "ipv4 mpls-vpn": { "192.0.2.1": [ { "nlri": "10.0.0.0/8" } ] } }`,
		`"announce": { "ipv9 unicast": { "192.0.2.1": [ { "nlri": "10.0.0.0/8" } ] } }, "withdraw": { "ipv4 unicast": [ { "nlri": "10.1.0.0/16" } ] }`,
		`"attribute": { "origin": "igp", "community": [ { "nlri": "10.0.0.0/8" } ] }, ` + one,
		`"announce": { "ipv4 unicast": { "192.0.2.1": [ { "nlri": "10.0.0.0/8", "x": [ { "nlri": "10.0.0.0/8" } ] } ] } }`,
		`"announce": { "ipv4 unicast": { "192.0.2.1": [ { "nlri": "010.0.0.0/8" } ] } }`,
		`"announce": { "ipv4 unicast": { "192.0.2.1": [ { "nlri": "10.0.0/8" } ] } }`,
		`"announce": { "ipv4 unicast": { "192.0.2.1": [ { "nlri": "10.0.0.0/33" } ] } }`,
		`"announce": { "ipv4 unicast": { "192.0.2.1": [ { "nlri": "10.0.0.0/08" } ] } }`,
		`"announce": { "ipv4 unicast": { "192.0.2.1": [ { "nlri": "1000.0.0.0/8" } ] } }`,
		`"announce": { "ipv4 unicast": { "192.0.2.1": [ { "nlri": "0.0.0.0/0" } ] } }`,
		`"announce": { "ipv4 unicast": { "192.0.2.1": [ { "nlri": "10.0.0.0/8" }, ] } }`,
		`"announce": { "ipv4 unicast": { "192.0.2.1": [ { "nlri": "10.0.0.0/8" } `,
		`"eor": { "afi": "ipv4", "safi": "unicast" }, ` + one,
	} {
		sameAsSlow(t, head+update+sentTail)
	}
	for _, counter := range []string{"05", "-1", "1e3", "99999999999999999999", `"5"`, ""} {
		sameAsSlow(t, strings.Replace(head, `"counter": 5`, `"counter": `+counter, 1)+one+sentTail)
	}
	sameAsSlow(t, strings.Replace(head, `"vm"`, `"x, \"counter\": 5, \"time\": 7"`, 1)+one+sentTail)
	sameAsSlow(t, strings.Replace(head, `"type"`, `"counter": 9, "type"`, 1)+one+sentTail)
	sameAsSlow(t, strings.Replace(head, `"send"`, `"receive"`, 1)+one+sentTail)
}

// TestReaderKeepsNothingOfOtherPrefixes: what one event is read into is not
// touched by the next one that is like it.
func TestReaderKeepsNothingOfOtherPrefixes(t *testing.T) {
	var r Reader
	rapid.Check(t, func(rt *rapid.T) {
		var lines []string
		var got []Line
		for range rapid.IntRange(1, 5).Draw(rt, "events") {
			line := sentEvent(rapid.IntRange(0, 1<<30).Draw(rt, "counter"), rapid.IntRange(1, 40).Draw(rt, "prefixes"))
			if rapid.Bool().Draw(rt, "spoilt") {
				at := rapid.IntRange(0, len(line)-1).Draw(rt, "at")
				line = line[:at] + rapid.SampledFrom([]string{"", `"`, "7", ",", "]", "}", "/", "."}).Draw(rt, "with") + line[at+1:]
			}
			lines, got = append(lines, line), append(got, r.Line(line))
		}
		for i, line := range lines {
			if want := ParseLine(line); !reflect.DeepEqual(got[i], want) {
				rt.Errorf("%q:\n got %+v\nwant %+v", line, got[i], want)
			}
		}
	})
}

func TestReaderReadsPlainPrefixesFast(t *testing.T) {
	var r Reader
	line := sentEvent(1, 500)
	if _, ok := r.sent(line); !ok {
		t.Fatal("the event of a plain UPDATE is read slowly")
	}
	if n := testing.AllocsPerRun(20, func() { r.Line(line) }); n > 20 {
		t.Errorf("%g allocations for 500 prefixes", n)
	}
}

func FuzzReader(f *testing.F) {
	seeds(f, "lines.txt")
	seeds(f, "families.txt")
	seedsOf(f, "lines.txt")
	f.Add(sentEvent(1, 3))
	f.Fuzz(func(t *testing.T, line string) { sameAsSlow(t, line) })
}

func BenchmarkLine(b *testing.B) {
	for _, prefixes := range []int{1, 1000} {
		line := sentEvent(1, prefixes)
		b.Run(fmt.Sprintf("prefixes=%d/reader", prefixes), func(b *testing.B) {
			var r Reader
			b.SetBytes(int64(len(line)))
			b.ReportAllocs()
			for range b.N {
				r.Line(line)
			}
		})
		b.Run(fmt.Sprintf("prefixes=%d/slow", prefixes), func(b *testing.B) {
			b.SetBytes(int64(len(line)))
			b.ReportAllocs()
			for range b.N {
				ParseLine(line)
			}
		})
	}
}
