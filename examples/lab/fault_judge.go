package main

import (
	"fmt"
	"net/netip"

	"routesync/examples/lab/rig"
)

// trial is what a router's tape is judged by: the files that were in force, in
// order, from the one that was converged before the fault on, and what is not
// the files' at all.
type trial struct {
	files    []saved
	foreign  routeSet              // in no file, and to be left alone
	excused  map[netip.Prefix]bool // what the fault itself did to it counts for nothing
	graceful bool                  // a route may leave the table by the session's end
}

// verdict lists what must not have happened. Stranded is what a router still holds
// at the bound and the last file has not: it was asked for once, and is no
// invention.
type verdict struct {
	lost, invented, withdrawn, stranded []string
}

func (v *verdict) add(o verdict) {
	v.lost = append(v.lost, o.lost...)
	v.invented = append(v.invented, o.invented...)
	v.withdrawn = append(v.withdrawn, o.withdrawn...)
	v.stranded = append(v.stranded, o.stranded...)
}

func (v *verdict) clean() bool {
	return len(v.lost)+len(v.invented)+len(v.withdrawn)+len(v.stranded) == 0
}

// judge goes through what a router was told.
func (t *trial) judge(told []rig.Told) verdict {
	var v verdict
	withdrawn := map[netip.Prefix]bool{} // by an UPDATE, for its removal is the same loss
	for _, e := range told {
		switch {
		case t.excused[e.Prefix]:
		case e.What == rig.Announced && !t.asked(e):
			v.invented = append(v.invented, fmt.Sprintf("%s, which no file asks for", e))
		case e.What == rig.Withdrawn && !t.unwanted(e):
			withdrawn[e.Prefix] = true
			v.withdrawn = append(v.withdrawn, fmt.Sprintf("%s, which the file asks for", e))
		case e.What == rig.Removed && t.graceful && !withdrawn[e.Prefix] && !t.unwanted(e):
			v.withdrawn = append(v.withdrawn, fmt.Sprintf("%s, which the file asks for", e))
		}
	}
	return v
}

// asked tells whether a file that was in force asks for what was announced. One
// that was replaced before the fault began is none: what it asked for is gone.
func (t *trial) asked(e rig.Told) bool {
	if path, ok := t.foreign[e.Prefix]; ok {
		return path == e.Path
	}
	for _, f := range t.files {
		if f.routes[e.Prefix] == e.Path {
			return true
		}
	}
	return false
}

// unwanted tells whether a file goes without the route at that time. While a
// save is being carried out, that is any file since the converged one.
func (t *trial) unwanted(e rig.Told) bool {
	if _, ok := t.foreign[e.Prefix]; ok {
		return false
	}
	for i, f := range t.files {
		if f.at.After(e.At) {
			break
		}
		if i == 0 && len(t.files) > 1 && !t.files[1].at.After(e.At) {
			continue // replaced by then
		}
		if _, ok := f.routes[e.Prefix]; !ok {
			return true
		}
	}
	return false
}

// left compares what a router holds with what it should.
func left(want, held routeSet) verdict {
	var v verdict
	for _, p := range want.sorted() {
		if path, ok := held[p]; !ok {
			v.lost = append(v.lost, fmt.Sprintf("%s %s is not held", p, want[p]))
		} else if path != want[p] {
			v.lost = append(v.lost, fmt.Sprintf("%s %s is held as %s", p, want[p], path))
		}
	}
	for _, p := range held.sorted() {
		if _, ok := want[p]; !ok {
			v.stranded = append(v.stranded, fmt.Sprintf("%s %s is held, and the last file has it not", p, held[p]))
		}
	}
	return v
}
