package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"routesync/examples/lab/rig"
)

// play is a demo: what it says goes to a person, what it checks is asked of the
// router.
type play struct {
	*stage
	out    io.Writer
	watch  *rig.Program
	number int
}

func (p *play) title(format string, args ...any) {
	p.number++
	fmt.Fprintf(p.out, "\n== %d. %s\n", p.number, fmt.Sprintf(format, args...))
}

// command shows and runs a command of routesync, and expects an exit code.
func (p *play) command(ctx context.Context, code int, show func(string) string, args ...string) (result, error) {
	fmt.Fprintf(p.out, "$ routesync %s\n", typed(args))
	r, err := p.routesync(ctx, args...)
	if err != nil {
		return r, err
	}
	fmt.Fprint(p.out, indent(show(r.stderr+r.stdout)))
	if r.code != code {
		return r, fmt.Errorf("routesync %s ended with %d, not %d:\n%s%s", strings.Join(args, " "), r.code, code, r.stderr, r.stdout)
	}
	return r, nil
}

// typed is a command line as a person types it.
func typed(args []string) string {
	words := make([]string, len(args))
	for i, arg := range args {
		words[i] = arg
		if strings.ContainsAny(arg, " %") {
			words[i] = "'" + arg + "'"
		}
	}
	return strings.Join(words, " ")
}

// ask shows what the router says.
func (p *play) ask(ctx context.Context, args ...string) error {
	fmt.Fprintf(p.out, "router> show %s\n", strings.Join(args, " "))
	text, err := p.router.Show(ctx, args...)
	if err != nil {
		return err
	}
	fmt.Fprint(p.out, indent(text))
	return nil
}

// during runs what f does and returns how many routes the router was sent and
// had withdrawn meanwhile.
func (p *play) during(ctx context.Context, f func() error) (rig.Counters, error) {
	before, err := p.router.Updates(ctx)
	if err != nil {
		return before, err
	}
	if err := f(); err != nil {
		return before, err
	}
	after, err := p.router.Updates(ctx)
	return after.Sub(before), err
}

func (p *play) expect(got, want rig.Counters) error {
	fmt.Fprintf(p.out, "the router saw %d announced and %d withdrawn\n", got.Updates, got.Withdraws)
	if got != want {
		return fmt.Errorf("the router saw %+v, not %+v", got, want)
	}
	return nil
}

// show prints the first lines of routes.yaml.
func (p *play) show(lines int) error {
	text, err := os.ReadFile(p.file())
	if err != nil {
		return fmt.Errorf("show the file: %w", err)
	}
	fmt.Fprint(p.out, "$ head routes.yaml\n", indent(ends(lines, 0)(string(text))))
	return nil
}

func indent(text string) string {
	text = strings.TrimRight(text, "\n")
	if text == "" {
		return ""
	}
	return "    " + strings.ReplaceAll(text, "\n", "\n    ") + "\n"
}

// ends shortens a text to its first and last lines.
func ends(first, last int) func(string) string {
	return func(text string) string {
		lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
		if len(lines) <= first+last+1 {
			return text
		}
		cut := fmt.Sprintf("... %d more lines ...", len(lines)-first-last)
		short := append(append(lines[:first:first], cut), lines[len(lines)-last:]...)
		return strings.Join(short, "\n")
	}
}

// from is a text from the line on in which mark stands.
func from(text, mark string) string {
	i := strings.LastIndex(text, mark)
	if i < 0 {
		return text
	}
	return text[i:]
}

// until asks the router until something is so: it tells nobody.
func (p *play) until(ctx context.Context, what string, done func() (bool, error)) error {
	beat := time.NewTicker(20 * time.Millisecond)
	defer beat.Stop()
	for {
		ok, err := done()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until %s: %w", what, ctx.Err())
		case <-beat.C:
		}
	}
}
