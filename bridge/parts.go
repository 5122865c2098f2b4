package bridge

import (
	"cmp"
	"math"
	"slices"

	"routesync/state"
)

// kind is what many routes of a table have in common.
type kind struct {
	family state.Family
	attrs  state.Attrs
}

func (v *value) kind() kind { return kind{v.key.Family, v.attrs} }

// likeliestFirst orders suspects: what a peer does not bear is most often the only
// one of its family or with its attributes, and new.
func likeliestFirst(all []suspect) {
	families, kinds := map[state.Family]int{}, map[kind]int{}
	for _, s := range all {
		families[s.key.Family]++
		kinds[s.kind()]++
	}
	slices.SortFunc(all, func(a, b suspect) int {
		return cmp.Or(
			cmp.Compare(families[a.key.Family], families[b.key.Family]),
			cmp.Compare(kinds[a.kind()], kinds[b.kind()]),
			b.at.Compare(a.at),
			state.CompareKeys(a.key, b.key),
		)
	})
}

// divide makes parts of what is in that order, about n of them and so many that
// divisions of the same kind end with one route. A family, and a kind that is a
// part or more by itself, begins a part of its own.
func divide(values []value, n int) [][]value {
	n = min(max(n, partsMin), partsMax)
	divisions := max(1, math.Ceil(math.Log(float64(len(values)))/math.Log(float64(n))-0.15))
	n = int(math.Ceil(math.Pow(float64(len(values)), 1/divisions)))
	size := (len(values) + n - 1) / n
	kinds := map[kind]int{}
	for _, v := range values {
		kinds[v.kind()]++
	}
	var parts [][]value
	begin := 0
	for i := 1; i < len(values); i++ {
		before, v := &values[i-1], &values[i]
		if i-begin == size || before.key.Family != v.key.Family || before.attrs != v.attrs && kinds[v.kind()] >= size {
			parts = append(parts, values[begin:i:i])
			begin = i
		}
	}
	return append(parts, values[begin:])
}
