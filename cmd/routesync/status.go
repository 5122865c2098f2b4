package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"routesync/state"
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
	if err := errors.Join(checkOutput(f.output), checkTimeout(f.timeout)); err != nil {
		return err
	}
	for _, s := range f.speakers {
		if err := checkSpeaker(s); err != nil {
			return err
		}
	}
	cfg, err := g.broker("status")
	if err != nil {
		return err
	}
	desired := &state.Desired{}
	if readIt {
		if desired, err = readDesired(f.file, w.stdin); err != nil {
			w.log.Warn("the state of a speaker can be had without the file, with --speaker NAME")
			return err
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
	if err != nil {
		return err
	}
	return failed
}
