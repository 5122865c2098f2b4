package state

import (
	"iter"
	"slices"
	"sort"
)

// Table is what is advertised of each key, in the order of [CompareKeys]. Of a
// million keys it takes a third of the memory of a map, and as they stand in
// order, comparing it with a file is one walk. The zero Table is empty. A copy of
// the struct is the same table; [Table.Clone] makes another one.
type Table struct {
	// leaves hold the keys in order. None is empty, and it is cut in two when it
	// is full.
	leaves []*leaf
	n      int
}

// leafKeys makes a leaf fill one of the sizes in which the runtime allocates.
const leafKeys = 255

type leaf struct {
	n    int
	keys [leafKeys]Key
	// adverts are those of each key. Many keys have the same ones, so a pointer
	// is a third of a slice.
	adverts [leafKeys]*[]Advert
}

// CollectTable makes a table.
func CollectTable(all iter.Seq2[Key, []Advert]) Table {
	var t Table
	for k, adverts := range all {
		t.Set(adverts, k)
	}
	return t
}

// Len is how many keys there are.
func (t *Table) Len() int { return t.n }

// Get is what is advertised of a key. It must not be changed.
func (t *Table) Get(k Key) []Advert {
	at := t.find(k)
	l, i, there := t.at(k, at)
	if !there {
		return nil
	}
	return *l.adverts[i]
}

// Set puts adverts in place of what is advertised of each of some keys; none takes
// the keys out. It is fastest for keys in order. The table keeps adverts.
func (t *Table) Set(adverts []Advert, keys ...Key) {
	t.Swap(adverts, keys, func(Key, []Advert) {})
}

// Swap is [Table.Set], and tells of each key what was advertised of it before,
// nil for nothing.
func (t *Table) Swap(adverts []Advert, keys []Key, was func(Key, []Advert)) {
	shared, at := &adverts, 0
	for n, k := range keys {
		if n == 0 || !t.covers(at, k) {
			at = t.find(k)
		}
		l, i, there := t.at(k, at)
		switch {
		case there && len(adverts) == 0:
			was(k, *l.adverts[i])
			t.remove(at, i)
		case there:
			was(k, *l.adverts[i])
			l.adverts[i] = shared
		default:
			was(k, nil)
			if len(adverts) > 0 {
				at = t.insert(at, i, k, shared)
			}
		}
	}
}

// insert puts a key that is not there at its place in a leaf, and tells in which
// leaf it is then.
func (t *Table) insert(at, i int, k Key, adverts *[]Advert) int {
	if at == len(t.leaves) || t.leaves[at].n == leafKeys {
		at, i = t.grow(at, i)
	}
	l := t.leaves[at]
	copy(l.keys[i+1:l.n+1], l.keys[i:l.n])
	copy(l.adverts[i+1:l.n+1], l.adverts[i:l.n])
	l.keys[i], l.adverts[i] = k, adverts
	l.n++
	t.n++
	return at
}

func (t *Table) remove(at, i int) {
	l := t.leaves[at]
	copy(l.keys[i:], l.keys[i+1:l.n])
	copy(l.adverts[i:], l.adverts[i+1:l.n])
	l.n--
	l.keys[l.n], l.adverts[l.n] = Key{}, nil
	t.n--
	if l.n == 0 {
		t.leaves = slices.Delete(t.leaves, at, at+1)
	}
}

// All yields the keys in order. The table must not be changed meanwhile.
func (t *Table) All() iter.Seq2[Key, []Advert] {
	return func(yield func(Key, []Advert) bool) {
		for _, l := range t.leaves {
			for i := range l.n {
				if !yield(l.keys[i], *l.adverts[i]) {
					return
				}
			}
		}
	}
}

// Clone is another table with the same in it.
func (t *Table) Clone() Table {
	c := Table{leaves: make([]*leaf, len(t.leaves)), n: t.n}
	for i, l := range t.leaves {
		same := *l
		c.leaves[i] = &same
	}
	return c
}

// find is the number of the leaf that a key belongs into: the last one that does
// not begin behind it.
func (t *Table) find(k Key) int {
	return max(0, sort.Search(len(t.leaves), func(i int) bool { return CompareKeys(t.leaves[i].keys[0], k) > 0 })-1)
}

// covers tells whether [Table.find] would find a leaf.
func (t *Table) covers(at int, k Key) bool {
	return at < len(t.leaves) && (at == 0 || CompareKeys(t.leaves[at].keys[0], k) <= 0) &&
		(at+1 == len(t.leaves) || CompareKeys(t.leaves[at+1].keys[0], k) > 0)
}

// at is the place of a key in a leaf; a nil leaf if there is none.
func (t *Table) at(k Key, at int) (l *leaf, i int, there bool) {
	if at >= len(t.leaves) {
		return nil, 0, false
	}
	l = t.leaves[at]
	if CompareKeys(l.keys[l.n-1], k) < 0 { // as for keys that come in order
		return l, l.n, false
	}
	i, there = slices.BinarySearchFunc(l.keys[:l.n], k, CompareKeys)
	return l, i, there
}

// grow makes room for a key at place i of a full leaf, or the first leaf, and
// tells which place in which leaf it has then. Behind the last key of all it
// begins a new leaf, so that a table that is filled in order is full.
func (t *Table) grow(at, i int) (leafOfKey, place int) {
	switch {
	case len(t.leaves) == 0:
		t.leaves = []*leaf{{}}
		return 0, 0
	case at == len(t.leaves)-1 && i == leafKeys:
		t.leaves = append(t.leaves, &leaf{})
		return at + 1, 0
	}
	const half = leafKeys / 2
	l, right := t.leaves[at], &leaf{n: leafKeys - half}
	copy(right.keys[:], l.keys[half:])
	copy(right.adverts[:], l.adverts[half:])
	clear(l.keys[half:])
	clear(l.adverts[half:])
	l.n = half
	t.leaves = slices.Insert(t.leaves, at+1, right)
	if i > half {
		return at + 1, i - half
	}
	return at, i
}
