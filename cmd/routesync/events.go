package main

import (
	"context"

	"github.com/spf13/cobra"

	"routesync/bridge"
)

type eventsFlags struct {
	file, output string
	speakers     []string
}

func eventsCommand(w *world, g *globalFlags, f *eventsFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Follow what happens at the speakers",
		Long: `Follow what happens at the speakers, until interrupted: what exaBGP sends and
receives, sessions, what is confirmed and refused, and drift. It begins with
what happens next; what is so now is shown by status and received.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runEvents(cmd.Context(), w, g, f)
		},
	}
	addFile(cmd, &f.file)
	addOutput(cmd, &f.output)
	addSpeakers(cmd, &f.speakers)
	return cmd
}

func runEvents(ctx context.Context, w *world, g *globalFlags, f *eventsFlags) error {
	if err := checkOutput(f.output); err != nil {
		return err
	}
	cfg, err := g.broker("events")
	if err != nil {
		return err
	}
	speakers, err := followedSpeakers(w, f.speakers, f.file)
	if err != nil {
		return err
	}
	return (&following{
		cfg: cfg, log: w.log, speakers: speakers, what: bridge.Follow{Received: true, Events: true},
		out: &followWriter{stdout: w.stdout, stderr: w.stderr, json: f.output == outputJSON, tags: true, several: len(speakers) > 1},
	}).run(ctx)
}
