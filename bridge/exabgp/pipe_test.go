package exabgp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// log is a writer that keeps each write.
type log struct {
	mu     sync.Mutex
	writes []string
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writes = append(l.writes, string(b))
	return len(b), nil
}

func (l *log) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.writes
	l.writes = nil
	return w
}

// start runs a pipe until stop, which returns what Run returned.
func start(w io.Writer) (p *Pipe, stdin *io.PipeWriter, stop func() error) {
	r, stdin := io.Pipe()
	p = NewPipe(r, w)
	end := make(chan error, 1)
	go func() { end <- p.Run(context.Background()) }()
	return p, stdin, func() error {
		stdin.Close()
		return <-end
	}
}

func TestPipeReadsWithoutAnybodyTaking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, stdin, stop := start(&log{})
		long := strings.Repeat("x", 1<<20)
		var want []string
		for i := range 1000 {
			want = append(want, strings.Repeat("y", i))
		}
		want = append(want, long, "last")
		_, _ = io.WriteString(stdin, strings.Join(want, "\n")+"\nhalf")
		synctest.Wait()
		<-p.Ready()
		if got := p.Take(); !slices.Equal(got, want) {
			t.Errorf("%d lines, want %d", len(got), len(want))
		}
		_, _ = io.WriteString(stdin, " and half\n")
		synctest.Wait()
		<-p.Ready()
		if got := p.Take(); !slices.Equal(got, []string{"half and half"}) {
			t.Errorf("got %q", got)
		}
		if err := stop(); !errors.Is(err, io.EOF) {
			t.Errorf("run: %v", err)
		}
	})
}

func TestPipeWritesWholeLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out log
		p, _, stop := start(&out)
		line := strings.Repeat("z", 1500)
		p.Write(line, line, line, strings.Repeat("w", 9000), "end")
		synctest.Wait()
		var sizes []int
		for _, w := range out.take() {
			if !strings.HasSuffix(w, "\n") {
				t.Errorf("a write ends with %q", w[len(w)-1])
			}
			sizes = append(sizes, len(w))
		}
		if want := []int{3002, 1501, 9001, 4}; !slices.Equal(sizes, want) {
			t.Errorf("writes of %v bytes, want %v", sizes, want)
		}
		_ = stop()
	})
}

func TestPipeKeepsExaBGPAwakeOnlyWhileOwed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out log
		p, _, stop := start(&out)
		blanks := func(d time.Duration) int {
			out.take()
			time.Sleep(d)
			synctest.Wait()
			return strings.Count(strings.Join(out.take(), ""), " ")
		}
		if n := blanks(time.Second); n != 0 {
			t.Errorf("%d blanks when nothing is owed", n)
		}
		p.Awake(3)
		if n := blanks(time.Second); n < 900 || n > 2100 {
			t.Errorf("%d blanks in a second", n)
		}
		if n := blanks(3 * time.Minute); n > maxAwake {
			t.Errorf("%d blanks without a newline", n)
		}
		p.Write("command")
		if n := blanks(time.Second); n < 900 {
			t.Errorf("%d blanks after a newline", n)
		}
		p.Awake(0)
		if n := blanks(time.Hour); n > 1 {
			t.Errorf("%d blanks after the last answer", n)
		}
		_ = stop()
	})
}

func TestPipeEnds(t *testing.T) {
	broken := errors.New("broken")
	p := NewPipe(iotestBlock{}, writerFunc(func([]byte) (int, error) { return 0, broken }))
	p.Write("x")
	if err := p.Run(context.Background()); !errors.Is(err, broken) {
		t.Errorf("run: %v", err)
	}
	p = NewPipe(bytes.NewReader(bytes.Repeat([]byte("x"), maxInput+1<<20)), io.Discard)
	if err := p.Run(context.Background()); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("a line without end: %v", err)
	}
}

// iotestBlock is a stdin that says nothing for a while and then ends.
type iotestBlock struct{}

func (iotestBlock) Read([]byte) (int, error) {
	time.Sleep(50 * time.Millisecond)
	return 0, io.EOF
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// TestPipeHasAnEnd: what nobody takes does not grow for ever.
func TestPipeHasAnEnd(t *testing.T) {
	p := NewPipe(strings.NewReader(strings.Repeat("done\n", 1000)), io.Discard)
	p.most = 100
	if err := p.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "nobody takes them") {
		t.Error(err)
	}
}
