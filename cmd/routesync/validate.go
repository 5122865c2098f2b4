package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"routesync/state"
	"routesync/state/routefile"
)

func validateCommand(w *world, f *validateFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check a file, offline",
		RunE: func(*cobra.Command, []string) error {
			if err := checkOutput(f.output); err != nil {
				return err
			}
			desired, err := readDesired(f.file, w.stdin)
			if f.output == outputJSON {
				return validateJSON(w.stdout, f.file, desired, err)
			}
			if err != nil {
				return err
			}
			untimely := untimelyText(untimely(desired, time.Now().UnixMilli()))
			if untimely != "" {
				untimely = " (" + untimely + ")"
			}
			_, err = fmt.Fprintf(w.stdout, "%s: ok: owner %s, %s%s for %s\n",
				fileName(f.file), desired.Owner, count(len(desired.Routes), "route"), untimely, strings.Join(desired.Speakers, ", "))
			return err
		},
	}
	addFile(cmd, &f.file)
	addOutput(cmd, &f.output)
	return cmd
}

type validation struct {
	FormatVersion string           `json:"format_version"`
	File          string           `json:"file"`
	Valid         bool             `json:"valid"`
	Owner         string           `json:"owner,omitempty"`
	Speakers      []string         `json:"speakers,omitempty"`
	Routes        int              `json:"routes"`
	NotStarted    int              `json:"routes_not_started,omitempty"`
	Expired       int              `json:"routes_expired,omitempty"`
	Errors        []routefile.Item `json:"errors"`
}

func validateJSON(to io.Writer, path string, desired *state.Desired, err error) error {
	v := validation{FormatVersion: formatVersion, File: fileName(path), Valid: err == nil, Errors: routefile.Items(err)}
	if err == nil {
		v.Owner, v.Speakers, v.Routes = desired.Owner, desired.Speakers, len(desired.Routes)
		v.NotStarted, v.Expired = untimely(desired, time.Now().UnixMilli())
		return writeJSON(to, v)
	}
	var unread *failure
	if errors.As(err, &unread) {
		v.Errors = append(v.Errors, routefile.Item{File: v.File, Message: err.Error()})
	}
	if err := writeJSON(to, v); err != nil {
		return err
	}
	return said(exitError)
}
