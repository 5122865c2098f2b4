package rig

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// keeperEnv, set to keeperOn, turns a program that calls KeeperMain into
	// a keeper.
	keeperEnv = "ROUTESYNC_LAB_KEEPER"
	keeperOn  = "1"

	// The keeper's end of the two pipes: orders in, reports out.
	keeperOrders  = 3
	keeperReports = 4

	// killEvery is how often a dying keeper looks for descendants that were
	// born while it killed the others.
	killEvery = 5 * time.Millisecond
)

// What a keeper reports, a line each.
const (
	reportStarted   = "started"   // started PID
	reportFailed    = "failed"    // failed REASON: the child never ran
	reportSignalled = "signalled" // signalled [ERROR]: answers one order
	reportExited    = "exited"    // exited STATUS: the child, not its descendants
)

// KeeperMain is the first call of main and of TestMain in a program that uses
// this package. It returns at once unless this process was started as a
// keeper, in which case it does the keeper's work and ends the process.
func KeeperMain() {
	if os.Getenv(keeperEnv) != keeperOn {
		return
	}
	// Nothing of the host program may run in a keeper. Not os.Exit, which
	// waits a second in a program built with -race.
	syscall.Exit(keep(os.Args[1:]))
}

// keep runs argv as a child and stays until neither it nor any descendant of
// it lives. It kills them all once the orders' pipe is at its end, which is
// what the death of the lab looks like from here.
func keep(argv []string) int {
	runtime.LockOSThread() // Pdeathsig below is the death of this thread
	unix.CloseOnExec(keeperOrders)
	unix.CloseOnExec(keeperReports)
	reports := os.NewFile(keeperReports, "reports")
	report := func(parts ...any) {
		// A lab that is gone reads nothing; the orders' pipe tells that.
		_, _ = fmt.Fprintln(reports, parts...)
	}
	// A handler instead of SIG_IGN: what is ignored stays ignored in children.
	end := make(chan os.Signal, 1)
	signal.Notify(end, unix.SIGTERM, unix.SIGINT, unix.SIGHUP)
	signal.Notify(make(chan os.Signal, 1), unix.SIGPIPE)

	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		report(reportFailed, "become a subreaper:", err)
		return 1
	}
	if err := os.Unsetenv(keeperEnv); err != nil {
		report(reportFailed, "clear the environment:", err)
		return 1
	}
	pid, err := syscall.ForkExec(argv[0], argv, &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{0, 1, 2},
		Sys:   &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		report(reportFailed, err)
		return 1
	}
	report(reportStarted, pid)
	watchOver(pid, orders(os.NewFile(keeperOrders, "orders")), end, report)
	return 0
}

// watchOver is the keeper's loop. It returns when no descendant is left.
func watchOver(pid int, orders <-chan string, end <-chan os.Signal, report func(...any)) {
	var kill <-chan time.Time
	dying := func() {
		orders, end = nil, nil
		kill = time.Tick(killEvery)
		killDescendants()
	}
	dead := reap()
	alive := true
	for {
		select {
		case order, ok := <-orders:
			if !ok {
				dying()
				continue
			}
			report(strings.TrimSpace(reportSignalled + " " + obey(pid, alive, order)))
		case <-end:
			dying()
		case <-kill:
			killDescendants()
		case child, ok := <-dead:
			if !ok {
				return
			}
			if child.pid == pid {
				alive = false
				report(reportExited, child.status)
			}
		}
	}
}

// orders turns the pipe into a channel that is closed at its end.
func orders(from io.Reader) <-chan string {
	lines := make(chan string)
	go func() { // ends with the process
		defer close(lines)
		for scan := bufio.NewScanner(from); scan.Scan(); {
			lines <- scan.Text()
		}
	}()
	return lines
}

// obey sends the child the signal that the order names, and says what failed.
func obey(pid int, alive bool, order string) string {
	number, err := strconv.Atoi(order)
	if err != nil {
		return "not a signal: " + order
	}
	if !alive { // its number may be somebody else's by now
		return unix.ESRCH.Error()
	}
	if err := unix.Kill(pid, unix.Signal(number)); err != nil {
		return err.Error()
	}
	return ""
}

type deadChild struct {
	pid    int
	status string
}

// reap collects every child, adopted ones too, and closes the channel when
// there is none: then there is no descendant either, since a descendant whose
// parent died is a child of this process.
func reap() <-chan deadChild {
	dead := make(chan deadChild)
	go func() { // ends with the last child
		defer close(dead)
		for {
			var status unix.WaitStatus
			pid, err := unix.Wait4(-1, &status, 0, nil)
			switch {
			case err == unix.EINTR:
			case err != nil:
				return
			case status.Signaled():
				dead <- deadChild{pid, status.Signal().String()}
			default:
				dead <- deadChild{pid, fmt.Sprintf("exit status %d", status.ExitStatus())}
			}
		}
	}()
	return dead
}

func killDescendants() {
	table, err := processTable()
	if err != nil {
		return // the next round tries again; without /proc there is no other way
	}
	for _, pid := range table.descendants(os.Getpid()) {
		_ = unix.Kill(pid, unix.SIGKILL) // gone already is as good
	}
}
