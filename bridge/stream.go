package bridge

import (
	"iter"
	"maps"
	"time"

	"routesync/bridge/wire"
)

// stream numbers the messages of one kind of reader. There are none while
// nobody follows: what happens then is not even kept.
type stream struct {
	n      int64
	until  time.Time // followed until then
	open   bool
	missed bool // something happened while it was not open
	beat   bool // the last number is to be said again
}

// heeded tells whether somebody is to be told of something that happens.
func (s *stream) heeded() bool {
	s.missed = s.missed || !s.open
	return s.open
}

// follow opens the stream, or keeps it open. If something happened while it was
// closed, its number leaves one out: who followed before finds a gap.
func (s *stream) follow(now time.Time) {
	if s.missed {
		s.n++
	}
	s.open, s.missed = true, false
	s.until, s.beat = now.Add(wire.FollowLife), true
}

// skip makes every reader find a gap: something was lost.
func (s *stream) skip() {
	s.n++
	s.beat = true
}

func (s *stream) expired(now time.Time) bool { return s.open && now.After(s.until) }

func keysOf[K comparable, V any](m map[K]V) iter.Seq[K] { return maps.Keys(m) }

// telling is a message of a stream, not encoded yet.
type telling struct {
	to, key string // the reader's queue, or the topic of all
	kind    string
	encode  func() ([]byte, error)
}

// tell takes at most one message of each stream, so that nothing else waits
// behind what the peers announce. It is asked only when the broker takes
// messages: until then changes wait here, where a later one can overtake.
func (c *core) tell() []telling {
	var out []telling
	if m, to, ok := c.nextReceived(); ok {
		t := telling{to: to, kind: wire.TypeReceived, encode: func() ([]byte, error) { return wire.EncodeReceived(m) }}
		if to == "" {
			t.key = receivedKey(c.speaker)
		}
		out = append(out, t)
	}
	if m, ok := c.nextEvents(); ok {
		out = append(out, telling{key: logKey(c.speaker), kind: wire.TypeEvents, encode: func() ([]byte, error) { return wire.EncodeEvents(m) }})
	}
	return out
}

// receivedKey and logKey are the topics of the streams, beside [eventKey].
func receivedKey(speaker string) string { return "rcv." + speaker }
func logKey(speaker string) string      { return "log." + speaker }

// restartStreams begins the streams again for a new connection: what was
// published on the old one may be lost, and who asked over it is gone. Who
// followed before is told at once, also by a bridge that nobody follows yet.
func (c *core) restartStreams() {
	c.rcv.skip()
	c.rcv.asked, c.rcv.answer = nil, nil
	c.evt.skip()
}
