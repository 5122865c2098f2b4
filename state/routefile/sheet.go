package routefile

import (
	"sort"
	"strings"

	"gopkg.in/yaml.v3"
)

// sheet is the text of one file, in parts, and what was made of them.
type sheet struct {
	name  string
	text  []byte // not ours to change
	parts []part
	// users are what each item that names a file of prefixes says of them all.
	users []mold
	list  bool // it is a file of prefixes
}

// run is plain items of one list, one behind the other, of one part or more.
type run struct {
	sheet *sheet
	parts []part
}

// seam is where the skeleton goes on with the text at another line.
type seam struct{ line, of int }

// skeleton is the text with only the first of the plain items of each run. The
// others are closed as it is, so to YAML all else means the same without them: it
// depends on them for nothing but its line.
type skeleton struct {
	text  string
	seams []seam
	runs  map[int]*run // by the line that their first item has
}

// skeleton cuts out all but the first item of each run.
func (s *sheet) skeleton() *skeleton {
	k := &skeleton{runs: map[int]*run{}}
	var b strings.Builder
	line := 1
	add := func(from, to, lines, of int) {
		k.seams = append(k.seams, seam{line, of})
		b.Write(s.text[from:to])
		line += lines
	}
	for i := 0; i < len(s.parts); {
		p := &s.parts[i]
		if p.kind == otherLines {
			add(p.from, p.to, p.lines, p.line)
			i++
			continue
		}
		j := i + 1
		for j < len(s.parts) && s.parts[j].kind == p.kind && s.parts[j].indent == p.indent {
			j++
		}
		k.runs[line] = &run{s, s.parts[i:j]}
		add(p.from, p.first, p.firstLines, p.line)
		i = j
	}
	k.text = b.String()
	return k
}

// lineOf is the line of the text that a line of the skeleton is. Where there is no
// skeleton, it is the same.
func (k *skeleton) lineOf(line int) int {
	if k == nil {
		return line
	}
	i := sort.Search(len(k.seams), func(i int) bool { return k.seams[i].line > line }) - 1
	return k.seams[i].of + line - k.seams[i].line
}

// runAt is the run that a node is the first item of; nil if it is of none.
func (k *skeleton) runAt(n *yaml.Node) *run {
	if k == nil {
		return nil
	}
	r := k.runs[n.Line]
	if r == nil {
		return nil
	}
	it, _ := readPlain(r.sheet.text, r.parts[0].from, &plainItem{})
	if !sameNode(it.node(n.Line), n) {
		return nil
	}
	return r
}
