package main

import (
	"cmp"
	"context"
	"time"

	"github.com/spf13/cobra"

	"routesync/bridge/wire"
	"routesync/state/snapshot"
)

func snapshotCommand(w *world, g *globalFlags, f *snapshotFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "snapshot",
		Short: "Keep what speakers confirm in a file, to plan against it elsewhere",
		Long: `Keep what speakers confirm in a file. "routesync plan --against FILE" gives the same
bytes as a plan that is made against these speakers now, and needs no broker. It
is not written if a speaker gave no complete answer.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runSnapshot(cmd.Context(), w, g, f) },
	}
	addFile(cmd, &f.file)
	cmd.Flags().StringSliceVar(&f.speakers, "speaker", nil, "speakers to ask; those of the file if not given")
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "the file to write; without it, stdout")
	cmd.Flags().DurationVar(&f.timeout, "timeout", 10*time.Second, "how long to wait for the speakers")
	return cmd
}

func runSnapshot(ctx context.Context, w *world, g *globalFlags, f *snapshotFlags) error {
	if err := cmp.Or(checkTimeout(f.timeout), checkSpeakers(f.speakers...)); err != nil {
		return err
	}
	cfg, err := g.broker("snapshot")
	if err != nil {
		return err
	}
	if f.output != "" {
		if err := spare(f.output, "snapshot", snapshot.Is); err != nil {
			return err
		}
	}
	speakers := f.speakers
	if len(speakers) == 0 {
		desired, err := readDesired(f.file, w.stdin)
		if err != nil {
			return err
		}
		speakers = desired.Speakers
	}
	seen, err := observer{cfg: cfg, timeout: f.timeout, log: w.log, hasty: true}.look(ctx, speakers)
	if err != nil {
		return err
	}
	data, err := takeSnapshot(time.Now(), seen)
	switch {
	case err != nil:
		return hinted(err)
	case f.output == "" || f.output == stdinName:
		_, err = w.stdout.Write(data)
		return err
	}
	return replaceFile(f.output, data)
}

// takeSnapshot is the text of a snapshot.
func takeSnapshot(now time.Time, seen []observation) ([]byte, error) {
	s := snapshot.Snapshot{Taken: now, Speakers: []snapshot.Speaker{}}
	for _, o := range seen {
		s.Speakers = append(s.Speakers, o.kept())
	}
	return snapshot.Encode(s)
}

// kept is what a snapshot has of an observation.
func (o observation) kept() snapshot.Speaker {
	s := snapshot.Speaker{Boot: o.boot, Advertised: o.advertised}
	if o.about != nil {
		s.ExaBGP, s.Lacks = o.about.ExaBGP, o.about.Lacks
		for _, f := range o.about.InForce {
			s.InForce = append(s.InForce, snapshot.InForce{Owner: f.Owner, Revision: f.Revision, Host: f.Host, Epoch: f.Epoch})
		}
		for _, x := range o.about.Overrides {
			s.Overrides = append(s.Overrides, snapshot.Override{Owner: x.Owner, Text: x.Text})
		}
	}
	return s
}

// restored is what was observed when a snapshot was taken, as far as a plan needs
// it.
func restored(s snapshot.Speaker) observation {
	a := s.Advertised
	about := &wire.About{ExaBGP: s.ExaBGP, Lacks: s.Lacks, Peers: a.Peers, Contests: a.Contests, Ready: true}
	for _, f := range s.InForce {
		about.InForce = append(about.InForce, wire.InForce{Owner: f.Owner, Revision: f.Revision, Host: f.Host, Epoch: f.Epoch})
	}
	for _, x := range s.Overrides {
		about.Overrides = append(about.Overrides, wire.Override{Owner: x.Owner, Text: x.Text})
	}
	return observation{speaker: a.Speaker, advertised: a, about: about, boot: s.Boot, digest: a.Digest()}
}
