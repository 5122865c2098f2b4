package console

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTooLong: a line that is too long is a fault like others, and those around
// it are carried out, or with --strict are not.
func TestTooLong(t *testing.T) {
	t.Parallel()
	long := "+ 1.0.0.0/8 next-hop self " + strings.Repeat("x", maxLine)
	for name, in := range map[string]string{
		"in the middle":       "- 1.0.0.0/8\n" + long + "\n- 2.0.0.0/8\n",
		"at the end":          "- 1.0.0.0/8\n- 2.0.0.0/8\n" + long + "\n",
		"at an end that ends": "- 1.0.0.0/8\n- 2.0.0.0/8\n" + long,
	} {
		number := "2"
		if !strings.HasPrefix(name, "in ") {
			number = "3"
		}
		f := newFake(t)
		status, stdout, stderr, err := runScript(t, f, Script{}, in)
		if err != nil || status != Refused || len(f.given) != 2 || strings.Count(stdout, "withdrawn\t") != 2 {
			t.Errorf("%s: status %d, %v, %d given\n%s", name, status, err, len(f.given), stdout)
		}
		want := "stdin:" + number + ":1: the line is longer than 1048576 bytes, and is not carried out (make several commands of it)\n"
		if diff := cmp.Diff(want, stderr); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		f = newFake(t)
		status, _, stderr, err = runScript(t, f, Script{Strict: true}, in)
		want += "stdin: nothing is given to anybody, because of --strict\n"
		if err != nil || status != Refused || len(f.given) != 0 || stderr != want {
			t.Errorf("%s, strict: status %d, %v, %d given\n%s", name, status, err, len(f.given), stderr)
		}
	}
}

func TestByteOrderMark(t *testing.T) {
	t.Parallel()
	status, stdout, stderr, err := runScript(t, newFake(t), Script{}, "\ufeff- 1.0.0.0/8\n\ufeff- 1.0.0.0/8\n")
	if err != nil || status != Refused || !strings.HasPrefix(stdout, "withdrawn\t1\tedge1\t- 1.0.0.0/8\t") || !strings.HasPrefix(stderr, "stdin:2:1: ") {
		t.Errorf("status %d, %v\n%s%s", status, err, stdout, stderr)
	}
}

func TestLeaves(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]bool{"exit": true, " quit ": true, "exi": false, "": false, "- 1.0.0.0/8": false, "help exit": false} {
		if got := Leaves(line); got != want {
			t.Errorf("%q leaves: %t", line, got)
		}
	}
}

func TestFold(t *testing.T) {
	t.Parallel()
	got := fold([]string{"short", "", "one two three four five six", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bb"}, 20)
	want := []string{"short", "", "one two three four", "    five six", "aaaaaaaaaaaaaaaaaaaa", "    aaaaaaaaaaaaaaaa", "    aaaa bb"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestPagerWritesNothing: whoever sees routes can't write files by the pager.
func TestPagerWritesNothing(t *testing.T) {
	t.Parallel()
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := page(t.Context(), "echo secure=$LESSSECURE; cat", []string{"a line"}, out); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(out.Name())
	if err != nil || string(got) != "secure=1\na line\n" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestHelp: whatever help is offered on, there is some.
func TestHelp(t *testing.T) {
	t.Parallel()
	for _, topic := range helpTopics() {
		if got := help(topic); cmp.Equal(got, help("")) {
			t.Errorf("help %s is that on everything", topic)
		}
	}
	for text, want := range map[string]string{
		"s": verbShow, "sh": verbShow, "speaker": verbUse, "u": verbUse, "h": verbHelp, "?": verbHelp, "q": "", "quit": verbExit, "a": "", "w": "", "ann": "",
	} {
		if got := verbOf(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}
