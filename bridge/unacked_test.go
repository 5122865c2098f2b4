package bridge

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"routesync/bridge/rabbit"
)

// TestUnacked runs a queue whose messages set one of two routes, over sessions
// that end at any point. Acknowledgements may be lost with a session, and
// messages that it had sent ahead come again. In the end each route is what the
// last message on it says; and if no acknowledgement was lost, each message was
// carried out once.
func TestUnacked(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		type message struct {
			body string // the route and its value
			sent bool   // to some session
		}
		bodies := rapid.SliceOfN(rapid.SampledFrom([]string{"a1", "a2", "b1", "b2"}), 1, 12).Draw(rt, "messages")
		queue := make([]*message, len(bodies)) // what the broker has
		for i, b := range bodies {
			queue[i] = &message{body: b}
		}
		var l unacked
		var last ticket
		routes, done, lost := map[byte]byte{}, 0, false
		open := map[ticket]bool{}
		for len(queue) > 0 {
			l.begin()
			taken, acked := 0, 0
			end := rapid.Bool().Draw(rt, "ends") // before all is done
			for acked < len(queue) {
				if end && rapid.IntRange(0, 4).Draw(rt, "now") == 0 {
					break
				}
				if taken < len(queue) && rapid.Bool().Draw(rt, "deliver") {
					m := queue[taken]
					taken++
					if last++; l.take(rabbit.Delivery{Body: []byte(m.body), Redelivered: m.sent}, last) {
						routes[m.body[0]] = m.body[1]
						open[last] = true
						done++
					}
					continue
				}
				for _, n := range slices.Sorted(maps.Keys(open)) {
					if rapid.Bool().Draw(rt, "carried out") {
						l.finish(n)
						delete(open, n)
					}
				}
				acked += len(l.due())
			}
			if acked < len(queue) && rapid.Bool().Draw(rt, "lost") {
				n := rapid.IntRange(0, acked).Draw(rt, "arrived")
				lost = lost || n < acked
				acked = n
			}
			for _, m := range queue[acked:min(len(queue), taken+2)] {
				m.sent = true
			}
			queue = queue[acked:]
		}
		want := map[byte]byte{}
		for _, b := range bodies {
			want[b[0]] = b[1]
		}
		for route, value := range want {
			if routes[route] != value {
				rt.Fatalf("route %c is %c, want %c", route, routes[route], value)
			}
		}
		if !lost && done != len(bodies) {
			rt.Fatalf("%d messages were carried out %d times", len(bodies), done)
		}
	})
}
