package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"
)

// checked runs the tests and then looks for goroutines that they left.
type checked struct{ *testing.M }

func (c checked) Run() int {
	code := c.M.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func TestMain(m *testing.M) {
	testscript.Main(checked{m}, map[string]func(){"routesync": main})
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits,
		},
		Setup: func(env *testscript.Env) error {
			addr, err := closedPort()
			env.Setenv("CLOSED", addr)
			env.Setenv("GORACE", "atexit_sleep_ms=0")
			return err
		},
	})
}

// exits is "exits CODE PROGRAM ARGUMENT...", which has to end with that code.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARGUMENT...]")
	}
	code, ended := 0, (*exec.ExitError)(nil)
	switch err := ts.Exec(args[1], args[2:]...); {
	case errors.As(err, &ended):
		code = ended.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("it ends with %d, not with %s", code, args[0])
	}
}

// closedPort is an address where nobody listens.
func closedPort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// told is all that a run says.
type told struct {
	code           int
	stdout, stderr string
}

// locked is a buffer for several goroutines.
type locked struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func start(t *testing.T, env map[string]string, stdin io.Reader, args ...string) told {
	t.Helper()
	var stdout, stderr locked // a bridge that ends can leave a write behind
	code := run(context.Background(), args, func(k string) string { return env[k] }, stdin, &stdout, &stderr)
	return told{code, stdout.String(), stderr.String()}
}

const goodFile = `version: 1
owner: edge-team
speakers: [edge1, edge2]
defaults: { next-hop: 192.0.2.1 }
routes:
  - prefix: 10.6.0.0/16
  - prefix: 1.1.0.0/24
    med: 10
`

func TestRun(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "routes.yaml")
	if err := os.WriteFile(file, []byte(goodFile), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		env   map[string]string
		stdin string
		args  []string
		want  told
	}{
		{
			name: "a good file", args: []string{"validate", "-f", file},
			want: told{stdout: file + ": ok: owner edge-team, 2 routes for edge1, edge2\n"},
		},
		{
			name: "a good file on stdin", args: []string{"validate", "-f", "-"}, stdin: goodFile,
			want: told{stdout: "stdin: ok: owner edge-team, 2 routes for edge1, edge2\n"},
		},
		{
			name: "a file with a fault", args: []string{"validate", "-f", "-"}, stdin: strings.ReplaceAll(goodFile, "10.6.0.0/16", "10.6.0.1/16"),
			want: told{exitError, "", `error: stdin:6:13: prefix 10.6.0.1/16 has host bits set
  6 |   - prefix: 10.6.0.1/16
    |             ^^^^^^^^^^^
  hint: the network is 10.6.0.0/16, the host route 10.6.0.1/32
`},
		},
		{
			name: "no file", args: []string{"plan", "-f", "missing.yaml"},
			want: told{exitError, "", "error: read missing.yaml: no such file or directory\nhint: another file is given with --file\n"},
		},
		{
			name: "no such command", args: []string{"aply"},
			want: told{exitUsage, "", "error: \"aply\" is not a command\nhint: did you mean apply?\n"},
		},
		{
			name: "no such flag", args: []string{"plan", "--detailed-exit-code"},
			want: told{exitUsage, "", "error: unknown flag: --detailed-exit-code\nhint: routesync plan --help\n"},
		},
		{
			name: "an argument too many", args: []string{"watch", "routes.yaml"},
			want: told{exitUsage, "", "error: watch takes no arguments, and was given \"routes.yaml\"\nhint: a file is given with -f\n"},
		},
		{
			name: "no such output", args: []string{"status", "-o", "xml"},
			want: told{exitUsage, "", "error: --output \"xml\" is not text or json\n"},
		},
		{
			name: "no time", args: []string{"plan", "--timeout", "0s"},
			want: told{exitUsage, "", "error: --timeout 0s is not a time to wait\n"},
		},
		{
			name: "no such level", args: []string{"validate", "--log-level", "loud"},
			want: told{exitUsage, "", "error: --log-level \"loud\" is not debug, info, warn or error\n"},
		},
		{
			name: "no such grade", args: []string{"apply", "--wait", "held"},
			want: told{exitUsage, "", "error: --wait \"held\" is not accepted or sent\n"},
		},
		{
			name: "nobody to ask", args: []string{"apply", "-f", file},
			want: told{exitUsage, "", "error: apply can't ask: stdin is not a terminal\nhint: agree beforehand with --yes\n"},
		},
		{
			name: "stdin can't be watched", args: []string{"watch", "-f", "-"},
			want: told{exitUsage, "", "error: stdin can't be watched\nhint: give a file with -f, or use apply\n"},
		},
		{
			name: "a bad broker URL in the environment", args: []string{"plan", "-f", file}, env: map[string]string{envAMQP: "http://u:hunter2@h/"},
			want: told{exitUsage, "", "error: broker URL 1 of 1: must begin with amqp:// or amqps://\nhint: write it as amqp://user:password@host:5672/\n"},
		},
		{
			name: "a bad queue type in the environment", args: []string{"plan", "-f", file}, env: map[string]string{envQueueType: "stream"},
			want: told{exitUsage, "", "error: --queue-type \"stream\" is not quorum or classic\n"},
		},
		{
			name: "a bad speaker", args: []string{"status", "--speaker", "Edge 1"},
			want: told{exitUsage, "", "error: --speaker \"Edge 1\" is not a name\nhint: a name has 1 to 63 of a-z, 0-9, '.', '_' and '-', and begins with a letter or digit\n"},
		},
		{
			name: "a bridge of nobody reads stdin to its end", args: []string{"bridge"}, stdin: "done\n",
			want: told{exitUsage, "", "error: bridge needs --speaker NAME\nhint: the name is the one that routes.yaml has under speakers\n"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := start(t, test.env, strings.NewReader(test.stdin), test.args...)
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(told{})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestNoPassword looks for the password in all that the program says when it
// can't reach the broker.
func TestNoPassword(t *testing.T) {
	t.Parallel()
	addr, err := closedPort()
	if err != nil {
		t.Fatal(err)
	}
	const password = "hunter2"
	url := "amqp://user:" + password + "@" + addr + "/vhost"
	file := filepath.Join(t.TempDir(), "routes.yaml")
	if err := os.WriteFile(file, []byte(goodFile), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"plan", "--timeout", "100ms", "-f", file},
		{"apply", "--yes", "--timeout", "100ms", "-f", file},
		{"status", "--timeout", "100ms", "-f", file, "-o", "json"},
		{"plan", "--help"},
		{"plan", "--amqp", url + "@oops", "-f", file},
		{"plan", "--amqp", url + ",:" + password, "-f", file},
		{"plan", "--log-level", "debug", "--log-format", "json", "--timeout", "100ms", "-f", file},
		{"bridge", "--speaker", "edge1", "--log-level", "debug", "--state", t.TempDir()},
	} {
		got := start(t, map[string]string{envAMQP: url}, strings.NewReader(""), args...)
		if strings.Contains(got.stdout+got.stderr, password) {
			t.Errorf("routesync %s prints the password:\n%s%s", strings.Join(args, " "), got.stdout, got.stderr)
		}
		if got.stdout+got.stderr == "" {
			t.Errorf("routesync %s says nothing", strings.Join(args, " "))
		}
	}
}

// TestBridgeEndsWithContext: a bridge that could not start obeys SIGTERM.
func TestBridgeEndsWithContext(t *testing.T) {
	t.Parallel()
	stdin, theirs := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan int)
	go func() {
		ended <- run(ctx, []string{"bridge", "--no-such-flag"}, func(string) string { return "" }, stdin, io.Discard, io.Discard)
	}()
	for range 3 { // each returns when the bridge has read it
		if _, err := theirs.Write([]byte("shutdown\n")); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case code := <-ended:
		t.Fatalf("it ended with %d while exaBGP ran", code)
	default:
	}
	cancel()
	if code := <-ended; code != exitUsage {
		t.Errorf("code %d, want %d", code, exitUsage)
	}
	if err := theirs.Close(); err != nil {
		t.Error(err)
	}
}
