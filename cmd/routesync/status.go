package main

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"routesync/state"
	"routesync/state/routefile"
)

func statusCommand(w *world, g *globalFlags, f *statusFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what the speakers advertise to whom, and how far they are",
		RunE: func(cmd *cobra.Command, _ []string) error {
			given := cmd.Flags().Changed("file") || len(f.speakers) == 0
			return runStatus(cmd.Context(), w, g, f, given)
		},
	}
	addFile(cmd, &f.file)
	addOutput(cmd, &f.output)
	cmd.Flags().StringSliceVar(&f.speakers, "speaker", nil, "speakers to show; those of the file if not given")
	cmd.Flags().DurationVar(&f.timeout, "timeout", 10*time.Second, "how long to wait for the speakers")
	return cmd
}

// runStatus shows speakers; the file says which, unless the flags do, and whose
// routes are not foreign, if it is read.
func runStatus(ctx context.Context, w *world, g *globalFlags, f *statusFlags, readIt bool) error {
	if err := cmp.Or(errors.Join(checkOutput(f.output), checkTimeout(f.timeout)), checkSpeakers(f.speakers...)); err != nil {
		return err
	}
	cfg, err := g.broker("status")
	if err != nil {
		return err
	}
	desired := &state.Desired{}
	var faulty error // what is said of the file, behind what can be said of the speakers
	if readIt {
		if desired, faulty = readDesired(f.file, w.stdin); faulty != nil {
			w.log.Warn("the state of a speaker can be had without the file, with --speaker NAME")
			if desired = heading(f.file); desired == nil {
				return faulty
			}
		}
	}
	speakers := f.speakers
	if len(speakers) == 0 {
		speakers = desired.Speakers
	}
	var queues queueDepths
	seen, failed := observer{cfg: cfg, timeout: f.timeout, log: w.log, hasty: true, besides: queues.look}.look(ctx, speakers)
	report := newStatus(desired.Owner, seen, conditionsOf(failed), queues.all)
	if f.output == outputJSON {
		err = writeJSON(w.stdout, report)
	} else {
		err = report.text(w.stdout)
	}
	switch {
	case err != nil:
		return err
	case faulty != nil:
		return faulty
	}
	return failed
}

// heading is for whom a faulty file speaks and where it applies; nil if it does not
// tell.
func heading(file string) *state.Desired {
	if file == stdinName {
		return nil // it was read
	}
	data, _, err := readFile(file, nil)
	if err != nil {
		return nil
	}
	owner, speakers := routefile.Heading(file, data)
	if owner == "" {
		return nil
	}
	return &state.Desired{Owner: owner, Speakers: speakers}
}
