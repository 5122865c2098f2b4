package bridge

import (
	"slices"
	"strings"
	"testing"

	"routesync/state"
)

// newWorldOf is newWorld with an exaBGP of another release.
func newWorldOf(t testing.TB, release string, peers ...*fakePeer) *world {
	w := newWorld(t, peers...)
	w.exabgp.release = release
	w.boot("boot-1", "run-1")
	return w
}

func TestOtherReleases(t *testing.T) {
	for _, release := range []string{"5.0.13", "6.0.0-20260822+uncontrolled"} {
		t.Run(release, func(t *testing.T) {
			p, q := testPeer("127.0.0.2", 65001), testPeer("127.0.0.3", 65000)
			q.negotiated = []state.Family{state.IPv4Unicast}
			w := newWorldOf(t, release, p, q)
			w.exabgp.sessionUp(p)
			w.exabgp.sessionUp(q)
			w.settle()
			w.lease("team")
			if w.core.about().ExaBGP != release {
				t.Errorf("it is said to be %q", w.core.about().ExaBGP)
			}
			d := desired(t, "10.0.0.0/24 next-hop self", "10.0.1.0/24 "+nh+" med 5", "2001:db8::/32 next-hop 2001:db8::1")
			w.want(d)
			w.settle()
			w.plan(d, 0)
			for prefix, at := range map[string]string{"10.0.0.0/24": "next-hop self", "10.0.1.0/24": nh + " med 5", "2001:db8::/32": "next-hop 2001:db8::1"} {
				if got := w.grade(prefix, at, "127.0.0.2"); got.Grade != state.Sent {
					t.Errorf("%s: %+v, want sent", prefix, got)
				}
			}
			if got := w.grade("2001:db8::/32", "next-hop 2001:db8::1", "127.0.0.3"); got.Grade != state.Unsent || !strings.Contains(got.Reason, "did not negotiate") {
				t.Errorf("%+v, want unsent for want of the family", got)
			}

			// A bridge that is started again sees its own address where self was
			// asked for. To ask for self again changes nothing, and is no route
			// that is not sent.
			w.boot("boot-1", "run-2")
			if got := w.grade("10.0.1.0/24", nh+" med 5", "127.0.0.3"); got.Grade != state.Sent {
				t.Errorf("after a respawn %+v, want sent", got)
			}
			w.lease("team")
			w.want(d)
			w.settle()
			if got := w.grade("10.0.0.0/24", "next-hop self", "127.0.0.2"); got.Grade != state.Sent {
				t.Errorf("self after a respawn: %+v, want sent", got)
			}

			w.exabgp.sessionDown(q)
			w.settle()
			if got := w.grade("10.0.1.0/24", nh+" med 5", "127.0.0.3"); got.Grade != state.Held {
				t.Errorf("at a peer that is down %+v, want held", got)
			}
			w.want(desired(t, "10.0.1.0/24 "+nh+" med 6"))
			w.settle()
			w.holds(p, "10.0.1.0/24 "+nh+" med 6")
		})
	}
}

// TestReasonOfExaBGP6: its error says why, and that is told of the route that it
// is about.
func TestReasonOfExaBGP6(t *testing.T) {
	p := testPeer("127.0.0.2", 65001)
	w := newWorldOf(t, "6.0.0", p)
	w.exabgp.refuse = func(line string) bool { return strings.Contains(line, "10.0.1.0/24") }
	w.exabgp.sessionUp(p)
	w.settle()
	w.lease("team")
	w.want(desired(t, "10.0.0.0/24 "+nh, "10.0.1.0/24 "+nh+" med 1", "10.0.2.0/24 "+nh+" med 2"))
	w.settle()
	w.holds(p, "10.0.0.0/24 "+nh, "10.0.2.0/24 "+nh+" med 2")
	refused := w.replica.set.Refused
	if len(refused) != 1 || !strings.Contains(refused[0].Reason, "exaBGP answered error: Unexpected error: it is refused") {
		t.Errorf("refused %+v", refused)
	}
}

// TestAPIOfExaBGP6: an exaBGP that does not understand the bridge is known by
// its own command, and what to set is said.
func TestAPIOfExaBGP6(t *testing.T) {
	w := newWorldOf(t, "6", testPeer("127.0.0.2", 65001))
	const lack = "exaBGP 6.0.0 speaks another version of its API: set exabgp_api_version=4 in its environment"
	about := w.core.about()
	if about.Ready || !slices.Contains(about.Lacks, lack) || about.LastError != lack {
		t.Errorf("%+v", about)
	}
	// It is asked again, in case somebody did.
	w.exabgp.release = "6.0.0"
	w.now = w.now.Add(askAgain)
	w.core.tick(w.now)
	w.settle()
	if about := w.core.about(); !about.Ready || len(about.Lacks) != 0 {
		t.Errorf("%+v", about)
	}
}
