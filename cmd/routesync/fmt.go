package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"routesync/reconcile/watch"
	"routesync/state/routefile"
)

func fmtCommand(w *world, f *fmtFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "fmt [FILE...]",
		Short: "Give files their canonical order and style, comments kept",
		Long: fmt.Sprintf(`Give files their canonical order and style. The routes they ask for, and their
comments, stay the same.

  keys             in a fixed order, prefix first, comment last
  sets             communities and peers are sorted
  values           prefixes and addresses in their one spelling
  braces, brackets stay where they fit into a line and hold no comment

The order of the routes, and blank lines between them, are yours. A file with a
fault, in itself or in what it includes, is not touched. Included files are
formatted only if they are named. Without FILE it is %s; "-" is stdin, and
goes to stdout. What differs is written by rename, with the mode it had.`, defaultFile),
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error { return runFmt(w, f, args) },
	}
	cmd.Flags().BoolVar(&f.check, "check", false, fmt.Sprintf("write nothing; print the names of the files that differ, and exit with %d", exitChanges))
	cmd.Flags().StringVarP(&f.output, "output", "o", "", `write the one FILE there and not in place; "-" is stdout`)
	return cmd
}

func runFmt(w *world, f *fmtFlags, paths []string) error {
	if len(paths) == 0 {
		paths = []string{defaultFile}
	}
	switch {
	case f.output != "" && f.check:
		return usage(errors.New("--check writes nothing, and --output is where to write"))
	case f.output != "" && len(paths) > 1:
		return usage(errors.New("--output is for one file"), "without it, each is written in place")
	}
	differ := false
	var all failures
	for _, path := range paths {
		changed, err := f.one(w, path)
		if err != nil {
			all = append(all, err)
		}
		differ = differ || changed
	}
	switch {
	case len(all) > 0:
		return all
	case f.check && differ:
		return said(exitChanges)
	}
	return nil
}

// one formats a file, and tells whether it differed.
func (f *fmtFlags) one(w *world, path string) (bool, error) {
	data, _, err := readFile(path, w.stdin)
	if err != nil {
		err = fmt.Errorf("read %s: %w", fileName(path), bare(err))
		if errors.Is(err, fs.ErrNotExist) {
			return false, hinted(err, "files are named behind fmt")
		}
		return false, hinted(err)
	}
	out, err := routefile.Format(fileName(path), data, &watch.Disk{MaxSize: routefile.MaxSize})
	if err != nil {
		return false, err
	}
	same := bytes.Equal(data, out)
	switch {
	case f.check && same:
	case f.check:
		_, err = fmt.Fprintln(w.stdout, fileName(path))
	case f.output == stdinName, f.output == "" && path == stdinName:
		_, err = w.stdout.Write(out)
	case f.output != "":
		err = replaceFile(f.output, out)
	case !same:
		err = replaceFile(path, out)
	}
	return !same, err
}
