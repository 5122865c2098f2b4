package rpki

import (
	"strconv"

	"routesync/state"
)

// Origin is the AS that originates a route of a speaker, as its peer sees it
// (RFC 6811 §2, RFC 8893): the last of its as-path, or the speaker's own if it has
// none. 0 is no AS, which is what a path with an AS_SET at its end has. known is
// false if that hangs on the speaker's own AS, and localAS is 0: not known.
func Origin(attrs state.Attrs, localAS uint32) (as uint32, known bool) {
	path, _ := attrs.Get(state.ASPath)
	if len(path) == 0 {
		return localAS, localAS != 0
	}
	n, err := strconv.ParseUint(path[len(path)-1], 10, 32)
	if err != nil { // an AS_SET, in parentheses
		return 0, true
	}
	return uint32(n), true
}
