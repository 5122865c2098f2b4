package routefile

import (
	"errors"
	"fmt"
	"io/fs"
	"path"

	"gopkg.in/yaml.v3"

	"routesync/state"
)

// What a file may lead to. Who needs more has a loop, or a mistake in a glob.
const (
	maxFiles = 1000
	maxDepth = 16 // of files that include files, the first one counted
)

// Files is how a file's other files are had. A name is relative to what the
// name of the first file is relative to.
type Files interface {
	// Read returns the whole of a file.
	Read(name string) ([]byte, error)
	// Glob lists what matches a pattern of [path.Match], in order. Nothing is
	// no error; a directory that can't be read is one.
	Glob(pattern string) ([]string, error)
}

// load is one reading of a file with all that it leads to.
type load struct {
	files   Files // nil if there are no others
	faults  []*Error
	routes  []state.Wanted
	sources map[string]*source // by name
	lists   map[string]*prefixList
	// includes is where each file is included.
	includes map[string]state.Position
	size     int // in bytes, of all files
	header   *state.Desired
	short    *short // nil in the whole way

	interned map[state.Attrs]state.Attrs
	shared   map[termsKey]*state.Terms
	recipe   []byte // of the route at hand, in the form of the keys of built
	// hops has the attribute sets that are a next hop and nothing else.
	hops map[string]state.Attrs
	fits map[fit]error
	// names and known are what a route may say.
	names map[string]state.Name
	known []string
}

// fit is attributes on routes of a family.
type fit struct {
	family state.Family
	attrs  state.Attrs
}

// Parse reads the bytes of one file that leads to no other; name stands for it
// in positions. The error holds every fault; [Faults] lists them.
func Parse(name string, data []byte) (*state.Desired, error) { return Load(name, data, nil) }

// Load reads the bytes of a file, and all the files that it leads to.
func Load(name string, data []byte, files Files) (*state.Desired, error) {
	l := newLoad(files)
	l.read(name, data, newScope(), nil)
	routes := l.ordered()
	if len(l.faults) > 0 {
		return nil, join(l.faults)
	}
	d := l.header
	d.Routes = routes
	return d, nil
}

func newLoad(files Files) *load {
	l := &load{
		files:    files,
		sources:  map[string]*source{},
		lists:    map[string]*prefixList{},
		includes: map[string]state.Position{},
		header:   &state.Desired{},
		interned: map[state.Attrs]state.Attrs{},
		shared:   map[termsKey]*state.Terms{},
		hops:     map[string]state.Attrs{},
		fits:     map[fit]error{},
		names:    map[string]state.Name{},
	}
	for _, n := range append(state.Names(), state.Label) {
		l.names[string(n)] = n
		l.known = append(l.known, string(n))
	}
	l.known = append(l.known, routeKeys()...)
	return l
}

// admit counts a file in; false, with a fault, if there are too many bytes.
func (l *load) admit(src *source, size int) bool {
	src.rank = len(l.sources)
	l.sources[src.name] = src
	l.size += size
	switch {
	case size > MaxSize:
		l.faults = append(l.faults, src.fault(1, 1, 1, ErrTooLarge.Error(), ""))
	case l.size > MaxSize:
		l.faults = append(l.faults, src.fault(1, 1, 1, "with this file, all files together are over 64 MiB", ""))
	default:
		return true
	}
	return false
}

// source takes the bytes of a file; nil if they are no text, or too many.
func (l *load) source(name string, data []byte) *source {
	var src *source
	if l.short != nil {
		src = l.short.source(name, data)
	} else {
		src = newSource(name, data)
	}
	if !l.admit(src, len(data)) {
		return nil
	}
	if faults := src.unreadable(); len(faults) > 0 {
		l.faults = append(l.faults, faults...)
		return nil
	}
	return src
}

// read reads one file of routes. outer is what its defaults begin from, chain
// the files that it is included by, outermost first.
func (l *load) read(name string, data []byte, outer *scope, chain []string) {
	src := l.source(name, data)
	if src == nil {
		return
	}
	root, fault := src.document()
	if fault != nil {
		l.faults = append(l.faults, fault)
		return
	}
	p := &parser{load: l, src: src, scope: outer.inner(), chain: append(chain[:len(chain):len(chain)], path.Clean(name))}
	p.file(root)
	if f := src.unended(); f != nil {
		l.faults = append(l.faults, f)
	}
}

// resolve is the name of a file that this one names.
func (p *parser) resolve(name string) string {
	if path.IsAbs(name) {
		return path.Clean(name)
	}
	return path.Join(path.Dir(p.src.name), name)
}

// fetch reads a file that a node names; false, with a fault, if it can't.
func (p *parser) fetch(n *yaml.Node, name string) ([]byte, bool) {
	if p.files == nil {
		p.faultAt(n, "other files can't be read here", "")
		return nil, false
	}
	if len(p.sources) >= maxFiles {
		p.faultAt(n, fmt.Sprintf("%s is one file too many; there may be %d", name, maxFiles), "")
		return nil, false
	}
	data, err := p.files.Read(name)
	if err != nil {
		p.unread(n, name, err)
		return nil, false
	}
	return data, true
}

// unread reports that something can't be read.
func (p *parser) unread(n *yaml.Node, name string, err error) {
	if at := (*fs.PathError)(nil); errors.As(err, &at) {
		err = at.Err
	}
	if errors.Is(err, fs.ErrNotExist) {
		p.faultAt(n, name+" is not there", "a name is relative to the file that it stands in")
		return
	}
	p.faultAt(n, fmt.Sprintf("%s can't be read: %v", name, err), "")
}
