package bridge

import (
	"io"
	"os"
	"strings"
	"testing"
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
