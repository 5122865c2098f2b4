package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"routesync/reconcile/history"
	"routesync/state"
)

type blameFlags struct {
	historyFlags
	speakers []string
	offline  bool
	timeout  time.Duration
}

func blameCommand(w *world, g *globalFlags, f *blameFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "blame ROUTE",
		Short: "Say who set a route, when and why, and what is not known of it",
		Long: `Say who set a route, when and why, at which peers that was confirmed, and what is
advertised now. ROUTE is the text that plan and status have: a prefix, an address,
or "10.9.0.0/24 rd 65000:1" as one word. It answers for a route that is gone, too,
and says what covers it.

The history has what this host did. What it does not have is said: what was there
before it began, what others changed, and what was given by hand.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				return nil
			}
			return usage(errors.New("blame takes one route"), `a route of several words is one argument: "10.9.0.0/24 rd 65000:1"`)
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runBlame(cmd.Context(), w, g, f, args[0]) },
	}
	f.add(cmd)
	cmd.Flags().StringSliceVar(&f.speakers, "speaker", nil, "only these speakers")
	cmd.Flags().BoolVar(&f.offline, "offline", false, "look at the history alone, and ask no speaker")
	cmd.Flags().DurationVar(&f.timeout, "timeout", 5*time.Second, "how long to wait for the speakers")
	return cmd
}

// accused is the route that blame is about.
type accused struct {
	text   string
	prefix netip.Prefix // zero for a route that is none
}

// parseAccused reads the route. What can be none is an error: of that, too, nothing
// would be advertised and nothing on record.
func parseAccused(text string) (accused, error) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		return accused{text, netip.PrefixFrom(a, a.BitLen())}, nil
	}
	p, err := state.ParsePrefix(text)
	if err == nil {
		return accused{p.String(), p}, nil
	}
	for _, f := range state.Families() {
		if _, err := state.ParseKey(f, text); err == nil {
			return accused{text: text}, nil
		}
	}
	if fault := (*state.Fault)(nil); strings.Contains(text, "/") && !strings.Contains(text, " ") && errors.As(err, &fault) && fault.Hint != "" {
		return accused{}, usage(fault, fault.Hint)
	}
	return accused{}, usage(fmt.Errorf("%q is not a route", text), `write it as plan and status do: 192.0.2.0/24, or "10.9.0.0/24 rd 65000:1" as one argument; or give an address`)
}

// is tells whether a route is the one that is meant, whatever else its key has.
func (a accused) is(k state.Key) bool {
	if a.prefix.IsValid() && k.Family.HasPrefix() && k.Prefix() == a.prefix {
		return true
	}
	return k.String() == a.text
}

// covers tells whether a route is less specific than the one that is meant.
func (a accused) covers(k state.Key) bool {
	if !a.prefix.IsValid() || !k.Family.HasPrefix() || k.RD() != "" {
		return false
	}
	p := k.Prefix()
	return p.Bits() < a.prefix.Bits() && p.Contains(a.prefix.Addr())
}

func runBlame(ctx context.Context, w *world, g *globalFlags, f *blameFlags, text string) error {
	route, err := parseAccused(text)
	if err != nil {
		return err
	}
	s, err := f.open(w, g)
	if err != nil {
		return err
	}
	if err := cmp.Or(checkTimeout(f.timeout), checkSpeakers(f.speakers...)); err != nil {
		return err
	}
	found, damaged, err := s.Find(func(k state.Key) bool { return route.is(k) || route.covers(k) })
	if err != nil {
		return hinted(fmt.Errorf("read the history: %w", err))
	}
	b := blamed{route: route, owner: s.Owner(), now: time.Now().UnixMilli()}
	b.began(s)
	for _, err := range damaged {
		b.Unknown = append(b.Unknown, err.Error()+"; what it says is not known")
	}
	live, failed := f.look(ctx, w, g, s.Owner(), found)
	if failed != nil {
		b.Unknown = append(b.Unknown, "what is advertised now: "+failed.Error())
	}
	b.judge(found, live, f.speakers)
	if f.output == outputJSON {
		return writeJSON(w.stdout, b.json())
	}
	return b.text(w)
}

// look asks the speakers, of the file and of the history, what they advertise.
func (f *blameFlags) look(ctx context.Context, w *world, g *globalFlags, owner string, found []*history.Found) ([]observation, error) {
	if f.offline {
		return nil, errors.New("no speaker was asked")
	}
	speakers := slices.Clone(f.speakers)
	if len(speakers) == 0 {
		for _, x := range found {
			speakers = append(speakers, x.Speaker)
		}
		if desired, err := readDesired(f.file, nil); err == nil && desired.Owner == owner {
			speakers = append(speakers, desired.Speakers...)
		}
		slices.Sort(speakers)
		speakers = slices.Compact(speakers)
	}
	if len(speakers) == 0 {
		return nil, errors.New("no speaker is known; name one with --speaker")
	}
	cfg, err := g.broker("blame")
	if err != nil {
		return nil, err
	}
	return observer{cfg: cfg, timeout: f.timeout, log: w.log, hasty: true}.look(ctx, speakers)
}
