package state

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
)

// AnyKey is the identity of a route of any family that exaBGP decodes, also of
// one that [Key] has no form for. It is comparable.
type AnyKey struct {
	Family string // in exaBGP's words, e.g. "ipv4 unicast", "l2vpn evpn"
	// ID tells the route from the others of its family. It is what [Key.String]
	// writes where there is a Key, else the words or the JSON of exaBGP that
	// identify it. It has no character that is not printable.
	ID string
}

// Any is k among the keys of all families.
func (k Key) Any() AnyKey { return AnyKey{Family: k.Family.String(), ID: k.String()} }

// Key is the key of a route of a family that [ParseFamily] knows; false for
// another, and for what [ParseKey] would not take from a person.
func (a AnyKey) Key() (Key, bool) {
	f, err := ParseFamily(a.Family)
	if err != nil {
		return Key{}, false
	}
	k, err := ParseKey(f, a.ID)
	return k, err == nil
}

// String is the NLRI for people: the ID, or the words in its JSON.
func (a AnyKey) String() string {
	if !strings.HasPrefix(a.ID, "{") {
		return a.ID
	}
	var object any
	dec := json.NewDecoder(strings.NewReader(a.ID))
	dec.UseNumber()
	if dec.Decode(&object) != nil {
		return a.ID
	}
	return strings.NewReplacer(`"`, "", ":{", " {", ",", " ").Replace(strings.Trim(a.ID, "{}"))
}

// FamilyRoute is a route behind the words of its family; what both would say is
// said once, as in "ipv4 flow destination 192.0.2.0/24".
func FamilyRoute(family, route string) string {
	_, safi, _ := strings.Cut(family, " ")
	kind, _, _ := strings.Cut(safi, "-")
	if rest, twice := strings.CutPrefix(route, kind+" "); twice && kind != "" {
		route = rest
	}
	return family + " " + route
}

// SortAnyKeys sorts by family, and then as people do where there is a [Key]:
// what has none comes last.
func SortAnyKeys(keys []AnyKey) {
	type sortable struct {
		AnyKey
		key  string
		none bool
	}
	all := make([]sortable, len(keys))
	for i, a := range keys {
		k, ok := a.Key()
		all[i] = sortable{a, k.NLRI, !ok}
	}
	slices.SortFunc(all, func(a, b sortable) int {
		switch c := cmp.Compare(a.Family, b.Family); {
		case c != 0:
			return c
		case a.none != b.none && a.none:
			return 1
		case a.none != b.none:
			return -1
		}
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.ID, b.ID))
	})
	for i, s := range all {
		keys[i] = s.AnyKey
	}
}

// SeenAttrs is a set of path attributes as a peer sent it. It is comparable.
type SeenAttrs struct {
	Attrs Attrs
	// Unknown has a line for each attribute that Attrs can't hold, in exaBGP's
	// words. It has no character but the line ends that is not printable.
	Unknown string
}

// Others are the attributes that Attrs can't hold.
func (s SeenAttrs) Others() []string {
	if s.Unknown == "" {
		return nil
	}
	return strings.Split(s.Unknown, "\n")
}

// String is the set on one line for people.
func (s SeenAttrs) String() string {
	return strings.Join(append([]string{s.Attrs.String()}, s.Others()...), " ")
}
