package console

import (
	"context"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

func seeds() []string {
	return []string{
		"", " ", "show", "show advertised 10.0.0.0/8 longer peer 192.0.2.1 owner x family ipv4 unicast match y",
		"on edge2 on edge1 withdraw route 1.0.0.0/8", "use edge1", "on  edge2\t+ 1.0.0.0/8 next-hop self expires 10m",
		"announce attributes next-hop self community [no-export] nlri 1.0.0.0/8 2.0.0.0/8", "neighbor 192.0.2.1 announce",
		"é \x1b[2J \xff show", "help announce", "recv on", "exit", "?", "- 1.0.0.0/33", "withdraw route 1.0.0.1/8 # x",
	}
}

// FuzzRead: any line is taken or has faults, whose columns are on the line; and
// what is said of them can't act on the terminal.
func FuzzRead(f *testing.F) {
	for _, s := range seeds() {
		f.Add(s)
	}
	speakers := []string{"edge1", "edge2"}
	f.Fuzz(func(t *testing.T, line string) {
		if comment(line) || strings.ContainsAny(line, "\r\n") {
			return
		}
		s, faults := read(line, "edge1", speakers)
		for _, fault := range faults {
			if n := utf8.RuneCountInString(line); fault.Column < 1 || fault.Column > n+1 {
				t.Errorf("column %d of %d: %s", fault.Column, n, fault.Msg)
			}
		}
		if len(faults) == 0 && s.verb == verbGive {
			for _, o := range s.orders {
				if len(o.Routes) == 0 {
					t.Error("an order without routes")
				}
			}
		}
		if strings.ToValidUTF8(line, "") == line {
			printable(t, pointOut(line, faults))
		}
	})
}

// FuzzComplete: every word that is offered goes on where the line ends.
func FuzzComplete(f *testing.F) {
	for _, s := range seeds() {
		f.Add(s)
	}
	k := known{peers: []string{"192.0.2.1"}, owners: []string{"console"}, byHand: []string{"1.1.0.0/24"}}
	f.Fuzz(func(t *testing.T, line string) {
		words, typed := complete(line, []string{"edge1", "edge2"}, k)
		if !strings.HasSuffix(line, typed) {
			t.Errorf("%q is not at the end", typed)
		}
		for _, w := range words {
			if !strings.HasPrefix(w, typed) {
				t.Errorf("%q does not begin with %q", w, typed)
			}
		}
	})
}

// FuzzChunks: no line is lost, joined or cut, in whatever pieces it comes.
func FuzzChunks(f *testing.F) {
	for _, s := range []string{"", "a", "a\n", "a\r\nb", "\n\n", "a\n#", strings.Repeat("x", 70000) + "\ny\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, in := range []func() chan chunk{
			func() chan chunk {
				to := make(chan chunk)
				go readChunks(context.Background(), strings.NewReader(text), to)
				return to
			},
			func() chan chunk {
				to := make(chan chunk)
				go readChunks(context.Background(), iotest.OneByteReader(strings.NewReader(text)), to)
				return to
			},
		} {
			want := strings.Split(text, "\n")
			cut := want[len(want)-1]
			want = want[:len(want)-1]
			number, gotCut := 1, ""
			for c := range in() {
				if c.err != nil {
					t.Fatal(c.err)
				}
				if c.first != number {
					t.Errorf("a chunk begins at line %d, want %d", c.first, number)
				}
				for _, line := range c.lines {
					if number > len(want) || line != strings.TrimRight(want[number-1], "\r") {
						t.Fatalf("line %d is %q", number, line)
					}
					number++
				}
				gotCut += c.cut
			}
			if number != len(want)+1 {
				t.Errorf("%d lines of %d", number-1, len(want))
			}
			if comment(cut) {
				cut = ""
			}
			if gotCut != strings.TrimRight(cut, "\r") {
				t.Errorf("cut %q, want %q", gotCut, cut)
			}
		}
	})
}
