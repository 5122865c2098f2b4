package exabgp

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

// written are the lines of a file of commands.
func commands(tb testing.TB, name string) []string {
	tb.Helper()
	b, err := os.ReadFile("testdata/grammar/" + name + ".txt")
	if err != nil {
		tb.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	if len(lines) < 10 {
		tb.Fatalf("%s has %d lines", name, len(lines))
	}
	return lines
}

func dumpOrders(orders []Order) string {
	var b strings.Builder
	for _, o := range orders {
		verb := "announce"
		if o.Withdraw {
			verb = "withdraw"
		}
		fmt.Fprintf(&b, "  %s", verb)
		for _, s := range o.Neighbors {
			fmt.Fprintf(&b, " [%s]", s)
		}
		if o.Expires.After != 0 {
			fmt.Fprintf(&b, " expires after %s", o.Expires.After)
		}
		if !o.Expires.At.IsZero() {
			fmt.Fprintf(&b, " expires at %s", o.Expires.At.Format(time.RFC3339))
		}
		b.WriteString("\n")
		for _, r := range o.Routes {
			fmt.Fprintf(&b, "    %s: %s: %s\n", r.Key.Family, r.Key, r.Attrs)
		}
	}
	return b.String()
}

func dumpFaults(err error) string {
	var foreign *NotARouteError
	if errors.As(err, &foreign) {
		return fmt.Sprintf("  not a route: %v\n", foreign)
	}
	var all SyntaxErrors
	errors.As(err, &all)
	var b strings.Builder
	for _, one := range all {
		fmt.Fprintf(&b, "  %v\n", one)
		if one.Hint != "" {
			fmt.Fprintf(&b, "    hint: %s\n", one.Hint)
		}
	}
	return b.String()
}

// TestGrammar has a golden file for each file of commands.
func TestGrammar(t *testing.T) {
	for name, parse := range map[string]func(string) ([]Order, error){
		"accepted": ParseCommand, "refused": ParseCommand, "typed": ParseTyped, "typed-refused": ParseTyped,
	} {
		var b strings.Builder
		for _, line := range commands(t, name) {
			orders, err := parse(line)
			if refused := strings.HasSuffix(name, "refused"); refused == (err == nil) || refused == (len(orders) > 0) {
				t.Errorf("%s: %s\n%v\n%v", name, line, orders, err)
			}
			fmt.Fprintf(&b, "%s\n%s%s", line, dumpOrders(orders), dumpFaults(err))
		}
		path := "testdata/grammar/" + name + ".golden"
		if *update {
			if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), b.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}

// TestShortFormsAreTyped holds the written grammar to exaBGP's.
func TestShortFormsAreTyped(t *testing.T) {
	short := 0
	for _, line := range commands(t, "typed") {
		if _, err := ParseCommand(line); err != nil {
			short++
		}
	}
	if short != len(commands(t, "typed")) {
		t.Errorf("%d of %d short forms are refused in a message", short, len(commands(t, "typed")))
	}
	for _, line := range commands(t, "accepted") {
		want, _ := ParseCommand(line)
		if got, err := ParseTyped(line); err != nil || dumpOrders(got) != dumpOrders(want) {
			t.Errorf("%s\ntyped: %s%v", line, dumpOrders(got), err)
		}
	}
}

func TestSplitBody(t *testing.T) {
	got := SplitBody([]byte("announce a\r\n\n  # no\n\twithdraw b \n#\n   \r\nreload"))
	if want := []string{"announce a", "\twithdraw b ", "reload"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := SplitBody(nil); got != nil {
		t.Errorf("an empty body has the lines %q", got)
	}
}
