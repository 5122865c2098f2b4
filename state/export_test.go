package state

import "slices"

// DiffGenerally is [Diff] without its short way for most keys.
func DiffGenerally(desired *Desired, advertised *Advertised) *Plan {
	c := newComparison(desired, advertised)
	at := map[Key][]Wanted{}
	var keys []Key
	for i, w := range desired.Routes {
		if at[w.Key] == nil {
			keys = append(keys, w.Key)
			n := i
			for n < len(desired.Routes) && desired.Routes[n].Key == w.Key {
				n++
			}
			at[w.Key] = desired.Routes[i:n]
		}
	}
	for k := range advertised.Routes.All() {
		if at[k] == nil {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, CompareKeys)
	for _, k := range keys {
		c.plan.compare(k, at[k], advertised.Routes.Get(k), c.resolve)
	}
	return c.plan
}
