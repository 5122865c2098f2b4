package watch

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// glanceAll looks at a file and all that it leads to, without reading.
func glanceAll(path string, needs map[wish]struct{}) stamp {
	s := glance(path)
	if len(needs) == 0 {
		return s
	}
	s.others = make(map[wish]stamp, len(needs))
	for w := range needs {
		if w.glob {
			s.others[w] = stamp{err: list(w.name).text()}
		} else {
			s.others[w] = glance(w.name)
		}
	}
	return s
}

// readAll reads a file and all that it leads to once. maxSize is for all of
// them together. What is the same as in an earlier reading, like, is not there
// twice; like may be nil.
func readAll(path string, needs map[wish]struct{}, maxSize int64, like *reading) *reading {
	before := glanceAll(path, needs)
	data, err := slurp(path, maxSize, like.data(wish{}))
	r := &reading{content: Content{Data: data, Err: err}}
	r.note(path, &found{data: data, err: err})
	left := maxSize - int64(len(data))
	if len(needs) > 0 {
		r.content.others = make(map[wish]*found, len(needs))
	}
	for _, w := range slices.SortedFunc(maps.Keys(needs), compareWishes) {
		f := &found{}
		if w.glob {
			f = list(w.name)
		} else if f.data, f.err = slurp(w.name, left, like.data(w)); errors.Is(f.err, errTooLarge) {
			f.err = fmt.Errorf("with it, all files together are over %d bytes", maxSize)
		}
		left -= int64(len(f.data))
		r.note(w.name, f)
		r.content.others[w] = f
	}
	r.stamp = glanceAll(path, needs)
	r.torn = r.torn || !before.same(r.stamp)
	return r
}

// data is what was read of one file; nil for none. The zero wish is the first.
func (r *reading) data(w wish) []byte {
	switch {
	case r == nil:
		return nil
	case w == wish{}:
		return r.content.Data
	case r.content.others[w] == nil:
		return nil
	}
	return r.content.others[w].data
}

// note takes what was found of one file into account.
func (r *reading) note(name string, f *found) {
	if errors.Is(f.err, errBeingWritten) {
		r.torn, r.busy = true, name
	}
}

func compareWishes(a, b wish) int {
	if a.glob != b.glob {
		if b.glob {
			return -1
		}
		return 1
	}
	return strings.Compare(a.name, b.name)
}

// list is what matches a pattern.
func list(pattern string) *found {
	names, changed, err := glob(pattern)
	return &found{names: names, changed: changed, err: err}
}

// text is the same only for the same names or error.
func (f *found) text() string {
	if f.err != nil {
		return "error " + f.err.Error()
	}
	return strings.Join(f.names, "\x00")
}

// same tells whether a reader would see a difference.
func (f *found) same(g *found) bool {
	if f.err != nil || g.err != nil {
		return f.err != nil && g.err != nil && f.err.Error() == g.err.Error()
	}
	return string(f.data) == string(g.data) && slices.Equal(f.names, g.names)
}
