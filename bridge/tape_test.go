package bridge

import (
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// shared is a slate's memory, and a pipe to read from: the tape of each call is of
// another bridge.
func shared(t *testing.T) (next func() *Tape, stdin *os.File) {
	t.Helper()
	slate, err := NewSlate()
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slate.Close(); r.Close(); w.Close() })
	return func() *Tape {
		tape, err := slate.Tape(r)
		if err != nil {
			t.Fatal(err)
		}
		return tape
	}, w
}

func says(t *testing.T, w *os.File, tape *Tape, text string) {
	t.Helper()
	go w.WriteString(text) // a pipe has no room for much
	b := make([]byte, len(text))
	if _, err := io.ReadFull(tape, b); err != nil || string(b) != text {
		t.Fatalf("read %q, %v", b, err)
	}
}

// TestTape: the next bridge has what the one before had read and did not know yet,
// all of it and nothing twice.
func TestTape(t *testing.T) {
	next, w := shared(t)
	tape := next()
	_, at := tape.since(tapePlace{})
	says(t, w, tape, "one\ntwo\n")
	at.offset += 4
	if p := tape.known(at); p != at {
		t.Error("it is begun anew, and not all is known")
	}
	says(t, w, tape, "thr")

	tape = next()
	says(t, w, tape, "ee\n") // before it is asked for what was read before
	text, end := tape.since(at)
	if string(text) != "two\nthr" || end.offset != 11 {
		t.Errorf("%q, %v", text, end)
	}
	anew := tape.known(tapePlace{end.epoch, 14})
	if anew.epoch != end.epoch+1 || anew.offset != 0 {
		t.Errorf("it goes on at %v", anew)
	}
	says(t, w, tape, "four\n")

	tape = next()
	for _, before := range []tapePlace{{end.epoch, 14}, anew} { // the journal may not have been told
		if text, _ := tape.since(before); string(text) != "four\n" {
			t.Errorf("since %v: %q", before, text)
		}
	}
	for _, other := range []tapePlace{{7, 0}, {anew.epoch, 6}} {
		if text, _ := tape.since(other); text != nil {
			t.Errorf("since %v: %q", other, text)
		}
	}
}

// TestTapeIsFull: what does not go on it is read all the same, and it is used again
// once all is known.
func TestTapeIsFull(t *testing.T) {
	next, w := shared(t)
	tape := next()
	_, at := tape.since(tapePlace{})
	much := strings.Repeat("x", 1<<20)
	for range 17 {
		says(t, w, tape, much)
		at.offset += 1 << 20
	}
	if text, _ := next().since(tapePlace{}); text != nil {
		t.Errorf("%d bytes are there", len(text))
	}
	at = tape.known(at)
	says(t, w, tape, "again\n")
	if text, _ := next().since(at); string(text) != "again\n" {
		t.Errorf("%d bytes are there", len(text))
	}
}

// TestTapeIsInterrupted: a signal, as the runtime sends its own threads, ends the
// wait for exaBGP, and there is nothing to read then. Who begins the tape anew must
// not wait until there is: exaBGP may have nothing to say before it is told something.
func TestTapeIsInterrupted(t *testing.T) {
	next, w := shared(t)
	tape := next()
	if err := unix.SetNonblock(int(tape.stdin.Fd()), false); err != nil { // as exaBGP's are
		t.Fatal(err)
	}
	thread, read := make(chan int, 1), make(chan string, 1)
	go func() {
		runtime.LockOSThread()
		thread <- unix.Gettid()
		b := make([]byte, 10)
		n, _ := tape.Read(b)
		read <- string(b[:n])
	}()
	waiting := <-thread
	for end := time.Now().Add(100 * time.Millisecond); time.Now().Before(end); {
		if err := unix.Tgkill(unix.Getpid(), waiting, unix.SIGURG); err != nil {
			t.Fatal(err)
		}
		known := make(chan struct{})
		go func() { tape.known(tapePlace{}); close(known) }()
		select {
		case <-known:
		case <-time.After(5 * time.Second):
			w.WriteString("at last\n") // else the pipe can't be closed
			t.Fatal("the tape can't be begun anew while exaBGP says nothing")
		}
	}
	if _, err := w.WriteString("one\n"); err != nil {
		t.Fatal(err)
	}
	if text := <-read; text != "one\n" {
		t.Errorf("read %q", text)
	}
}
