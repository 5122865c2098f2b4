package bridge

import (
	"fmt"

	"routesync/bridge/wire"
)

// eventsReplica finds what is missing between messages of happenings. There is
// nothing to ask for in its place.
type eventsReplica struct {
	speaker, boot, run string
	n                  int64
}

func (r *eventsReplica) apply(m *wire.Events) (Notice, error) {
	if m.Speaker != r.speaker {
		return Notice{}, fmt.Errorf("events of speaker %q where %q was asked for", m.Speaker, r.speaker)
	}
	n := Notice{Lost: m.Lost, Happenings: m.Happenings}
	next := r.n
	if len(m.Happenings) > 0 {
		next++
	}
	switch {
	case r.run == "":
	case m.Boot != r.boot:
		n.Gap = "exaBGP was started again"
	case m.Run != r.run:
		n.Gap = "the bridge was started again"
	case m.N < next:
		return Notice{}, nil // seen already
	case m.N > next:
		n.Gap = fmt.Sprintf("%d messages of events were missed", m.N-next)
	}
	n.OfEvents = n.Gap != ""
	r.boot, r.run, r.n = m.Boot, m.Run, m.N
	return n, nil
}
