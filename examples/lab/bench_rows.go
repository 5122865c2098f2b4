package main

import (
	"context"
	"fmt"

	"routesync/examples/lab/figures"
)

// The rows, by the words that -run chooses them by.
const (
	rowMany        = "many"
	rowSets        = "attributes"
	rowFull        = "full-table"
	rowFullCPU     = "full-table-cpu"
	rowAdded       = "one-added"
	rowChanged     = "one-changed"
	rowRemoved     = "one-removed"
	rowOneCPU      = "one-cpu"
	rowListed      = "one-in-list"
	rowFew         = "one-of-few"
	rowWithdraw    = "withdraw-all"
	rowWithdrawCPU = "withdraw-all-cpu"
	rowMemory      = "memory-peak"
	rowResident    = "memory-converged"
	rowIdle        = "idle"
	rowQueue       = "idle-queue"
	rowSecond      = "second-speaker"
	rowSecondRead  = "second-speaker-reads"
	rowSnapshot    = "snapshot"
	rowRespawn     = "respawn"
	rowClassic     = "classic"
	rowConsole     = "console"
	rowPlan        = "plan"
)

// The systems, and what is shown of routesync besides.
const (
	ours          = "routesync"
	oursRead      = "of it, until the file is settled and read"
	oursConfirmed = "until all is confirmed at watch"
	oursAgain     = "until a save after that is at the router"
	oursWithout   = "watch, bridge and supervisor"
	oursAll       = "watch, bridge, supervisor and exaBGP"
	ofFloor       = "the floor"
	ofFloorTold   = "the floor, with send events"
	exaBGPOfFloor = "exaBGP of the floor"
	ofBIRD        = "birdc configure"
	ofSource      = "the BIRD of the static routes"
	ofHelper      = "the classic helper"
)

// The sizes of what is not done with the whole table, if that is as large.
const (
	benchMany    = 100_000
	benchSome    = 20_000
	benchPiped   = 10_000
	benchFew     = 100
	perAttribute = 10 // routes of each set of attributes
)

// experiment fills some rows in one run of it, a round.
type experiment struct {
	rows []string
	run  func(context.Context, *bench) error
}

// experiments are in the order in which they run.
func experiments() []experiment {
	return []experiment{
		{[]string{rowMany}, many},
		{[]string{rowSets}, attributeSets},
		{[]string{rowFew}, few},
		{[]string{rowClassic}, classic},
		{[]string{rowConsole}, console},
		{[]string{rowPlan}, planned},
		{[]string{rowAdded, rowChanged, rowRemoved}, reloads},
		{[]string{rowAdded, rowChanged, rowRemoved, rowMemory}, reconfigures},
		{millionRows(), million},
		{[]string{rowSecond, rowSecondRead}, second},
	}
}

// static and reload name exaBGP's own way of so many routes.
func (b *bench) static() string { return "exaBGP's own configuration" }
func (b *bench) reload() string {
	return fmt.Sprintf("exaBGP's SIGUSR1, %s routes", figures.Count(len(b.some4(benchMany))))
}

// rows are all that there are, with their aims.
func (b *bench) rows() []*figures.Row {
	const ms, cpu, mib, share = figures.Milliseconds, figures.CPUSeconds, figures.MiB, figures.OfACore
	n := figures.Count(len(b.table))
	row := func(name string, unit figures.Unit, what string, aims ...figures.Aim) *figures.Row {
		return &figures.Row{Name: name, What: what, Unit: unit, Aims: aims}
	}
	of := func(most float64, system string) figures.Aim {
		return figures.Aim{Of: ours, Against: system, Most: most}
	}
	one := func(name, what string) *figures.Row {
		return row(name, ms, "one route "+what+" a file of "+n+", save to router", of(0.7, ofBIRD), of(1.0/50, b.reload()))
	}
	some := len(b.some(benchSome))
	return []*figures.Row{
		row(rowMany, ms, figures.Count(len(b.some4(benchMany)))+" routes of IPv4, save to router, which has none", of(1, b.static()), of(1.2, ofFloor)),
		row(rowSets, ms, fmt.Sprintf("%s routes of %s sets of attributes, save to router", figures.Count(some), figures.Count(some/perAttribute)), of(1.2, ofFloor)),
		row(rowFull, ms, "the table of "+n+" routes, IPv4 and IPv6, save to router", of(1.25, ofFloor)),
		row(rowFullCPU, cpu, "CPU time for the table of "+n+", until all is confirmed"),
		one(rowAdded, "added to"), one(rowChanged, "changed in"), one(rowRemoved, "removed from"),
		row(rowOneCPU, cpu, "CPU time for one route in a file of "+n),
		row(rowListed, ms, "one route added to or removed from a list of "+n+", save to router"),
		row(rowFew, ms, fmt.Sprintf("one route in a file of %d, save to router", benchFew),
			figures.Aim{Of: ours, Most: 60}, figures.Aim{Of: ours, Worst: true, Most: 200}),
		row(rowWithdraw, ms, n+" routes withdrawn with their group, save to router", of(1.25, ofFloor)),
		row(rowWithdrawCPU, cpu, "CPU time for "+n+" withdraws"),
		row(rowMemory, mib, "peak memory, "+n+" routes loaded and converged",
			figures.Aim{Of: ofWatch, Against: ofSource, Most: 1}, figures.Aim{Of: ofBridge, Against: ofSource, Most: 1}),
		row(rowResident, mib, "resident memory, "+n+" routes converged"),
		row(rowIdle, share, "idle with "+n+" routes", figures.Aim{Of: oursAll, Most: 1}),
		row(rowQueue, figures.Number, "messages published at the broker, idle with "+n+" routes"),
		row(rowSecond, mib, "peak memory of a watch of "+n+" routes, start to nothing to do", figures.Aim{Of: watchOfTwo, Against: watchOfOne, Most: 1.3}),
		row(rowSecondRead, figures.Number, "how often that watch logs that it read the file", figures.Aim{Of: watchOfTwo, Worst: true, Most: 1}),
		row(rowSnapshot, ms, "a new watch of "+n+" routes, start to nothing to do", figures.Aim{Of: ours, Most: 3000}),
		row(rowRespawn, ms, "a killed bridge, "+n+" routes, until the next confirms them, and none moved",
			figures.Aim{Of: ours, Most: 5000}, figures.Aim{Of: oursAgain, Most: 5000}),
		row(rowClassic, ms, figures.Count(some)+" routes to the router, beside a helper in Python on pika", of(0.1, ofHelper)),
		row(rowConsole, ms, figures.Count(len(b.some(benchPiped)))+" commands piped into a program", figures.Aim{Of: consoleExit, Against: senderHeld, Most: 0.2}),
		row(rowPlan, ms, "plan of "+figures.Count(len(b.some4(benchMany)))+" routes, one of them changed, from the start of the program",
			figures.Aim{Of: ours, Most: 1000}, figures.Aim{Of: planValidate, Most: 500}),
	}
}
