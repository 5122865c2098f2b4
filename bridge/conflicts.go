package bridge

import (
	"maps"
	"slices"
	"time"
)

// conflictPatience is how long two watches may have different files until that is
// said: two copies of one file are not saved at the same moment.
const conflictPatience = 5 * time.Second

// Conflicts says of what it is shown again and again what is new, once that has
// lasted, and what of it is over. The zero Conflicts is ready to use.
type Conflicts struct {
	since map[string]time.Time
	said  map[string]bool
}

// Look takes all the conflicts that there are now.
func (c *Conflicts) Look(now time.Time, all []string) (begun, over []string) {
	if c.since == nil {
		c.since, c.said = map[string]time.Time{}, map[string]bool{}
	}
	for _, text := range slices.Sorted(maps.Keys(c.since)) {
		if slices.Contains(all, text) {
			continue
		}
		if c.said[text] {
			over = append(over, text)
		}
		delete(c.since, text)
		delete(c.said, text)
	}
	for _, text := range all {
		if _, known := c.since[text]; !known {
			c.since[text] = now
		}
		if !c.said[text] && now.Sub(c.since[text]) >= conflictPatience {
			c.said[text] = true
			begun = append(begun, text)
		}
	}
	return begun, over
}
