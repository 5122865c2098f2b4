package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"routesync/state"
	"routesync/state/routefile"
)

func importCommand(w *world, g *globalFlags, f *importFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import",
		Short: "Write a file from what a speaker advertises, or from exaBGP's configuration",
		Long: `Write a file from what a speaker advertises now, or, with --exabgp-conf, from the
routes that a configuration file of exaBGP 4.2 announces. Nothing is sent.

Of a speaker it is everything, or what one owner announces, or with --foreign
what no file asks for. Such routes are still foreign to the new file until they
are adopted. A route that a file can't ask for is reported, and nothing is
written, unless --partial is given.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runImport(cmd.Context(), w, g, f) },
	}
	cmd.Flags().StringVar(&f.speaker, "speaker", "", "the speaker to look at; with --exabgp-conf, the one that the file is for")
	cmd.Flags().StringVar(&f.owner, "owner", "", "only the routes of this owner")
	cmd.Flags().BoolVar(&f.foreign, "foreign", false, "only the routes that no file asks for")
	cmd.Flags().StringVar(&f.as, "as", "", "the owner that the new file is for; if not given, that of --owner")
	cmd.Flags().StringVar(&f.conf, "exabgp-conf", "", "a configuration file of exaBGP")
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "the file to write, which must not be there yet; without it, stdout")
	cmd.Flags().BoolVar(&f.partial, "partial", false, "write what can be written, and warn of the rest")
	cmd.Flags().DurationVar(&f.timeout, "timeout", 10*time.Second, "how long to wait for the speaker")
	return cmd
}

// check reads what the flags mean.
func (f *importFlags) check() error {
	if f.speaker == "" {
		return usage(errors.New("import needs --speaker NAME"), "the name is the one that its bridge has")
	}
	if err := errors.Join(checkSpeakers(f.speaker), checkTimeout(f.timeout)); err != nil {
		return err
	}
	switch {
	case f.owner != "" && f.foreign:
		return usage(errors.New("--owner and --foreign exclude each other"))
	case f.conf != "" && (f.owner != "" || f.foreign):
		return usage(errors.New("--owner and --foreign are for what a speaker advertises, not for --exabgp-conf"))
	}
	if f.as == "" {
		f.as = f.owner
	}
	return checkNewOwner(f.as)
}

// checkNewOwner is the rule for the owner of a file.
func checkNewOwner(owner string) error {
	var fault *state.Fault
	switch err := state.CheckName(owner); {
	case owner == "":
		return usage(errors.New("import needs --as OWNER"), "it is the owner that the new file is for")
	case errors.As(err, &fault):
		return usage(fmt.Errorf("owner %w", err), fault.Hint)
	case state.ReservedOwner(owner):
		return usage(fmt.Errorf("owner %q is taken: it stands for routes that come in by another way", owner), "give another one with --as")
	}
	return nil
}

func runImport(ctx context.Context, w *world, g *globalFlags, f *importFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	if f.output != "" && f.output != stdinName {
		if _, err := os.Lstat(f.output); !errors.Is(err, fs.ErrNotExist) {
			return hinted(fmt.Errorf("%s is there already", f.output), "import writes a new file")
		}
	}
	var got imported
	var err error
	if f.conf != "" {
		got, err = f.fromConf(w)
	} else {
		got, err = f.fromSpeaker(ctx, w, g)
	}
	if err != nil {
		return err
	}
	text, problems, err := got.write()
	if err != nil {
		return hinted(err)
	}
	if err := f.report(w, problems); err != nil {
		return err
	}
	if f.output == "" || f.output == stdinName {
		_, err = w.stdout.Write(text)
		return err
	}
	return replaceFile(f.output, text)
}

// report says what can't be imported. Without --partial that is the end.
func (f *importFlags) report(w *world, problems []problem) error {
	var all failures
	for _, p := range problems {
		if f.partial {
			if _, err := fmt.Fprintf(w.stderr, "warning: not imported: %v\n", p); err != nil {
				return err
			}
			continue
		}
		var hints []string
		if p.hint != "" {
			hints = append(hints, p.hint)
		}
		all = append(all, hinted(p, hints...))
	}
	if len(all) == 0 {
		return nil
	}
	return append(all, hinted(fmt.Errorf("%s can't be imported; nothing was written", count(len(all), "route")), "--partial writes the others"))
}

func (f *importFlags) fromSpeaker(ctx context.Context, w *world, g *globalFlags) (imported, error) {
	cfg, err := g.broker("import")
	if err != nil {
		return imported{}, err
	}
	seen, err := observer{cfg: cfg, timeout: f.timeout, log: w.log, hasty: true}.look(ctx, []string{f.speaker})
	if err != nil {
		return imported{}, err
	}
	what, pick := "What "+f.speaker+" advertised", func(string) bool { return true }
	switch {
	case f.owner != "":
		what, pick = what+" for owner "+f.owner, func(owner string) bool { return owner == f.owner }
	case f.foreign:
		what, pick = what+" that no file asked for", state.ByHand
	}
	set := importAdvertised(seen[0].advertised, pick)
	return imported{f.as, f.speaker, what + ".", set, nil}, nil
}

func (f *importFlags) fromConf(w *world) (imported, error) {
	data, _, err := readFile(f.conf, w.stdin)
	if err != nil {
		return imported{}, hinted(fmt.Errorf("read %s: %w", fileName(f.conf), bare(err)))
	}
	set, problems := importConfigured(fileName(f.conf), string(data))
	return imported{f.as, f.speaker, "The routes of exaBGP's " + fileName(f.conf) + ".", set, problems}, nil
}

// imported is what a file is to ask for.
type imported struct {
	owner, speaker, about string
	routes                []state.Wanted
	problems              []problem
}

// problem is a route that can't be imported.
type problem struct{ where, msg, hint string }

func (p problem) Error() string { return p.where + ": " + p.msg }

// write is the text of the file, and what is not in it.
func (i *imported) write() ([]byte, []problem, error) {
	d := &state.Desired{Owner: i.owner, Speakers: []string{i.speaker}, Routes: i.routes}
	about := []string{i.about}
	text, err := routefile.Write(d, about)
	if err == nil {
		return text, i.problems, nil
	}
	problems := i.problems
	d.Routes = nil
	for _, r := range i.routes {
		alone := *d
		alone.Routes = []state.Wanted{r}
		_, err := routefile.Write(&alone, nil)
		if err == nil {
			d.Routes = append(d.Routes, r)
			continue
		}
		p := problem{where: r.Key.String(), msg: err.Error()}
		if r.Pos.File != "" {
			p.where = fmt.Sprintf("%s:%d", r.Pos.File, r.Pos.Line)
		}
		if faults := routefile.Faults(err); faults != nil {
			p.msg, p.hint = faults[0].Msg, faults[0].Hint
		}
		problems = append(problems, p)
	}
	text, err = routefile.Write(d, about)
	return text, problems, err
}
