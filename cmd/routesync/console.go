package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"routesync/bridge/rabbit"
	"routesync/cmd/routesync/console"
)

const consoleName = "console"

func consoleCommand(w *world, g *globalFlags, f *consoleFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   consoleName + " --speaker NAME",
		Short: "Announce, withdraw and look at routes by hand",
		Long: `Announce, withdraw and look at routes by hand, in exaBGP's own words. At a
terminal it is a prompt; "help" there lists the commands.

On a pipe, and with -c, it carries out a command a line, without a prompt, and
prints a line for each announce and withdraw, in their order:

  VERDICT <tab> LINE NUMBER <tab> SPEAKER <tab> COMMAND <tab> DETAIL

VERDICT is the worst of what became of the line's routes at their peers:
  failed       nothing of it, or not all of it, was given to the speaker
  refused      the bridge or exaBGP would not take it
  unconfirmed  no answer came in time
  unsent       exaBGP was told it, and does not report it as sent
  published    the broker has it, and no more is known (only with --classic)
  held         a peer is down, and is sent it when it is up
  sent         every peer was sent it
  withdrawn    it is gone
  unchanged    it was so already: announced so, or not announced
Blank lines and those that begin with # are left out. What show prints is plain
text. A line with a fault is given to nobody; stderr gets its line number and
column, and the other lines are carried out unless --strict is given. So it is
with a last line that has no end, for it may be cut short.

The exit code is 0 if all was confirmed (held, sent, withdrawn, unchanged), 1 if
something failed, was refused or had a fault, else 5 if something is not
confirmed (unconfirmed, unsent, published).`,
		Example: `  routesync console --speaker edge1
  echo 'announce route 192.0.2.0/24 next-hop self' | routesync console --speaker edge1
  routesync console --speaker edge1 -c 'withdraw route 192.0.2.0/24' -c 'show foreign'`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runConsole(cmd.Context(), w, g, f) },
	}
	cmd.Flags().StringSliceVar(&f.speakers, "speaker", nil, "speakers to talk to; the first is the current one")
	cmd.Flags().BoolVar(&f.classic, "classic", false, "talk to an old helper over the queues to-exabgp and from-exabgp, which confirms nothing")
	cmd.Flags().StringArrayVarP(&f.commands, "command", "c", nil, "carry out this command and leave; may be given several times")
	cmd.Flags().BoolVar(&f.strict, "strict", false, "not at a prompt: give nothing if one line has a fault")
	cmd.Flags().BoolVar(&f.recv, "recv", false, "not at a prompt: print [recv] lines too")
	cmd.Flags().BoolVar(&f.noHistory, "no-history", false, "neither read nor write the file of lines typed before")
	cmd.Flags().DurationVar(&f.timeout, "timeout", 30*time.Second, "how long to wait for the answer to a command")
	return cmd
}

func (f *consoleFlags) check() error {
	if err := checkTimeout(f.timeout); err != nil {
		return err
	}
	switch {
	case f.classic && len(f.speakers) > 0:
		return usage(errors.New("--classic takes no --speaker"), "the queues to-exabgp and from-exabgp belong to the one exaBGP whose helper reads them")
	case !f.classic && len(f.speakers) == 0:
		return usage(errors.New("console needs --speaker NAME"), "the name is the one that routes.yaml has under speakers", "an old helper is talked to with --classic")
	}
	for i, c := range f.commands {
		if console.Leaves(c) && i < len(f.commands)-1 {
			return usage(fmt.Errorf("-c %s has commands behind it, which would not be carried out", c), "leave it out: the console leaves by itself after the last -c")
		}
	}
	return checkSpeakers(f.speakers...)
}

// classicSpeaker stands for the exaBGP behind the two old queues, which has no
// name.
const classicSpeaker = "classic"

func runConsole(ctx context.Context, w *world, g *globalFlags, f *consoleFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	cfg, err := g.broker(consoleName)
	if err != nil {
		return err
	}
	options := console.Options{Timeout: f.timeout, Recv: f.recv}
	in, inOK := w.stdin.(*os.File)
	out, outOK := w.stdout.(*os.File)
	prompt := inOK && outOK && isTerminal(in) && isTerminal(out) && w.getenv("TERM") != "dumb" && len(f.commands) == 0
	options.Recv = options.Recv || prompt
	if !prompt && inOK && isTerminal(in) && len(f.commands) == 0 {
		fmt.Fprintln(w.stderr, "reading a command a line, up to ^D; there is no prompt, for this is no terminal that could show one")
	}
	notices := make(chan console.Notice, noticesAhead)
	log := w.log
	if prompt { // what is written to stderr would tear what is being typed
		log = slog.New(logLines{level: slog.LevelWarn, print: func(text string) { tell(notices, text) }})
	}
	backend := f.backend(cfg, options.Recv, notices, log)
	life := ctx
	if prompt { // ^C is for the line, or for what is shown; see runPrompt
		life = context.WithoutCancel(ctx)
	}
	stop := beside(life, backend.Run)
	defer stop()
	if prompt {
		return runPrompt(ctx, console.Prompt{
			Options: options, Backend: backend, In: in, Out: out, Pager: pager(w.getenv), History: f.history(w.getenv),
		})
	}
	script := console.Script{Options: options, Backend: backend, Name: "stdin", Strict: f.strict, Out: w.stdout, Err: w.stderr}
	var status console.Status
	if len(f.commands) > 0 {
		script.Name = "-c"
		status, err = script.RunCommands(ctx, f.commands)
	} else {
		status, err = script.Run(ctx, w.stdin)
	}
	return scriptEnd(ctx, status, err)
}

// runningBackend is a backend that has to be run.
type runningBackend interface {
	console.Backend
	Run(ctx context.Context) error
}

func (f *consoleFlags) backend(cfg rabbit.Config, recv bool, notices chan console.Notice, log *slog.Logger) runningBackend {
	if f.classic {
		return newClassic(cfg, recv, notices, log)
	}
	return newLive(cfg, commander(consoleName), slices.Compact(slices.Clone(f.speakers)), recv, notices, log)
}

// noticesAhead is how many notices wait to be shown.
const noticesAhead = 1024

// tell shows a text, unless there is too much to show already: whoever tells has
// something better to do than to wait for that.
func tell(notices chan<- console.Notice, text string) {
	select {
	case notices <- console.Notice{Text: text}:
	default:
	}
}

// beside runs something until stop is called, which waits for its end.
func beside(ctx context.Context, run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = run(ctx) // it ends only with ctx
	}()
	return func() {
		cancel()
		<-ended
	}
}

func scriptEnd(ctx context.Context, status console.Status, err error) error {
	switch {
	case ctx.Err() != nil:
		return errInterrupted
	case err != nil:
		return hinted(err)
	}
	switch status {
	case console.Refused:
		return said(exitError)
	case console.Unconfirmed:
		return said(exitUnconfirmed)
	}
	return nil
}

// runPrompt has signals of its own: at a prompt ^C gives up on a line or on
// something that is shown, and not on the program.
func runPrompt(ctx context.Context, p console.Prompt) error {
	ctx, stop := signal.NotifyContext(context.WithoutCancel(ctx), unix.SIGTERM, unix.SIGHUP)
	defer stop()
	err := p.Run(ctx)
	if ctx.Err() != nil {
		return errInterrupted
	}
	if err != nil {
		return hinted(fmt.Errorf("console: %w", err))
	}
	return nil
}

// pager is the command that shows what is longer than the screen; "" for none.
func pager(getenv func(string) string) string {
	if p := getenv("PAGER"); p != "" {
		return p
	}
	if _, err := exec.LookPath("less"); err == nil {
		return "less -FRX"
	}
	return ""
}

// history is the file of the lines that were typed; "" for none.
func (f *consoleFlags) history(getenv func(string) string) string {
	dir := getenv("XDG_STATE_HOME")
	if home := getenv("HOME"); !filepath.IsAbs(dir) && home != "" {
		// https://specifications.freedesktop.org/basedir-spec
		dir = filepath.Join(home, ".local", "state")
	}
	if f.noHistory || !filepath.IsAbs(dir) {
		return ""
	}
	return filepath.Join(dir, "routesync", "history")
}
