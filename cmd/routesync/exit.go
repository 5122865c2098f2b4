package main

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"routesync/state/routefile"
)

// The exit codes.
const (
	exitDone        = 0  // done, or nothing to do
	exitError       = 1  // it failed, or something was refused
	exitChanges     = 2  // plan --detailed-exitcode, fmt --check: there are changes
	exitGuarded     = 3  // a guard refused the plan: nothing of it was sent
	exitStale       = 4  // the saved plan is stale: nothing was sent, or not the rest of it
	exitUnconfirmed = 5  // not everything was confirmed in time
	exitUsage       = 64 // the command line is wrong
)

func exitHelp() string {
	return fmt.Sprintf(`Exit codes:
  %-3d done, or nothing to do
  %-3d error, or something was refused
  %-3d there are changes (only with plan --detailed-exitcode and fmt --check)
  %-3d refused by a guard; nothing of the plan was sent
  %-3d the saved plan is stale, or was used
  %-3d not confirmed in time, or held by exaBGP and not sent
  %-3d wrong usage`,
		exitDone, exitError, exitChanges, exitGuarded, exitStale, exitUnconfirmed, exitUsage)
}

// failure is an error with what it means for the exit code. Without err
// everything has been said.
type failure struct {
	code  int
	err   error
	hints []string
	is    *conditionJSON // the condition that it is, if it is one
}

func (f *failure) Error() string {
	if f.err == nil {
		return fmt.Sprintf("exit code %d", f.code)
	}
	return f.err.Error()
}

func (f *failure) Unwrap() error { return f.err }

// usage is the error of a wrong command line.
func usage(err error, hints ...string) error {
	return &failure{code: exitUsage, err: err, hints: hints}
}

// hinted adds what a person can do about an error.
func hinted(err error, hints ...string) error {
	return &failure{code: exitError, err: err, hints: hints}
}

// said ends the command with a code, without another word.
func said(code int) error {
	if code == exitDone {
		return nil
	}
	return &failure{code: code}
}

// report writes what went wrong, and returns the exit code.
func (w *world) report(err error) int {
	if err == nil {
		return exitDone
	}
	if all, ok := err.(failures); ok {
		var codes []int
		for _, one := range all {
			codes = append(codes, w.report(one))
		}
		return worst(codes)
	}
	f := &failure{code: exitError, err: err}
	if !errors.As(err, &f) && !w.ran {
		// Everything that cobra itself finds is on the command line.
		f.code, f.hints = exitUsage, []string{"routesync --help"}
	}
	if f.err == nil {
		return f.code
	}
	_ = writeError(w.stderr, err, f.hints) // there is nowhere left to say it
	return f.code
}

// writeError writes an error and its hints for people.
func writeError(to io.Writer, err error, hints []string) error {
	if routefile.Faults(err) != nil {
		return routefile.Render(to, err)
	}
	if _, err := fmt.Fprintf(to, "error: %v\n", err); err != nil {
		return err
	}
	for _, hint := range hints {
		if _, err := fmt.Fprintf(to, "hint: %s\n", hint); err != nil {
			return err
		}
	}
	return nil
}

// failures are several errors, of several speakers.
type failures []error

func (f failures) Error() string { return errors.Join(f...).Error() }

// err is the error that they are; nil if there are none.
func (f failures) err() error {
	if len(f) == 0 {
		return nil
	}
	return f
}

// worst is the exit code for several: an error says more than a lack of
// confirmation.
func worst(codes []int) int {
	for _, code := range []int{exitUsage, exitError, exitGuarded, exitStale, exitUnconfirmed, exitChanges} {
		if slices.Contains(codes, code) {
			return code
		}
	}
	return exitDone
}
