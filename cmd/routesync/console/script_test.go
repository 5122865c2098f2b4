package console

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const everything = `# comments and blank lines are left out

announce route 1.1.0.0/24 next-hop 192.168.41.2
+ 1.1.1.0/24 next-hop self expires 2026-12-01T00:00:00Z
withdraw route 10.6.0.0/16
announce route 10.9.0.0/16 next-hop self
withdraw attributes nlri 1.1.0.0/24 1.1.1.0/24 1.1.2.0/24 1.1.3.0/24
- attributes nlri 10.1.0.0/16 10.2.0.0/16 10.3.0.0/16 10.4.0.0/16 10.5.0.0/16
announce route 1.1.0.0/24 next-hop 192.168.41.2 med 98
announce route 1.1.0.0/24 next-hop 192.168.41.2 med 99
neighbor 192.168.41.1 local-as 65001 announce route 1.1.0.0/24 next-hop self
neighbor 192.168.41.1 local-as 65009 announce route 1.1.0.0/24 next-hop self
neighbor 192.168.41.1 router-id 1.1.1.1 withdraw route 1.1.0.0/24
annonce route 1.1.0.0/24
announce route 1.2.3.4/16 next-hop 1.1.1
on edge2 withdraw route 1.1.0.0/24
show advertised 10.0.0.0/8
use edge2
- 1.0.0.0/8
show advertised
show history
show neighbor
use edge1
help use
` + "announce route 1.1.0.0/24 next-hop \x1b[2J\n" + `exit
announce route 9.9.9.0/24 next-hop self
`

// runScript runs a script in a bubble, where its timeout takes no time.
func runScript(t *testing.T, f *fake, s Script, in string) (status Status, stdout, stderr string, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var out, errs strings.Builder
		s.Backend, s.Name, s.Out, s.Err, s.Timeout = f, "stdin", &out, &errs, time.Minute
		f.notices = make(chan Notice)
		status, err = s.Run(t.Context(), strings.NewReader(in))
		stdout, stderr = out.String(), errs.String()
	})
	return status, stdout, stderr, err
}

func TestScript(t *testing.T) {
	t.Parallel()
	status, stdout, stderr, err := runScript(t, newFake(t), Script{}, everything)
	if err != nil {
		t.Fatal(err)
	}
	if status != Refused {
		t.Errorf("status %d", status)
	}
	golden(t, "script.out", stdout)
	golden(t, "script.err", stderr)
}

func TestStrict(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	status, stdout, stderr, err := runScript(t, f, Script{Strict: true}, "use edge2\n+ 1.0.0.0/8 next-hop self\nuse edge9\n\nannounce\ncut")
	if err != nil || status != Refused {
		t.Errorf("status %d, %v", status, err)
	}
	if stdout != "" || len(f.given) > 0 {
		t.Errorf("%d commands were given, and this was said:\n%s", len(f.given), stdout)
	}
	golden(t, "strict.err", stderr)
	if status, _, stderr, _ = runScript(t, f, Script{Strict: true}, "+ 1.0.0.0/8 next-hop self\n"); status != Confirmed || len(f.given) != 1 {
		t.Errorf("a good script: status %d, %d given\n%s", status, len(f.given), stderr)
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		in   string
		want Status
	}{
		{"", Confirmed},
		{"# nothing\n", Confirmed},
		{"  # not even an end of line", Confirmed},
		{"+ 1.0.0.0/8 next-hop self\n", Confirmed},
		{"- 1.0.0.0/8\n", Confirmed},
		{"show peers\n", Confirmed},
		{"+ 1.0.0.0/8 next-hop self med 98\n", Unconfirmed},
		{"+ 1.0.0.0/8 next-hop self med 99\n", Unconfirmed},
		{"- 10.6.0.0/16\n", Refused},
		{"+ 1.0.0.0/8 next-hop self med 99\n- 10.6.0.0/16\n", Refused},
		{"on edge2 - 1.0.0.0/8\n", Refused},
		{"on edge2 show advertised\n", Refused},
		{"anounce\n", Refused},
		{"+ 1.0.0.0/8 next-hop self", Refused}, // it may be cut
	} {
		if got, stdout, stderr, err := runScript(t, newFake(t), Script{}, test.in); got != test.want || err != nil {
			t.Errorf("%q: status %d, want %d, %v\n%s%s", test.in, got, test.want, err, stdout, stderr)
		}
	}
}

func TestRunCommands(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	var out, errs strings.Builder
	s := Script{Options: Options{Timeout: time.Minute}, Backend: f, Name: "-c", Out: &out, Err: &errs}
	status, err := s.RunCommands(t.Context(), []string{"- 1.0.0.0/8", "x"})
	if err != nil || status != Refused {
		t.Errorf("status %d, %v", status, err)
	}
	want := "withdrawn\t1\tedge1\t- 1.0.0.0/8\twithdrawn 1.0.0.0/8 at 192.168.41.1\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
	if want := "-c:2:1: \"x\" is no command"; !strings.HasPrefix(errs.String(), want) {
		t.Errorf("stderr %q", errs.String())
	}
}

// TestOrder: whatever comes together and in whatever order it is answered,
// the speaker gets the commands in their order, and so come the results.
func TestOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 600).Draw(t, "lines")
		f := &fake{notices: make(chan Notice), order: func(n int) []int {
			all := make([]int, n)
			for i := range all {
				all[i] = i
			}
			return rapid.Permutation(all).Draw(t, "order")
		}}
		var in strings.Builder
		var want, given []string
		for i := range n {
			prefix := fmt.Sprintf("1.%d.%d.0/24", i/256, i%256)
			verb, verdict := "announce", "held"
			if rapid.Bool().Draw(t, "withdraw") {
				verb, verdict = "withdraw", "withdrawn"
			}
			fmt.Fprintf(&in, "%s route %s%s\n", verb, prefix, map[string]string{"announce": " next-hop self"}[verb])
			want = append(want, fmt.Sprintf("%s\t%d", verdict, i+1))
			given = append(given, verb+" "+prefix)
		}
		var out strings.Builder
		sizes := rapid.SliceOfN(rapid.IntRange(1, 5000), 1, 5).Draw(t, "reads")
		s := Script{Options: Options{Timeout: time.Minute}, Backend: f, Name: "stdin", Out: &out, Err: io.Discard}
		if status, err := s.Run(context.Background(), &pieces{in.String(), sizes}); status != Confirmed || err != nil {
			t.Fatalf("status %d, %v", status, err)
		}
		var got []string
		for line := range strings.Lines(out.String()) {
			columns := strings.SplitN(line, "\t", 3)
			got = append(got, columns[0]+"\t"+columns[1])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("results: -want +got:\n%s", diff)
		}
		got = nil
		for _, c := range f.given {
			verb := "announce"
			if c.Withdraw {
				verb = "withdraw"
			}
			got = append(got, verb+" "+c.Keys[0].String())
		}
		if diff := cmp.Diff(given, got); diff != "" {
			t.Errorf("given: -want +got:\n%s", diff)
		}
	})
}

// pieces is a reader that gives as many bytes at a time as sizes say in turn.
type pieces struct {
	text  string
	sizes []int
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.text == "" {
		return 0, io.EOF
	}
	n := copy(b, p.text[:min(len(p.text), p.sizes[0])])
	p.text, p.sizes = p.text[n:], append(p.sizes[1:], p.sizes[0])
	return n, nil
}

// TestBatches: what is there at once is given together.
func TestBatches(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	lines := strings.Repeat("- 1.0.0.0/8\n", 1000)
	if status, _, stderr, err := runScript(t, f, Script{}, lines); status != Confirmed || err != nil {
		t.Fatalf("status %d, %v\n%s", status, err, stderr)
	}
	if f.batches > 10 {
		t.Errorf("1000 lines went in %d batches", f.batches)
	}
}

// TestAnswerComesAtOnce: a line is answered before the next one is typed.
func TestAnswerComesAtOnce(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	stdin, theirs := io.Pipe()
	answers, out := io.Pipe()
	s := Script{Options: Options{Timeout: time.Minute}, Backend: f, Name: "stdin", Out: out, Err: io.Discard}
	ended := make(chan error)
	go func() {
		_, err := s.Run(context.Background(), stdin)
		ended <- err
	}()
	buf := make([]byte, 1000)
	for range 3 {
		if _, err := io.WriteString(theirs, "- 1.0.0.0/8\n"); err != nil {
			t.Fatal(err)
		}
		if n, err := answers.Read(buf); err != nil || !strings.HasPrefix(string(buf[:n]), "withdrawn\t") {
			t.Fatalf("%q, %v", buf[:n], err)
		}
	}
	if err := theirs.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestInterrupted: what was given is answered, and nothing more is given.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		f := newFake(t)
		stdin, theirs := io.Pipe()
		var out, errs strings.Builder
		s := Script{Options: Options{Timeout: time.Hour}, Backend: f, Name: "stdin", Out: &out, Err: &errs}
		ended := make(chan error)
		var status Status
		go func() {
			var err error
			status, err = s.Run(ctx, stdin)
			ended <- err
		}()
		if _, err := io.WriteString(theirs, "+ 1.0.0.0/8 next-hop self med 99\n"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		cancel()
		if err := <-ended; err == nil || status != Unconfirmed {
			t.Errorf("status %d, %v", status, err)
		}
		if want := "unconfirmed\t1\tedge1\t+ 1.0.0.0/8 next-hop self med 99\tnot confirmed 1.0.0.0/8: no answer came"; !strings.HasPrefix(out.String(), want) {
			t.Errorf("%q", out.String())
		}
		if err := theirs.Close(); err != nil {
			t.Error(err)
		}
		synctest.Wait()
	})
}

// TestScriptRecv: what comes by itself is there only if asked for, and whole.
func TestScriptRecv(t *testing.T) {
	t.Parallel()
	for _, on := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(t)
			stdin, theirs := io.Pipe()
			var out strings.Builder
			s := Script{Options: Options{Timeout: time.Hour, Recv: on}, Backend: f, Name: "stdin", Out: &out, Err: io.Discard}
			ended := make(chan error)
			go func() {
				_, err := s.Run(t.Context(), stdin)
				ended <- err
			}()
			for i := range 1000 {
				f.notices <- Notice{Speaker: "edge1", Peer: up(), Family: "ipv4 unicast", NLRI: []string{fmt.Sprintf("1.1.%d.%d/32", i/256, i%256)}}
			}
			if err := theirs.Close(); err != nil {
				t.Error(err)
			}
			if err := <-ended; err != nil {
				t.Error(err)
			}
			want := 0
			if on {
				want = 1000
			}
			if got := strings.Count(out.String(), "[recv]announce 1.1."); got != want {
				t.Errorf("--recv %t: %d lines", on, got)
			}
		})
	}
}

// BenchmarkScript is 10,000 lines for a speaker that answers at once.
func BenchmarkScript(b *testing.B) {
	in := strings.Repeat("announce route 192.0.2.0/24 next-hop 192.168.41.2 community [65000:1 65000:2]\n", 10000)
	for b.Loop() {
		s := Script{Options: Options{Timeout: time.Minute}, Backend: &fake{}, Name: "stdin", Out: io.Discard, Err: io.Discard}
		if status, err := s.Run(b.Context(), strings.NewReader(in)); status != Confirmed || err != nil {
			b.Fatal(status, err)
		}
	}
}
