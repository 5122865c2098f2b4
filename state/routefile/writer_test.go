package routefile

import (
	"fmt"
	"strconv"
	"strings"

	"routesync/state"
)

// write is the file that asks for d, with nothing left to defaults.
func write(d *state.Desired, order []int) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\nowner: %s\nspeakers: [%s]\nroutes:", d.Owner, strings.Join(d.Speakers, ", "))
	if len(d.Routes) == 0 {
		b.WriteString(" []")
	}
	b.WriteByte('\n')
	for _, i := range order {
		writeRoute(&b, &d.Routes[i])
	}
	return []byte(b.String())
}

func writeRoute(b *strings.Builder, w *state.Wanted) {
	fmt.Fprintf(b, "- prefix: %s\n", w.Key.Prefix())
	if id := w.Key.PathID(); id != 0 {
		fmt.Fprintf(b, "  path-information: %d\n", id)
	}
	for name, values := range w.Attrs.All() {
		switch {
		case name.IsFlag():
			fmt.Fprintf(b, "  %s: true\n", name)
		case name == state.PrefixSID:
			fmt.Fprintf(b, "  %s: %q\n", name, "[ "+values[0]+", [ "+strings.Join(values[1:], ",")+" ] ]")
		case name.IsList():
			quoted := make([]string, len(values))
			for i, v := range values {
				quoted[i] = strconv.Quote(v)
			}
			fmt.Fprintf(b, "  %s: [%s]\n", name, strings.Join(quoted, ", "))
		default:
			fmt.Fprintf(b, "  %s: %s\n", name, values[0])
		}
	}
	if !w.Peers.All() {
		fmt.Fprintf(b, `  peers: ["%s"]`+"\n", strings.ReplaceAll(string(w.Peers), ",", `", "`))
	}
	if len(w.Tags) > 0 {
		fmt.Fprintf(b, `  tags: ["%s"]`+"\n", strings.Join(w.Tags, `", "`))
	}
	if w.Comment != "" {
		fmt.Fprintf(b, "  comment: '%s'\n", strings.ReplaceAll(w.Comment, "'", "''"))
	}
}

// inOrder is 0, 1, ... n-1.
func inOrder(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return order
}

// placeless is d without positions, which the order of the file changes.
func placeless(d *state.Desired) *state.Desired {
	c := *d
	c.Routes = nil
	for _, w := range d.Routes {
		w.Pos = state.Position{}
		c.Routes = append(c.Routes, w)
	}
	return &c
}
