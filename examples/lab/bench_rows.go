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
)

// The systems, and what is shown of routesync besides.
const (
	ours          = "routesync"
	oursRead      = "of it, until the file is settled and read"
	oursConfirmed = "until all is confirmed at watch"
	oursAgain     = "until a save right after that is at the router"
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
		{[]string{rowAdded, rowChanged, rowRemoved}, reloads},
		{[]string{rowAdded, rowChanged, rowRemoved, rowMemory}, reconfigures},
		{millionRows(), million},
		{[]string{rowSecond, rowSecondRead}, second},
	}
}

// static and reload name exaBGP's own way of so many routes.
func (b *bench) static() string { return "exaBGP's own configuration, from its start" }
func (b *bench) reload() string {
	return fmt.Sprintf("exaBGP's SIGUSR1, %d routes", len(b.some4(benchMany)))
}

// rows are all that there are, with their aims.
func (b *bench) rows() []*figures.Row {
	const ms, cpu, mib, share = figures.Milliseconds, figures.CPUSeconds, figures.MiB, figures.OfACore
	n := len(b.table)
	one := func(name, what string) *figures.Row {
		return &figures.Row{Name: name, What: fmt.Sprintf("one route %s a file of %d, from the save to the router", what, n), Unit: ms,
			Aims: []figures.Aim{{Of: ours, Against: ofBIRD, Most: 0.7}, {Of: ours, Against: b.reload(), Most: 1.0 / 50}}}
	}
	atMost := func(f float64, system string) figures.Aim { return figures.Aim{Of: ours, Against: system, Most: f} }
	return []*figures.Row{
		{Name: rowMany, What: fmt.Sprintf("%d routes of IPv4, from the save to the router, which has none", len(b.some4(benchMany))), Unit: ms,
			Aims: []figures.Aim{atMost(1, b.static()), atMost(1.2, ofFloor)}},
		{Name: rowSets, What: fmt.Sprintf("%d routes of %d sets of attributes, likewise", len(b.some(benchSome)), len(b.some(benchSome))/perAttribute), Unit: ms,
			Aims: []figures.Aim{atMost(1.2, ofFloor)}},
		{Name: rowFull, What: fmt.Sprintf("the table of %d routes, IPv4 and IPv6, likewise", n), Unit: ms, Aims: []figures.Aim{atMost(1.25, ofFloor)}},
		{Name: rowFullCPU, What: "the same: CPU time of each process, until all is confirmed", Unit: cpu},
		one(rowAdded, "added to"), one(rowChanged, "changed in"), one(rowRemoved, "removed from"),
		{Name: rowOneCPU, What: "each of the same: CPU time of each process", Unit: cpu},
		{Name: rowListed, What: fmt.Sprintf("one route added to or removed from a list of prefixes of %d", n), Unit: ms},
		{Name: rowFew, What: fmt.Sprintf("one route in a file of %d, from the save to the router", benchFew), Unit: ms,
			Aims: []figures.Aim{{Of: ours, Most: 60}, {Of: ours, Worst: true, Most: 200}}},
		{Name: rowWithdraw, What: fmt.Sprintf("%d routes withdrawn, as the group that they are in is removed", n), Unit: ms, Aims: []figures.Aim{atMost(1.25, ofFloor)}},
		{Name: rowWithdrawCPU, What: "the same: CPU time of each process", Unit: cpu},
		{Name: rowMemory, What: fmt.Sprintf("peak memory, %d routes loaded and converged", n), Unit: mib,
			Aims: []figures.Aim{{Of: ofWatch, Against: ofSource, Most: 1}, {Of: ofBridge, Against: ofSource, Most: 1}}},
		{Name: rowResident, What: "the same: memory resident after it", Unit: mib},
		{Name: rowIdle, What: fmt.Sprintf("idle with %d routes", n), Unit: share, Aims: []figures.Aim{{Of: oursAll, Most: 1}}},
		{Name: rowQueue, What: "the same: messages that are published at the broker", Unit: figures.Number},
		{Name: rowSecond, What: fmt.Sprintf("peak memory of a watch with %d routes, from its start to nothing to do", n), Unit: mib,
			Aims: []figures.Aim{{Of: watchOfTwo, Against: watchOfOne, Most: 1.3}}},
		{Name: rowSecondRead, What: "how often it logs that the file was read and is in force", Unit: figures.Number, Aims: []figures.Aim{{Of: watchOfTwo, Worst: true, Most: 1}}},
		{Name: rowSnapshot, What: fmt.Sprintf("a new watch with %d routes, from its start to nothing to do", n), Unit: ms, Aims: []figures.Aim{{Of: ours, Most: 3000}}},
		{Name: rowRespawn, What: fmt.Sprintf("a killed bridge under the same exaBGP, %d routes, until all is confirmed and no route has moved", n), Unit: ms,
			Aims: []figures.Aim{{Of: ours, Most: 5000}, {Of: oursAgain, Most: 5000}}},
		{Name: rowClassic, What: fmt.Sprintf("%d routes to the router, beside a helper in Python on pika", len(b.some(benchSome))), Unit: ms,
			Aims: []figures.Aim{atMost(0.1, ofHelper)}},
		{Name: rowConsole, What: fmt.Sprintf("%d commands piped into a program", len(b.some(benchPiped))), Unit: ms,
			Aims: []figures.Aim{{Of: consoleExit, Against: senderHeld, Most: 0.2}}},
	}
}
