package routefile

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"routesync/state"
)

// write is the file that asks for d, with nothing left to defaults.
func write(d *state.Desired, order []int) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\nowner: %s\nspeakers: [%s]\n", d.Owner, strings.Join(d.Speakers, ", "))
	var g fileWriter
	g.guard(d.Policy)
	b.WriteString(g.String())
	for _, section := range []struct {
		name string
		has  func(state.Family) bool
	}{
		{"routes", state.Family.HasPrefix},
		{"flows", state.Family.IsFlow},
		{"vpls", func(f state.Family) bool { return f == state.L2VPNVPLS }},
	} {
		fmt.Fprintf(&b, "%s:", section.name)
		some := false
		for _, i := range order {
			if w := &d.Routes[i]; section.has(w.Key.Family) {
				if !some {
					b.WriteByte('\n')
				}
				some = true
				writeRoute(&b, w)
			}
		}
		if !some {
			b.WriteString(" []\n")
		}
	}
	return []byte(b.String())
}

func writeRoute(b *strings.Builder, w *state.Wanted) {
	switch k := w.Key; {
	case k.Family.HasPrefix():
		fmt.Fprintf(b, "- prefix: %s\n", k.Prefix())
		if id := k.PathID(); id != 0 {
			fmt.Fprintf(b, "  path-information: %d\n", id)
		}
		writeAttrs(b, w.Attrs)
	case k.Family.IsFlow():
		b.WriteString("- match:\n")
		for _, c := range k.Components() {
			fmt.Fprintf(b, "    %s: [%s]\n", c.Name, quoted(c.Values))
		}
		writeThen(b, w.Attrs)
	default:
		endpoint, base, offset, size, _ := k.VPLS()
		fmt.Fprintf(b, "- endpoint: %d\n  base: %d\n  offset: %d\n  size: %d\n", endpoint, base, offset, size)
		writeAttrs(b, w.Attrs)
	}
	if rd := w.Key.RD(); rd != "" {
		fmt.Fprintf(b, "  rd: %s\n", rd)
	}
	if !w.Peers.All() {
		fmt.Fprintf(b, `  peers: ["%s"]`+"\n", strings.ReplaceAll(string(w.Peers), ",", `", "`))
	}
	if len(w.Tags) > 0 {
		fmt.Fprintf(b, `  tags: ["%s"]`+"\n", strings.Join(w.Tags, `", "`))
	}
	for _, at := range []struct {
		name string
		ms   int64
	}{{"starts", w.Starts}, {"expires", w.Expires}} {
		if at.ms != 0 {
			fmt.Fprintf(b, "  %s: %s\n", at.name, time.UnixMilli(at.ms).UTC().Format(time.RFC3339))
		}
	}
	if w.Lease != 0 {
		fmt.Fprintf(b, "  lease: %ds\n", w.Lease/1000)
	}
	if w.Comment != "" {
		fmt.Fprintf(b, "  comment: '%s'\n", strings.ReplaceAll(w.Comment, "'", "''"))
	}
}

func writeAttrs(b *strings.Builder, attrs state.Attrs) {
	for name, values := range attrs.All() {
		switch {
		case name.IsFlag():
			fmt.Fprintf(b, "  %s: true\n", name)
		case name == state.PrefixSID:
			fmt.Fprintf(b, "  %s: %q\n", name, "[ "+values[0]+", [ "+strings.Join(values[1:], ",")+" ] ]")
		case name.IsList():
			fmt.Fprintf(b, "  %s: [%s]\n", name, quoted(values))
		default:
			fmt.Fprintf(b, "  %s: %s\n", name, values[0])
		}
	}
}

func writeThen(b *strings.Builder, attrs state.Attrs) {
	then := "accept: true"
	for name, values := range attrs.All() {
		if name == state.NextHop {
			fmt.Fprintf(b, "  next-hop: %s\n", values[0])
		} else {
			then += fmt.Sprintf(", %s: [%s]", name, quoted(values))
		}
	}
	fmt.Fprintf(b, "  then: { %s }\n", then)
}

func quoted(values []string) string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = strconv.Quote(v)
	}
	return strings.Join(all, ", ")
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
