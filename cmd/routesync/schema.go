package main

import (
	"github.com/spf13/cobra"

	"routesync/state/routefile"
)

func schemaCommand(w *world) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of the file, for editors",
		Long: `Print the JSON Schema (draft 2020-12) of the file. An editor with the YAML
language server completes and checks a file that begins with the line

  # yaml-language-server: $schema=routes.schema.json

A schema can't say all that validate does: what stands twice, whether an address
is one, what goes together with what.`,
		RunE: func(*cobra.Command, []string) error {
			_, err := w.stdout.Write(routefile.Schema())
			return err
		},
	}
}
