package main

import (
	_ "embed"
	"fmt"

	"github.com/spf13/cobra"

	"routesync/state/routefile"
)

//go:embed plan.schema.json
var planSchema []byte

const schemaOfPlan = "plan"

func schemaCommand(w *world) *cobra.Command {
	return &cobra.Command{
		Use:   "schema [plan]",
		Short: "Print the JSON Schema of the file, for editors, or of what plan prints",
		Long: `Print the JSON Schema (draft 2020-12) of the file. An editor with the YAML
language server completes and checks a file that begins with the line

  # yaml-language-server: $schema=routes.schema.json

A schema can't say all that validate does: what stands twice, whether an address
is one, what goes together with what.

With the word plan, it is that of what "routesync plan -o json" prints.`,
		ValidArgs: []string{schemaOfPlan},
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || len(args) == 1 && args[0] == schemaOfPlan {
				return nil
			}
			return usage(fmt.Errorf("there is no schema of %q", args), "routesync schema is that of the file, routesync schema plan of a plan")
		},
		RunE: func(_ *cobra.Command, args []string) error {
			schema := routefile.Schema()
			if len(args) > 0 {
				schema = planSchema
			}
			_, err := w.stdout.Write(schema)
			return err
		},
	}
}
