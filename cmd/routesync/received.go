package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"routesync/bridge"
	"routesync/bridge/exabgp"
	"routesync/bridge/rabbit"
	"routesync/state"
)

type receivedFlags struct {
	file, output string
	speakers     []string
	peers        []string
	family       string
	follow       bool
	timeout      time.Duration
}

func receivedCommand(w *world, g *globalFlags, f *receivedFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "received",
		Short: "Show what the peers announce to the speakers",
		Long: `Show what the peers announce to the speakers: the routes that they have now, and
with -f whatever they announce and withdraw from then on. exaBGP's configuration
must have receive { parsed; update; } in the api of a neighbor; where it has not,
that is said.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runReceived(cmd.Context(), w, g, f)
		},
	}
	// -f is for following here, as tail has it.
	cmd.Flags().StringVar(&f.file, "file", defaultFile, "the file that names the speakers")
	addOutput(cmd, &f.output)
	addSpeakers(cmd, &f.speakers)
	cmd.Flags().StringSliceVar(&f.peers, "peer", nil, "peers to show; all if not given")
	cmd.Flags().StringVar(&f.family, "family", "", `family to show, in exaBGP's words, e.g. "ipv4 unicast", or ipv4 for all that begin so; all if not given`)
	cmd.Flags().BoolVarP(&f.follow, "follow", "f", false, "go on with what changes, until interrupted")
	cmd.Flags().DurationVar(&f.timeout, "timeout", 10*time.Second, "how long to wait for the speakers, without -f")
	return cmd
}

func addSpeakers(cmd *cobra.Command, speakers *[]string) {
	cmd.Flags().StringSliceVar(speakers, "speaker", nil, "speakers to show; those of the file if not given")
}

// followedSpeakers are the speakers that the command line, or else a file,
// names.
func followedSpeakers(w *world, given []string, file string) ([]string, error) {
	if err := checkSpeakers(given...); err != nil {
		return nil, err
	}
	if len(given) > 0 {
		return given, nil
	}
	desired, err := readDesired(file, w.stdin)
	if err != nil {
		w.log.Warn("the file only says which speakers there are; they can be named with --speaker NAME")
		return nil, err
	}
	return desired.Speakers, nil
}

func (f *receivedFlags) filter() (receivedFilter, error) {
	filter := receivedFilter{family: f.family}
	if !slices.ContainsFunc(exabgp.Families(), func(known string) bool { return exabgp.TakesFamily(f.family, known) }) {
		return filter, usage(fmt.Errorf("--family %q is no family", f.family), `write ipv4, or all of it, as in "ipv4 unicast"`)
	}
	for _, text := range f.peers {
		a, err := state.ParsePeer(text)
		if err != nil {
			return filter, usage(fmt.Errorf("--peer %q is not an address", text))
		}
		filter.peers = append(filter.peers, a)
	}
	return filter, nil
}

func runReceived(ctx context.Context, w *world, g *globalFlags, f *receivedFlags) error {
	filter, err := f.filter()
	if err := errors.Join(checkOutput(f.output), checkTimeout(f.timeout)); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	cfg, err := g.broker("received")
	if err != nil {
		return err
	}
	speakers, err := followedSpeakers(w, f.speakers, f.file)
	if err != nil {
		return err
	}
	if f.follow {
		return (&following{
			cfg: cfg, log: w.log, speakers: speakers, what: bridge.Follow{Received: true}, filter: filter, first: true,
			out: &followWriter{stdout: w.stdout, stderr: w.stderr, json: f.output == outputJSON, several: len(speakers) > 1},
		}).run(ctx)
	}
	tables, failed := observer{cfg: cfg, timeout: f.timeout, log: w.log, hasty: true}.received(ctx, speakers)
	report := newReceived(speakers, tables, filter)
	if f.output == outputJSON {
		err = writeJSON(w.stdout, report)
	} else {
		err = errors.Join(report.text(w.stdout), report.notes(w.stderr))
	}
	if err != nil {
		return err
	}
	if failed != nil {
		return failed
	}
	return noPeer(speakers, tables, filter)
}

// noPeer is the error of peers that no speaker has: to show nothing would say that
// they announce nothing.
func noPeer(speakers []string, tables []*bridge.ReceivedTable, filter receivedFilter) error {
	strangers := filter.strangers(tables)
	if len(strangers) == 0 {
		return nil
	}
	var hints []string
	for i, t := range tables {
		hints = append(hints, fmt.Sprintf("the peers of %s are %s", speakers[i], addresses(slices.SortedFunc(maps.Keys(t.Peers), netip.Addr.Compare))))
	}
	return hinted(fmt.Errorf("%s is no peer of %s", addresses(strangers), strings.Join(speakers, ", ")), hints...)
}

func addresses(all []netip.Addr) string {
	words := make([]string, len(all))
	for i, a := range all {
		words[i] = a.String()
	}
	return strings.Join(words, ", ")
}

// received returns the received tables of the speakers, nil for one that did
// not answer in time.
func (o observer) received(ctx context.Context, speakers []string) ([]*bridge.ReceivedTable, error) {
	tables := make([]*bridge.ReceivedTable, len(speakers))
	errs := make([]error, len(speakers))
	err := o.each(ctx, speakers, errs, func(ctx context.Context, s *rabbit.Session) error {
		var g errgroup.Group
		for i, speaker := range speakers {
			g.Go(func() error {
				tables[i], errs[i] = receivedTable(ctx, bridge.NewFollower(s, speaker, bridge.Follow{Received: true}, nil, o.log))
				return errs[i]
			})
		}
		return g.Wait()
	})
	if _, some := err.(failures); err != nil && !some {
		return make([]*bridge.ReceivedTable, len(speakers)), err
	}
	return tables, err
}

// receivedTable opens a follower and waits until its table is whole.
func receivedTable(ctx context.Context, f *bridge.Follower) (*bridge.ReceivedTable, error) {
	err := f.Open(ctx)
	for err == nil {
		var n bridge.Notice
		if n, err = f.Next(ctx, nil); n.Table {
			return f.Table(), nil
		}
	}
	return nil, &silence{absent: f.Absent(), late: true, err: err}
}
