package rig

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// roleEnv makes the test program a lab that somebody else may kill.
const roleEnv = "ROUTESYNC_RIG_TEST_ROLE"

func TestMain(m *testing.M) {
	KeeperMain()
	switch role := os.Getenv(roleEnv); role {
	case "":
		goleak.VerifyTestMain(m)
	case "helper":
		playHelper()
	default:
		if err := playRole(role); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// playHelper is exaBGP's helper: it says what the file in its first argument
// holds, then what comes over the pipe in its second, and ends with its input.
func playHelper() {
	first, err := os.ReadFile(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(string(first))
	go func() {
		pipe, err := os.OpenFile(os.Args[2], os.O_RDWR, 0) // also the writer, so that it never ends
		if err == nil {
			_, err = io.Copy(os.Stdout, pipe)
		}
		fmt.Fprintln(os.Stderr, err)
	}()
	_, _ = io.Copy(os.Stderr, os.Stdin) // the speaker's log gets it; its end is the end
}

// playRole starts a lab, prints "ready" with its folder, and stays until it
// is killed.
func playRole(role string) error {
	ctx := context.Background()
	l, err := New(ctx, Options{Dir: os.Getenv(roleEnv + "_DIR")})
	if err != nil {
		return err
	}
	if err := roles[role](ctx, l); err != nil {
		return err
	}
	fmt.Println("ready", l.Dir())
	select {}
}

var roles = map[string]func(context.Context, *Lab) error{
	"tree": func(ctx context.Context, l *Lab) error {
		_, err := startTree(ctx, l)
		return err
	},
	"everything": startEverything,
}

// startEverything starts one of each, as the tests of the real parts need it.
func startEverything(ctx context.Context, l *Lab) error {
	if _, err := l.Broker(ctx); err != nil {
		return err
	}
	r, err := l.Router(ctx, RouterOptions{Address: netip.MustParseAddr("127.0.0.2"), AS: 65001, PeerAS: 65000})
	if err != nil {
		return err
	}
	// A helper that takes no notice of the end of its input.
	run := filepath.Join(l.Dir(), "helper")
	if err := os.WriteFile(run, []byte("#!/bin/sh\ntrap '' TERM INT HUP PIPE\nwhile :; do sleep 1005; done\n"), 0o755); err != nil {
		return err
	}
	if _, err := l.Speaker(ctx, SpeakerOptions{LocalAS: 65000, Neighbors: []Neighbor{r.Neighbor()}, Run: []string{run}}); err != nil {
		return err
	}
	if _, err := l.Terminal(ctx, "", l.Dir(), nil, run); err != nil {
		return err
	}
	return r.WaitEstablished(ctx)
}

// tree leaves a daemon that gave up its parent and its session, one that
// ignores what can be ignored, and a stopped one.
const tree = `trap '' TERM INT HUP
setsid sleep 1001 &
(sh -c 'trap "" TERM INT HUP; sleep 1002; sleep 1002' &)
sh -c 'kill -STOP $$; sleep 1003' &
echo grown
sleep 1004
sleep 1004`

func startTree(ctx context.Context, l *Lab) (*process, error) {
	p, err := l.spawn(ctx, spec{
		name: "tree", argv: []string{"/bin/sh", "-c", tree}, dir: l.Dir(), log: filepath.Join(l.Dir(), "tree.log"),
	})
	if err != nil {
		return nil, err
	}
	return p, p.until(ctx, "it had grown", func() (bool, error) {
		text, err := p.wrote()
		table, tableErr := processTable()
		return err == nil && tableErr == nil && strings.Contains(text, "grown") &&
			len(table.descendants(p.keeper.Process.Pid)) >= 6, err
	})
}

// below lists pid and what lives under it now.
func below(t *testing.T, pid int) []int {
	t.Helper()
	table, err := processTable()
	if err != nil {
		t.Fatal(err)
	}
	return append([]int{pid}, table.descendants(pid)...)
}

// waitDead fails the test if one of the processes does not end.
func waitDead(t *testing.T, pids []int) {
	t.Helper()
	ctx := within(t, 10*time.Second)
	beat := time.NewTicker(pollEvery)
	defer beat.Stop()
	for {
		table, err := processTable()
		if err != nil {
			t.Fatal(err)
		}
		alive := map[int]string{}
		for _, pid := range pids {
			if _, ok := table[pid]; ok {
				alive[pid] = commandLine(pid)
			}
		}
		if len(alive) == 0 {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("still alive: %v", alive)
		case <-beat.C:
		}
	}
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func newLab(t *testing.T) *Lab {
	t.Helper()
	l, err := New(t.Context(), Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(l.Dir()); !os.IsNotExist(err) {
			t.Errorf("the folder is still there: %v", err)
		}
	})
	return l
}

// killLab runs this program in a role, kills it with SIGKILL once it is
// ready, and waits until nothing that it had started lives.
func killLab(t *testing.T, role string) []int {
	t.Helper()
	// A killed lab cannot remove its folder. This one is short enough for
	// sockets, so that there is no second one elsewhere.
	dir, err := os.MkdirTemp("", "rig-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	lab := exec.Command("/proc/self/exe")
	lab.Env = append(os.Environ(), roleEnv+"="+role, roleEnv+"_DIR="+dir)
	lab.Stderr = os.Stderr
	out, err := lab.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := lab.Start(); err != nil {
		t.Fatal(err)
	}
	line, readErr := bufio.NewReader(out).ReadString('\n')
	pids := below(t, lab.Process.Pid)
	if err := lab.Process.Signal(unix.SIGKILL); err != nil {
		t.Error(err)
	}
	_ = lab.Wait() // killed, as asked
	if readErr != nil {
		t.Fatalf("the lab said %q: %v", line, readErr)
	}
	waitDead(t, pids)
	return pids
}
