package routefile

import (
	_ "embed"
	"slices"
)

//go:embed schema.json
var schema []byte

// Schema is the JSON Schema, draft 2020-12, of the file and of those that it
// includes. Every valid file is valid by it; not every file that it takes is.
func Schema() []byte { return slices.Clone(schema) }
