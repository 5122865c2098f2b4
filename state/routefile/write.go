package routefile

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"routesync/state"
)

// Write is the canonical text of a file that asks for d, with nothing left to
// defaults; about is what its first comment says. Routes by prefix that differ
// in nothing else stand in one item. It fails if a file can't ask for d, and
// then the error holds a fault for each reason.
func Write(d *state.Desired, about []string) ([]byte, error) {
	w := &fileWriter{}
	for _, line := range about {
		w.line(0, "# "+line)
	}
	if len(about) > 0 {
		w.WriteByte('\n')
	}
	w.line(0, "version: 1")
	w.line(0, "owner: "+text(d.Owner))
	w.line(0, "speakers: "+flowList(d.Speakers))
	w.guard(d.Policy)
	some := w.section("routes", d, func(k state.Key) bool { return !k.Family.IsFlow() && k.Family != state.L2VPNVPLS }, w.prefixes)
	some = w.section("flows", d, func(k state.Key) bool { return k.Family.IsFlow() }, w.flow) || some
	some = w.section("vpls", d, func(k state.Key) bool { return k.Family == state.L2VPNVPLS }, w.vpls) || some
	if !some {
		w.line(0, "routes: []")
	}
	out, err := Format("the file", []byte(w.String()), nil)
	if err != nil {
		return nil, err
	}
	if back, err := Parse("the file", out); err != nil || !sameSet(d, back) {
		return nil, errors.Join(err, errors.New("a file would ask for other routes"))
	}
	return out, nil
}

// sameSet compares what two sets ask for.
func sameSet(a, b *state.Desired) bool {
	sorted := func(d *state.Desired) []state.Wanted {
		return slices.SortedFunc(slices.Values(d.Routes), func(a, b state.Wanted) int {
			return cmp.Or(state.CompareKeys(a.Key, b.Key), cmp.Compare(a.Peers, b.Peers))
		})
	}
	return a.Owner == b.Owner && sameGuard(a.Policy, b.Policy) && slices.Equal(a.Speakers, b.Speakers) && slices.EqualFunc(sorted(a), sorted(b), sameRoute)
}

type fileWriter struct{ strings.Builder }

func (w *fileWriter) line(indent int, text string) {
	w.WriteString(strings.Repeat(" ", indent) + text + "\n")
}

// section writes a list of items; false if there is none.
func (w *fileWriter) section(name string, d *state.Desired, is func(state.Key) bool, item func([]state.Wanted)) bool {
	type alike struct {
		rd, tags, comment      string
		id                     uint32
		attrs                  state.Attrs
		peers                  state.Peers
		starts, expires, lease int64
		alone                  state.Key
	}
	groups := map[alike][]state.Wanted{}
	var order []alike
	for _, r := range d.Routes {
		if !is(r.Key) {
			continue
		}
		a := alike{tags: strings.Join(r.Tags, " "), comment: r.Comment, attrs: r.Attrs, peers: r.Peers, starts: r.Starts, expires: r.Expires, lease: r.Lease}
		if r.Key.Family.HasPrefix() {
			a.rd, a.id = r.Key.RD(), r.Key.PathID()
		} else {
			a.alone = r.Key
		}
		if groups[a] == nil {
			order = append(order, a)
		}
		groups[a] = append(groups[a], r)
	}
	if len(order) == 0 {
		return false
	}
	w.line(0, name+":")
	for _, a := range order {
		item(groups[a])
	}
	return true
}

func (w *fileWriter) prefixes(alike []state.Wanted) {
	r := &alike[0]
	if len(alike) == 1 {
		w.line(2, "- prefix: "+r.Key.Prefix().String())
	} else {
		w.line(2, "- prefixes:")
		for i := range alike {
			w.line(6, "- "+alike[i].Key.Prefix().String())
		}
	}
	if id := r.Key.PathID(); id != 0 {
		w.line(4, "path-information: "+strconv.FormatUint(uint64(id), 10))
	}
	w.rd(r.Key)
	w.attrs(r.Attrs)
	w.about(r)
}

func (w *fileWriter) vpls(alike []state.Wanted) {
	r := &alike[0]
	endpoint, base, offset, size, _ := r.Key.VPLS()
	w.line(2, fmt.Sprintf("- endpoint: %d", endpoint))
	w.line(4, fmt.Sprintf("base: %d", base))
	w.line(4, fmt.Sprintf("offset: %d", offset))
	w.line(4, fmt.Sprintf("size: %d", size))
	w.rd(r.Key)
	w.attrs(r.Attrs)
	w.about(r)
}

func (w *fileWriter) flow(alike []state.Wanted) {
	r := &alike[0]
	w.line(2, "- match:")
	for _, c := range r.Key.Components() {
		w.line(6, c.Name+": "+oneOrList(c.Values))
	}
	w.line(4, "then:")
	none := true
	for name, values := range r.Attrs.All() {
		switch name {
		case state.NextHop:
			continue
		case state.ExtendedCommunity:
			values = w.actions(values)
		}
		none = false
		if len(values) > 0 {
			w.line(6, string(name)+": "+flowList(values))
		}
	}
	if none {
		w.line(6, "accept: true")
	}
	w.rd(r.Key)
	if hop := r.Attrs.NextHop(); hop != "" {
		w.line(4, "next-hop: "+text(hop))
	}
	w.about(r)
}

// actions writes the actions that extended communities stand for, one of each
// kind, and returns the others.
func (w *fileWriter) actions(values []string) []string {
	var rest []string
	used := map[string]bool{}
	for _, v := range values {
		words := []string{""}
		if raw, err := state.ExtendedCommunityBytes(v); err == nil {
			words = strings.Fields(state.FlowActionOf(raw))
		}
		if len(words) == 0 || used[words[0]] || !slices.Contains(state.FlowActionNames(), words[0]) {
			rest = append(rest, v)
			continue
		}
		used[words[0]] = true
		value := "true"
		if len(words) > 1 {
			value = text(words[1])
		}
		w.line(6, words[0]+": "+value)
	}
	return rest
}

func (w *fileWriter) rd(k state.Key) {
	if rd := k.RD(); rd != "" {
		w.line(4, "rd: "+text(rd))
	}
}

func (w *fileWriter) attrs(attrs state.Attrs) {
	for name, values := range attrs.All() {
		value := ""
		switch {
		case name.IsFlag():
			value = "true"
		case name == state.ASPath:
			value = list(values, func(v string) string {
				if set, ok := strings.CutPrefix(v, "("); ok {
					return flowList(strings.Fields(strings.TrimSuffix(set, ")")))
				}
				return text(v)
			})
		case name == state.Raw:
			value = list(values, func(v string) string { return flowList(strings.Fields(v)) })
		case name == state.PrefixSID:
			value = flowList(values[:1])
			if len(values) > 1 {
				value = "[" + values[0] + ", " + list(values[1:], func(v string) string {
					return flowList(strings.Split(strings.Trim(v, "()"), ","))
				}) + "]"
			}
		case name == state.Label:
			value = oneOrList(values)
		case name.IsList():
			value = flowList(values)
		default:
			value = text(values[0])
		}
		w.line(4, string(name)+": "+value)
	}
}

func (w *fileWriter) about(r *state.Wanted) {
	var peers []string
	for _, s := range r.Peers.Selectors() {
		peers = append(peers, s.String())
	}
	if len(peers) > 0 {
		w.line(4, "peers: "+flowList(peers))
	}
	if len(r.Tags) > 0 {
		w.line(4, "tags: "+flowList(r.Tags))
	}
	for _, at := range []struct {
		key string
		ms  int64
	}{{"starts", r.Starts}, {"expires", r.Expires}} {
		if at.ms != 0 {
			w.line(4, at.key+": "+time.UnixMilli(at.ms).UTC().Format(time.RFC3339Nano))
		}
	}
	if r.Lease != 0 {
		w.line(4, "lease: "+(time.Duration(r.Lease)*time.Millisecond).String())
	}
	if r.Comment != "" {
		w.line(4, "comment: "+scalar(plainNode(r.Comment), false))
	}
}

// text is a value as it is written anywhere.
func text(v string) string { return scalar(plainNode(v), true) }

// plainNode is a value that needs no quotes but where it would be none.
func plainNode(v string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Value: v}
	if isNull(n) {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

func list(values []string, item func(string) string) string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = item(v)
	}
	return "[" + strings.Join(all, ", ") + "]"
}

func flowList(values []string) string { return list(values, text) }

func oneOrList(values []string) string {
	if len(values) == 1 {
		return text(values[0])
	}
	return flowList(values)
}
