package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// newRoot makes the tree of commands; what they are told goes into f.
func newRoot(w *world, f *flags) *cobra.Command {
	root := &cobra.Command{
		Use:   "routesync",
		Short: "Bring a BGP speaker to the routes of a file, and keep it there",
		Long: "routesync brings exaBGP to the routes of a file, and keeps it there.\n\n" +
			exitHelp(),
		Version:           version(),
		SilenceUsage:      true,
		SilenceErrors:     true,
		Args:              knownCommand,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return w.prepare(cmd, f) },
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.SetOut(w.stderr)
			if err := cmd.Help(); err != nil {
				return err
			}
			return said(exitUsage)
		},
	}
	root.SetVersionTemplate("routesync {{.Version}}\n")
	root.SetIn(w.stdin)
	root.SetOut(w.stdout)
	root.SetErr(w.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage(err, cmd.CommandPath()+" --help")
	})
	f.global.add(root)
	for _, cmd := range []*cobra.Command{
		validateCommand(w, &f.validate),
		fmtCommand(w, &f.fmt),
		schemaCommand(w),
		planCommand(w, &f.global, &f.plan),
		snapshotCommand(w, &f.global, &f.snapshot),
		applyCommand(w, &f.global, &f.apply),
		watchCommand(w, &f.global, &f.watch),
		statusCommand(w, &f.global, &f.status),
		receivedCommand(w, &f.global, &f.received),
		eventsCommand(w, &f.global, &f.events),
		importCommand(w, &f.global, &f.imports),
		adoptCommand(w, &f.global, &f.adopt),
		confirmCommand(w, &f.global, &f.confirm),
		revertCommand(w, &f.global, &f.revert),
		pauseCommand(w, &f.global, &f.pause),
		resumeCommand(w, &f.global, &f.resume),
		overrideCommand(w, &f.global, &f.override),
		historyCommand(w, &f.global, &f.history),
		showCommand(w, &f.global, &f.show),
		blameCommand(w, &f.global, &f.blame),
		diffCommand(w, &f.global, &f.diff),
		rollbackCommand(w, &f.global, &f.rollback),
		bridgeCommand(w, &f.global, &f.bridge),
		consoleCommand(w, &f.global, &f.console),
		versionCommand(w),
	} {
		if cmd.Args == nil {
			cmd.Args = noArguments
		}
		root.AddCommand(cmd)
	}
	return root
}

// prepare is what happens between the command line and the command.
func (w *world) prepare(cmd *cobra.Command, f *flags) error {
	f.global.fromEnv(cmd, w.getenv)
	if f.global.logLevel == "" {
		f.global.logLevel = "warn"
		if cmd.Name() == bridgeName || cmd.Name() == watchName {
			f.global.logLevel = "info"
		}
	}
	log, err := newLogger(w.stderr, f.global.logLevel, f.global.logFormat)
	if err != nil {
		return err
	}
	w.log, w.ran = log, true
	return nil
}

func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := "routesync --help lists the commands"
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return usage(fmt.Errorf("%q is not a command", args[0]), hint)
}

func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := cmd.CommandPath() + " --help"
	if file := cmd.Flags().Lookup("file"); file != nil {
		hint = "a file is given with --file"
		if file.Shorthand != "" {
			hint = "a file is given with -" + file.Shorthand
		}
	}
	return usage(errors.New(cmd.Name()+" takes no arguments, and was given "+strings.Join(quoted(args), " ")), hint)
}

func quoted(words []string) []string {
	out := make([]string, len(words))
	for i, word := range words {
		out[i] = fmt.Sprintf("%q", word)
	}
	return out
}

func versionCommand(w *world) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Say which version this is",
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(w.stdout, "routesync %s\n", version())
			return err
		},
	}
}
