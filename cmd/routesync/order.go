package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"routesync/bridge"
	"routesync/bridge/rabbit"
	"routesync/bridge/wire"
	"routesync/state"
)

// orderFlags are those of the commands that order something.
type orderFlags struct {
	file, output, owner, reason string
	fileGiven                   bool
	speakers                    []string
	timeout                     time.Duration
}

// addOrder adds what orders have in common.
func addOrder(cmd *cobra.Command, f *orderFlags) {
	addFile(cmd, &f.file)
	addOutput(cmd, &f.output)
	cmd.Flags().StringSliceVar(&f.speakers, "speaker", nil, "speakers that it is for; those of the file if not given")
	cmd.Flags().StringVar(&f.owner, "owner", "", "whose file it is about; the owner of the file, or the only one that it can be, if not given")
	cmd.Flags().StringVar(&f.reason, "reason", "", "why, for the others; status and the log show it")
	cmd.Flags().DurationVar(&f.timeout, "timeout", 10*time.Second, "how long to wait for the speakers")
}

func orderCommand(w *world, g *globalFlags, f *orderFlags, kind wire.OrderKind, cmd *cobra.Command) *cobra.Command {
	addOrder(cmd, f)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		f.fileGiven = cmd.Flags().Changed("file")
		text := ""
		if len(args) > 0 {
			text = args[0]
		}
		return runOrder(cmd.Context(), w, g, f, kind, text)
	}
	return cmd
}

func pauseCommand(w *world, g *globalFlags, f *orderFlags) *cobra.Command {
	return orderCommand(w, g, f, wire.OrderPause, &cobra.Command{
		Use:   "pause",
		Short: "Have the watch of a file stand by until resume",
		Long: `Have the watch of a file stand by until resume, so that apply can act, or nothing
does. The bridge keeps that: it holds for each watch of the owner, also for one that
is started later, and nothing that was sent and not begun is carried out any more. What is
announced stays; routes that depend on a sign of life stay while a watch stands by.`,
	})
}

func resumeCommand(w *world, g *globalFlags, f *orderFlags) *cobra.Command {
	return orderCommand(w, g, f, wire.OrderResume, &cobra.Command{
		Use:   "resume",
		Short: "Have a watch that is paused go on",
	})
}

func overrideCommand(w *world, g *globalFlags, f *orderFlags) *cobra.Command {
	return orderCommand(w, g, f, wire.OrderOverride, &cobra.Command{
		Use:   "override RULE[,RULE...]@DIGEST",
		Short: "Lift rules of the guard for one plan of a watch",
		Long: `Lift rules of the guard for one plan of a watch: that of DIGEST, of which the first
12 digits are enough, and no other. The log and status of the watch that holds the plan
say what to give. It holds until the plan is carried out, and for a day at most; of
more than ` + strconv.Itoa(wire.MaxOverrides) + ` of an owner the oldest goes.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(fmt.Errorf("override takes one RULE[,RULE...]@DIGEST, and was given %d", len(args)))
			}
			if err := wire.CheckOverride(args[0]); err != nil {
				return usage(err)
			}
			_, err := parseOverride(args[0]) // one of a rule that there is not would lift nothing
			return err
		},
	})
}

func confirmCommand(w *world, g *globalFlags, f *orderFlags) *cobra.Command {
	return orderCommand(w, g, f, wire.OrderConfirm, &cobra.Command{
		Use:   "confirm",
		Short: "Keep what apply --confirm-within has done",
	})
}

func revertCommand(w *world, g *globalFlags, f *orderFlags) *cobra.Command {
	return orderCommand(w, g, f, wire.OrderRevert, &cobra.Command{
		Use:   "revert",
		Short: "Take back what apply --confirm-within has done, now",
	})
}

// order is one to one speaker, and what came of it.
type order struct {
	wire.Order
	answer wire.Ordered
	done   bool
}

func runOrder(ctx context.Context, w *world, g *globalFlags, f *orderFlags, kind wire.OrderKind, text string) error {
	if err := f.check(kind); err != nil {
		return err
	}
	cfg, err := g.broker(string(kind))
	if err != nil {
		return err
	}
	o := observer{cfg: cfg, timeout: f.timeout, log: w.log, hasty: true}
	owner, speakers, err := f.whose(ctx, w, o, kind)
	if err != nil {
		return err
	}
	me := commander(string(kind))
	all := make([]*order, len(speakers))
	for i, speaker := range speakers {
		all[i] = &order{Order: wire.Order{
			Speaker: speaker, ID: rand.Text(), Kind: kind, Owner: owner, From: me, Reason: strings.TrimSpace(toldText(f.reason)), Text: text,
		}}
	}
	errs := make([]error, len(speakers))
	failed := o.each(ctx, speakers, errs, func(ctx context.Context, s *rabbit.Session) error { return giveAll(ctx, s, all, errs) })
	if err := reportOrders(w, f.output, all); err != nil {
		return err
	}
	var bad failures
	for _, x := range all {
		if x.done && x.answer.Refused != "" {
			bad = append(bad, hinted(fmt.Errorf("%s: %s for owner %s is refused: %s", x.Speaker, x.Kind, x.Owner, x.answer.Refused)))
		}
	}
	if failed != nil {
		if several, ok := failed.(failures); ok {
			bad = append(bad, several...)
		} else {
			bad = append(bad, failed)
		}
	}
	return bad.err()
}

// giveAll gives the orders that were not answered yet.
func giveAll(ctx context.Context, s *rabbit.Session, all []*order, errs []error) error {
	desk, err := bridge.NewOrders(ctx, s)
	if err != nil {
		return err
	}
	var failed []error
	for i, x := range all {
		if x.done {
			continue
		}
		answer, err := giveOrder(ctx, desk, x.Order)
		if errors.Is(err, bridge.ErrNobodyAnswers) {
			err = &silence{absent: true, err: err}
		} else if err != nil {
			err = &silence{err: err}
		}
		if x.answer, x.done, errs[i] = answer, err == nil, err; err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// giveOrder gives one, and waits a little for a bridge that is being started again.
func giveOrder(ctx context.Context, desk *bridge.Orders, x wire.Order) (wire.Ordered, error) {
	pause := time.NewTicker(absentPatience / 6)
	defer pause.Stop()
	for until := time.Now().Add(absentPatience); ; {
		answer, err := desk.Give(ctx, x)
		if !errors.Is(err, bridge.ErrNobodyAnswers) || time.Now().After(until) {
			return answer, err
		}
		select {
		case <-ctx.Done():
			return answer, ctx.Err()
		case <-pause.C:
		}
	}
}

// check reads what the flags mean.
func (f *orderFlags) check(kind wire.OrderKind) error {
	if err := cmp.Or(errors.Join(checkOutput(f.output), checkTimeout(f.timeout)), checkSpeakers(f.speakers...)); err != nil {
		return err
	}
	if f.owner != "" {
		if err := state.CheckName(f.owner); err != nil {
			return usage(fmt.Errorf("--owner %w", err))
		}
	}
	if kind == wire.OrderPause && strings.TrimSpace(f.reason) == "" {
		return usage(errors.New("pause needs a reason: others find a watch that does nothing"), `give it with --reason "TEXT"`)
	}
	return nil
}

// whose is the owner that an order is about, and the speakers that it is for. Without
// a file the bridges say who it can be.
func (f *orderFlags) whose(ctx context.Context, w *world, o observer, kind wire.OrderKind) (string, []string, error) {
	owner, speakers := f.owner, f.speakers
	if owner == "" && (f.fileGiven || len(speakers) == 0) || len(speakers) == 0 {
		d := heading(f.file)
		if d == nil {
			_, err := readDesired(f.file, w.stdin)
			if err == nil {
				err = fmt.Errorf("%s does not say for whom it is", fileName(f.file))
			}
			return "", nil, err
		}
		if owner == "" {
			owner = d.Owner
		}
		if len(speakers) == 0 {
			speakers = d.Speakers
		}
	}
	if owner != "" {
		return owner, speakers, nil
	}
	seen, err := o.look(ctx, speakers)
	if err != nil {
		return "", nil, err
	}
	var can []string
	for _, s := range seen {
		can = append(can, ownersFor(kind, s.about)...)
	}
	slices.Sort(can)
	switch can = slices.Compact(can); len(can) {
	case 0:
		return "", nil, hinted(fmt.Errorf("there is nothing to %s at %s", kind, strings.Join(speakers, ", ")), "an owner is named with --owner")
	case 1:
		return can[0], speakers, nil
	}
	return "", nil, usage(fmt.Errorf("%s can be for each of the owners %s", kind, strings.Join(can, ", ")), "say which with --owner, or give its file with -f")
}

// ownersFor are those that an order can be about.
func ownersFor(kind wire.OrderKind, a *wire.About) []string {
	var all []string
	if a == nil {
		return nil
	}
	switch kind {
	case wire.OrderConfirm, wire.OrderRevert:
		for _, t := range a.Trials {
			all = append(all, t.Owner)
		}
	case wire.OrderResume:
		for _, p := range a.Pauses {
			all = append(all, p.Owner)
		}
	default:
		for _, f := range a.InForce {
			all = append(all, f.Owner)
		}
		for _, s := range a.Standbys {
			all = append(all, s.Owner)
		}
	}
	return all
}

type ordersJSON struct {
	FormatVersion string      `json:"format_version"`
	Orders        []orderJSON `json:"orders"`
}

type orderJSON struct {
	Speaker string `json:"speaker"`
	Owner   string `json:"owner"`
	Order   string `json:"order"`
	Done    string `json:"done,omitempty"`
	Refused string `json:"refused,omitempty"`
	Told    bool   `json:"answered"`
}

// reportOrders writes what came of orders.
func reportOrders(w *world, output string, all []*order) error {
	if output == outputJSON {
		j := ordersJSON{FormatVersion: formatVersion}
		for _, x := range all {
			j.Orders = append(j.Orders, orderJSON{x.Speaker, x.Owner, string(x.Kind), x.answer.Done, x.answer.Refused, x.done})
		}
		return writeJSON(w.stdout, j)
	}
	for _, x := range all {
		if x.done && x.answer.Refused == "" {
			if _, err := fmt.Fprintf(w.stdout, "%s: owner %s: %s\n", x.Speaker, x.Owner, x.answer.Done); err != nil {
				return err
			}
		}
	}
	return nil
}
