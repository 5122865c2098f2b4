package main

import (
	"cmp"
	"sync"

	"routesync/reconcile/watch"
	"routesync/state"
	"routesync/state/rpki"
)

// maxVRPs is the size of the largest file of VRPs that is read, in bytes: several
// times that of what routinator writes at its most verbose of all there are.
const maxVRPs = 1 << 30

// vrpSource gives the VRPs that a policy names; nil if they were not read.
type vrpSource func(state.RPKI) *rpki.File

// readVRPs reads a file of VRPs.
func readVRPs(r state.RPKI) *rpki.File {
	data, err := watch.Read(vrpPath(r), maxVRPs)
	return rpki.Read(r.VRPs, data, bare(err))
}

// vrpPath is where the file is: a policy that no file had has only a name.
func vrpPath(r state.RPKI) string { return cmp.Or(r.Path, r.VRPs) }

// readVRPsOnce reads each file of VRPs when it is asked for first. It may be asked
// from several goroutines.
func readVRPsOnce() vrpSource {
	var mu sync.Mutex
	read := map[string]*rpki.File{}
	return func(r state.RPKI) *rpki.File {
		if !r.Asks() {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		if read[vrpPath(r)] == nil {
			read[vrpPath(r)] = readVRPs(r)
		}
		return read[vrpPath(r)]
	}
}
