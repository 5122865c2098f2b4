package console

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// tty is a pseudo terminal with somebody at it.
type tty struct {
	t      *testing.T
	master *os.File
	slave  *os.File

	mu   sync.Mutex
	more *sync.Cond
	text string // what is on the screen, and was not expected yet
	gone bool
}

// openTTY opens a terminal that says where its cursor is when it is asked, as
// all do.
func openTTY(t *testing.T) *tty {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo terminals: ", err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80})
	}
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	y := &tty{t: t, master: master, slave: slave}
	y.more = sync.NewCond(&y.mu)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		y.watch()
	}()
	t.Cleanup(func() {
		if err := errors.Join(slave.Close(), master.Close()); err != nil {
			t.Error(err)
		}
		<-watched
	})
	return y
}

func (y *tty) watch() {
	buf := make([]byte, 4096)
	for {
		n, err := y.master.Read(buf)
		y.mu.Lock()
		y.text += string(buf[:n])
		y.gone = err != nil
		y.more.Broadcast()
		y.mu.Unlock()
		if err != nil {
			return
		}
		for range bytes.Count(buf[:n], []byte("\x1b[6n")) {
			if _, err := y.master.WriteString("\x1b[1;1R"); err != nil {
				return
			}
		}
	}
}

// expect waits until the text is on the screen, behind what was expected
// before, and returns what was between them.
func (y *tty) expect(text string) string {
	y.t.Helper()
	tooLong := time.AfterFunc(20*time.Second, func() {
		y.mu.Lock()
		defer y.mu.Unlock()
		y.gone = true
		y.more.Broadcast()
	})
	defer tooLong.Stop()
	y.mu.Lock()
	defer y.mu.Unlock()
	for {
		if between, rest, ok := strings.Cut(y.text, text); ok {
			y.text = rest
			return between
		}
		if y.gone {
			y.t.Fatalf("%q is not on the screen, but this:\n%q", text, y.text)
		}
		y.more.Wait()
	}
}

func (y *tty) typeIn(keys string) {
	y.t.Helper()
	if _, err := y.master.WriteString(keys); err != nil {
		y.t.Fatal(err)
	}
}

// prompted starts a prompt at a terminal.
func prompted(ctx context.Context, y *tty, f *fake, timeout time.Duration, history string) <-chan error {
	ctx, cancel := context.WithCancel(ctx)
	ended, gone := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(gone)
		ended <- Prompt{
			Options: Options{Timeout: timeout, Recv: true}, Backend: f, In: y.slave, Out: y.slave,
			History: history, Pager: "sed s/^/paged:/",
		}.Run(ctx)
	}()
	y.t.Cleanup(func() { cancel(); <-gone })
	return ended
}

func TestPrompt(t *testing.T) {
	t.Parallel()
	y, f := openTTY(t), newFake(t)
	for i := range 40 { // more than fits on the screen
		f.recv = append(f.recv, Received{Peer: up(), Family: "ipv4 unicast", NLRI: fmt.Sprintf("10.0.%d.0/24", i)})
	}
	history := filepath.Join(t.TempDir(), "history")
	ended := prompted(t.Context(), y, f, time.Minute, history)
	y.expect("edge1> ")
	y.typeIn("withdraw route 10.6")
	y.expect("10.6")
	f.notices <- Notice{Speaker: "edge1", Peer: up(), Family: "ipv4 unicast", NLRI: []string{"192.168.41.4/32"}}
	y.expect("[recv]announce 192.168.41.4/32\r\n")
	y.expect("edge1> \x1b[0Kwithdraw route 10.6") // it is still there, below
	y.typeIn(".0.0/16\r")
	y.expect("refused 10.6.0.0/16 at 192.168.41.1, 192.0.2.1: kept by owner edge-team: routes.yaml:12:5 (watch on noc1, pid 42); it would come back")
	y.typeIn("announce route 1.2.3.4/16\r")
	y.expect("error: prefix 1.2.3.4/16 has host bits set\r\n  announce route 1.2.3.4/16\r\n                 ^")
	y.typeIn("show received\r")
	y.expect("paged:PEER")
	y.expect("paged:44 routes")
	y.typeIn("recv off\r")
	y.expect("recv off")
	y.typeIn("show peers\r")
	y.expect("\n2 peers")
	f.notices <- Notice{Speaker: "edge1", Peer: up(), NLRI: []string{"192.168.41.5/32"}}
	f.notices <- Notice{Speaker: "edge1", Text: "session 192.168.41.1 up"}
	if between := y.expect("-- session 192.168.41.1 up"); strings.Contains(between, "[recv]") {
		t.Errorf("recv is off: %q", between)
	}
	y.typeIn("use edge2\r")
	y.expect("edge2> ")
	y.typeIn("- 1.0.0.0/8\r")
	y.expect("error: no bridge answers for speaker edge2")
	y.typeIn("on edge1 + 1.0.0.0/8 next-hop self\r")
	y.expect("edge1: announced 1.0.0.0/8: sent to 192.168.41.1")
	y.typeIn("show hist\r")
	y.expect("edge1> withdraw route 10.6.0.0/16\r\n  refused 10.6.0.0/16 at ")
	y.expect("edge2> - 1.0.0.0/8\r\n  failed: no bridge answers")
	y.expect("\n3 commands")
	y.typeIn("something\x03")
	y.expect("^C\r\n")
	if between := y.expect("edge2> "); strings.Contains(between, "again") {
		t.Errorf("a ^C on a line that is not empty: %q", between)
	}
	y.typeIn("\x03")
	y.expect("^C again leaves")
	y.typeIn("\x03")
	if err := <-ended; err != nil {
		t.Error(err)
	}
	got, err := os.ReadFile(history)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(got), "withdraw route 10.6.0.0/16\nannounce route 1.2.3.4/16\nshow received\n") {
		t.Errorf("history: %q", got)
	}
	// The next one remembers.
	y = openTTY(t)
	ended = prompted(t.Context(), y, f, time.Minute, history)
	y.expect("edge1> ")
	y.typeIn("\x1210.6")
	y.expect("bck-i-search: 10.6")
	y.typeIn("\r")
	y.expect("refused 10.6.0.0/16")
	y.typeIn("exit\r")
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestPromptEnds: whatever it waits for, it ends with its context, and the
// terminal is as it was.
func TestPromptEnds(t *testing.T) {
	t.Parallel()
	y, f := openTTY(t), newFake(t)
	before, err := unix.IoctlGetTermios(int(y.slave.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := prompted(ctx, y, f, time.Minute, "")
	y.expect("edge1> ")
	y.typeIn("+ 1.0.0.0/8 next-hop self med 99\r") // is never answered
	y.expect("waiting for the bridge ...")
	y.typeIn("half a li")
	y.expect("half a li")
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	after, err := unix.IoctlGetTermios(int(y.slave.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	if *before != *after {
		t.Errorf("the terminal was %+v, and is %+v", *before, *after)
	}
}

// TestPromptWaitsAtTheEnd: to leave does not drop an answer.
func TestPromptWaitsAtTheEnd(t *testing.T) {
	t.Parallel()
	y, f := openTTY(t), newFake(t)
	ended := prompted(t.Context(), y, f, 5*time.Second, "")
	y.expect("edge1> ")
	y.typeIn("+ 1.0.0.0/8 next-hop self med 99\r\x04")
	y.expect("waiting for 1 answer")
	y.expect("not confirmed 1.0.0.0/8")
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestPromptAnswersInOrder: answers come in the order of the commands, and of
// several that are open each says what it is about.
func TestPromptAnswersInOrder(t *testing.T) {
	t.Parallel()
	y, f := openTTY(t), newFake(t)
	f.first, f.gave = make(chan struct{}), make(chan struct{}, 10)
	ended := prompted(t.Context(), y, f, time.Minute, "")
	y.expect("edge1> ")
	y.typeIn("- 1.1.0.0/24\r+ 1.1.0.0/24 next-hop self\ron edge2 - 1.1.0.0/24\r- 1.2.0.0/24\r")
	y.expect("- 1.2.0.0/24")
	for range 3 {
		<-f.gave
	}
	close(f.first)
	y.expect("> - 1.1.0.0/24\r\n  withdrawn 1.1.0.0/24 at ")
	y.expect("> + 1.1.0.0/24 next-hop self\r\n  announced 1.1.0.0/24: sent to ")
	y.expect("edge2: > on edge2 - 1.1.0.0/24\r\nedge2:   error: no bridge answers")
	y.expect("> - 1.2.0.0/24\r\n  withdrawn 1.2.0.0/24 at ")
	y.typeIn("- 1.3.0.0/24\r")
	y.expect("\x1b[Jwithdrawn 1.3.0.0/24 at ") // alone it is plain what it is about
	y.typeIn("exit\r")
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestPromptPassesTheLate: an answer that does not come holds up the others no
// longer than until that is said.
func TestPromptPassesTheLate(t *testing.T) {
	t.Parallel()
	y, f := openTTY(t), newFake(t)
	f.first = make(chan struct{})
	ended := prompted(t.Context(), y, f, time.Minute, "")
	y.expect("edge1> ")
	y.typeIn("- 1.1.0.0/24\r- 1.2.0.0/24\r")
	if between := y.expect("waiting for the bridge ..."); strings.Contains(between, "withdrawn") {
		t.Errorf("an answer before its turn: %q", between)
	}
	y.expect("> - 1.2.0.0/24\r\n  withdrawn 1.2.0.0/24 at ")
	close(f.first)
	y.expect("> - 1.1.0.0/24\r\n  withdrawn 1.1.0.0/24 at ")
	y.typeIn("exit\r")
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
