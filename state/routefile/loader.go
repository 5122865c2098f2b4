package routefile

import (
	"cmp"
	"slices"

	"routesync/state"
)

// Loader reads the same files again and again, and of what it has read before
// only what was changed. The zero Loader is ready for use. It belongs to one
// goroutine.
type Loader struct {
	last     *state.Desired // what the sheets ask for; nil before the first
	sheets   map[string]*sheet
	bases    map[string]*basis
	shared   map[termsKey]*state.Terms
	interned map[state.Attrs]state.Attrs
	size     int // of a part; 0 is partSize
}

// Load is as the function [Load], with the same results. It keeps data, and what
// files returned: they must not be changed any more. What it returned before is
// left as it is, and shares the strings and the terms of what is the same.
func (r *Loader) Load(name string, data []byte, files Files) (*state.Desired, error) {
	if d := r.short(name, data, files); d != nil {
		return d, nil
	}
	return Load(name, data, files)
}

// short is one reading of files the short way.
type short struct {
	last    *Loader
	sheets  map[string]*sheet
	bases   map[string]*basis
	byScope map[*scope]*basis
	refused bool // something is not as it must be for the short way
}

// short reads the files the short way; nil if there is a fault in them, or else
// something that only the whole way reads.
func (r *Loader) short(name string, data []byte, files Files) *state.Desired {
	l := newLoad(files)
	s := &short{last: r, sheets: map[string]*sheet{}, bases: map[string]*basis{}, byScope: map[*scope]*basis{}}
	l.short = s
	if len(r.shared) > 0 && len(r.shared) < maxRemembered {
		l.shared, l.interned = r.shared, r.interned
	}
	l.read(name, data, newScope(), nil)
	if s.refused || len(l.faults) > 0 {
		return nil
	}
	fresh, spans, kept := l.cast()
	if s.refused || len(l.faults) > 0 {
		return nil
	}
	fresh = sorted(fresh)
	var old []state.Wanted
	if r.last != nil {
		old = r.last.Routes
	}
	routes, meet := merge(old, spans, kept, fresh)
	if !l.apart(routes, meet) {
		return nil
	}
	d := l.header
	d.Routes = routes
	for _, sh := range s.sheets {
		for i := range sh.parts {
			sh.parts[i].was = nil // or all that was ever read is there for good
		}
	}
	mine := *d // whoever has d may set its revision
	*r = Loader{last: &mine, sheets: s.sheets, bases: s.bases, shared: l.shared, interned: l.interned, size: r.size}
	return d
}

// sheet cuts the text of a file.
func (s *short) sheet(name string, data []byte, list bool) *sheet {
	if len(data) > MaxSize || s.sheets[name] != nil {
		s.refused = true
		data = nil
	}
	now := &sheet{name: name, text: unmarked(data), list: list}
	before := s.last.sheets[name]
	if before == nil || before.list != list {
		before = &sheet{}
	} else {
		now.name = before.name // the same string, which is compared fast
	}
	cut := cutItems
	if list {
		cut = cutListed
	}
	now.parts = cutAll(now.text, before.text, before.parts, cmp.Or(s.last.size, partSize), cut)
	return now
}

// source is the skeleton of a file.
func (s *short) source(name string, data []byte) *source {
	sh := s.sheet(name, data, false)
	s.sheets[name] = sh
	k := sh.skeleton()
	src := textSource(sh.name, k.text)
	src.skeleton = k
	return src
}

// list is a file of prefixes; nil if it has to be read the whole way.
func (s *short) list(name string, data []byte) *sheet {
	if s == nil {
		return nil
	}
	sh := s.sheet(name, data, true)
	some := false
	for i := range sh.parts {
		if sh.parts[i].kind == otherLines {
			return nil
		}
		some = some || sh.parts[i].items > 0
	}
	if !some {
		return nil
	}
	s.sheets[name] = sh
	return sh
}

// cast makes the routes of the parts that are new, or have another maker now.
// spans are the lines of which the routes that were there are kept.
func (l *load) cast() (fresh []state.Wanted, spans map[string][]span, kept int) {
	s := l.short
	spans = map[string][]span{}
	type todo struct {
		*sheet
		*part
	}
	var work []todo
	many := len(l.routes)
	for name, sh := range s.sheets {
		before := s.last.sheets[name]
		users := 1
		if sh.list {
			users = len(sh.users)
		}
		for i := range sh.parts {
			p := &sh.parts[i]
			switch {
			case p.kind == otherLines:
			case p.kind == routeItems && p.basis == nil, p.kind == entryItems && p.mold.terms == nil:
				s.refused = true // it is no list that it stands in
				return nil, nil, 0
			case p.was != nil && p.maker == p.was.maker && slices.Equal(sh.users, before.users):
				spans[sh.name] = addSpan(spans[sh.name], p)
				kept += p.items * users
			default:
				work = append(work, todo{sh, p})
				many += p.items * users
			}
		}
	}
	c := casting{short: s, routes: make([]state.Wanted, 0, many)}
	for _, w := range work {
		if s.refused || len(l.faults) > 0 {
			return nil, nil, 0
		}
		if w.kind != listLines {
			c.part(w.sheet, w.part)
			continue
		}
		for _, m := range w.users {
			c.use(&checked{mold: m})
			c.listed(w.sheet, w.part)
		}
	}
	return append(c.routes, l.routes...), spans, kept
}
