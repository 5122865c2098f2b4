package state

import "slices"

// At is the part of d that is asked for at a time, in Unix milliseconds, and
// the next time at which that changes; 0 if it never does. The first is d
// itself if that is all of it, else it keeps the order of d.
func (d *Desired) At(now int64) (inForce *Desired, next int64) {
	left := 0
	var always *Terms // those of most routes
	for i := range d.Routes {
		w := &d.Routes[i]
		if w.Terms == always {
			continue
		}
		if w.Starts == 0 && w.Expires == 0 {
			always = w.Terms
			continue
		}
		if !w.InForce(now) {
			left++
		}
		for _, t := range []int64{w.Starts, w.Expires} {
			if t > now && (next == 0 || t < next) {
				next = t
			}
		}
	}
	if left == 0 {
		return d, next
	}
	c := *d
	c.Routes = slices.Collect(func(yield func(Wanted) bool) {
		for i := range d.Routes {
			if w := &d.Routes[i]; w.InForce(now) && !yield(*w) {
				return
			}
		}
	})
	return &c, next
}

// InForce tells whether the route is asked for at a time.
func (w *Wanted) InForce(now int64) bool {
	return w.Starts <= now && (w.Expires == 0 || now < w.Expires)
}
