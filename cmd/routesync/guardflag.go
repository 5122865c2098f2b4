package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"routesync/state"
	"routesync/state/routefile"
)

// A guard that is given by flag holds besides those of the file, or besides those that
// hold without a word of it. It makes them stricter, and lifts nothing.

// flagGuard as it is given.
const flagGuard = "--guard"

func addGuard(cmd *cobra.Command, all *[]string) {
	cmd.Flags().StringArrayVar(all, strings.TrimPrefix(flagGuard, "--"), nil,
		"'KEY: VALUE', a guard besides those of the file, in the file's words; the stricter of the two holds")
}

// checkGuards reads what was given with --guard; nil if nothing was.
func checkGuards(texts []string) (*state.Policy, error) {
	p, err := readGuards(texts)
	if err == nil {
		return p, nil
	}
	all, several := err.(failures)
	if !several {
		all = failures{err}
	}
	for i, err := range all {
		all[i] = usage(err, hintOf(err)...)
	}
	return nil, all
}

// readGuards reads guards by themselves into one policy; nil if there are none.
func readGuards(texts []string) (*state.Policy, error) {
	var each []*state.Policy
	var wrong failures
	for _, text := range texts {
		p, err := routefile.ParseGuard(flagGuard, text)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		each = append(each, p)
	}
	if len(wrong) > 0 || len(each) == 0 {
		return nil, wrong.err()
	}
	all := each[0]
	for i, p := range each[1:] {
		var err error
		if all, err = all.Stricter(p); err != nil {
			return nil, fmt.Errorf("%s %s can't stand beside those before it: %w", flagGuard, shellWord(texts[i+1]), err)
		}
	}
	return all, nil
}

// readGuarded is readFiles, with guards that hold besides those of the file.
func readGuarded(path string, stdin io.Reader, given *state.Policy) (*state.Desired, []string, error) {
	desired, files, err := readFiles(path, stdin)
	if err == nil {
		desired.Policy, err = tighten(desired.Policy, "the guards of "+fileName(path), given)
	}
	return desired, files, err
}

// tighten is a policy, nil for the default one, with guards that were given by flag
// besides, nil for none. what is what the policy is called.
func tighten(p *state.Policy, what string, given *state.Policy) (*state.Policy, error) {
	if given == nil {
		return p, nil
	}
	if p == nil {
		p = state.DefaultPolicy()
	}
	p, err := p.Stricter(given)
	if err != nil {
		return nil, hinted(fmt.Errorf("%s can't stand beside %s: %w", flagGuard, what, err), hintOf(err)...)
	}
	return p, nil
}

// hintOf is what to write instead, if an error knows that.
func hintOf(err error) []string {
	if f := (*state.Fault)(nil); errors.As(err, &f) && f.Hint != "" {
		return []string{f.Hint}
	}
	return nil
}

// guardWords are the flags as they were given, for a shell: the digest of a plan hangs on
// them, and with it what an override is for.
func guardWords(texts []string) []string {
	var words []string
	for _, text := range texts {
		words = append(words, flagGuard, shellWord(text))
	}
	return words
}

// planWords are the command that makes a plan of a file by such guards.
func planWords(file string, guards []string) []string {
	return append([]string{"routesync", "plan", "-f", shellWord(file)}, guardWords(guards)...)
}
