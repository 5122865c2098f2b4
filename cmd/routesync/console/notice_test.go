package console

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func recvNotice(i int) Notice {
	return Notice{Speaker: "edge1", Peer: up(), Family: "ipv4 unicast", NLRI: []string{fmt.Sprintf("10.%d.%d.%d/32", i>>16, i>>8&255, i&255)}}
}

func TestNoticeLines(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		notice Notice
		want   []string
	}{
		{Notice{Speaker: "edge1", Peer: up(), Family: "ipv4 unicast", NLRI: []string{"192.168.41.4/32"}}, []string{"[recv]announce 192.168.41.4/32"}},
		{Notice{Speaker: "edge1", Peer: up(), Withdraw: true, NLRI: []string{"192.168.41.5/32", "192.168.41.6/32"}}, []string{"[recv]withdraw 192.168.41.5/32", "[recv]withdraw 192.168.41.6/32"}},
		{Notice{Speaker: "edge1", Peer: up(), Family: "ipv6 unicast", NLRI: []string{"2001:db8::/32"}}, []string{"[recv]announce ipv6 unicast 2001:db8::/32"}},
		{Notice{Speaker: "edge2", Peer: up(), Family: "ipv4 flow", NLRI: []string{"source\x1b[2J"}}, []string{`[recv]announce ipv4 flow source\x1b[2J at edge2`}},
		{Notice{Speaker: "edge1", Text: "session 192.168.41.1 up"}, []string{"-- session 192.168.41.1 up"}},
		{Notice{Text: "broker lost; trying again"}, []string{"-- broker lost; trying again"}},
		{Notice{Speaker: "edge2", Text: "session 192.0.2.1 down"}, []string{"-- session 192.0.2.1 down at edge2"}},
	} {
		if diff := cmp.Diff(test.want, noticeLines(test.notice, "edge1")); diff != "" {
			t.Errorf("%+v: -want +got:\n%s", test.notice, diff)
		}
	}
}

// shown gathers what a teller shows.
type shown struct {
	mu    sync.Mutex
	lines []string
}

func (s *shown) add(lines []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, lines...)
}

// take returns what was shown since the last time, once nothing more is to
// come at this moment.
func (s *shown) take() []string {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.lines
	s.lines = nil
	return out
}

// told starts a teller.
func told(t *testing.T) (chan<- Notice, *shown) {
	notices, s := make(chan Notice), &shown{}
	go teller{
		notices: notices, wants: func(n Notice) bool { return n.Speaker != "silent" },
		current: func() string { return "edge1" }, show: s.add,
	}.run(t.Context())
	return notices, s
}

func TestBurst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		notices, s := told(t)
		for i := range 100000 {
			notices <- recvNotice(i)
		}
		notices <- Notice{Speaker: "edge1", Text: "session 192.168.41.1 up"}
		got := s.take()
		if n := len(got); n != quietRoutes+1 || got[0] != "[recv]announce 10.0.0.0/32" || got[n-1] != "-- session 192.168.41.1 up" {
			t.Errorf("%d lines, the last is %q", n, got[n-1])
		}
		time.Sleep(time.Second)
		if got := s.take(); got != nil {
			t.Errorf("after a second: %q", got)
		}
		notices <- recvNotice(0) // the burst is not over
		time.Sleep(time.Second)
		if diff := cmp.Diff([]string{"[recv] 99801 more routes announced by 192.168.41.1; show received"}, s.take()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		notices <- recvNotice(7)
		if diff := cmp.Diff([]string{"[recv]announce 10.0.0.7/32"}, s.take()); diff != "" {
			t.Errorf("after the burst: -want +got:\n%s", diff)
		}
	})
}

// TestBurstAtOnce: what comes in one piece is counted as one.
func TestBurstAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		notices, s := told(t)
		nlri := slices.Repeat([]string{"192.0.2.0/24"}, 100000)
		notices <- Notice{Speaker: "edge1", Peer: up(), NLRI: nlri}
		notices <- Notice{Speaker: "edge2", Peer: down(), Withdraw: true, NLRI: nlri[:500]}
		notices <- Notice{Speaker: "silent", Peer: down(), NLRI: nlri}
		time.Sleep(2 * time.Second)
		want := []string{
			"[recv] 100000 routes announced by 192.168.41.1; show received",
			"[recv] 500 routes withdrawn by 192.0.2.1 at edge2; show received",
		}
		if diff := cmp.Diff(want, s.take()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// TestLongBurst: a burst that does not end is told of in between.
func TestLongBurst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		notices, s := told(t)
		for piece := range 80 { // of 24 seconds
			for i := range 300 {
				notices <- recvNotice(300*piece + i)
			}
			time.Sleep(300 * time.Millisecond)
		}
		time.Sleep(2 * time.Second)
		got := s.take()
		if n := len(got); n > quietRoutes+3 || n < quietRoutes+2 {
			t.Errorf("%d lines", n)
		}
		total := quietRoutes
		for _, l := range got[quietRoutes:] {
			var n int
			if _, err := fmt.Sscanf(l, "[recv] %d", &n); err != nil {
				t.Errorf("%q: %v", l, err)
			}
			total += n
		}
		if total != 24000 {
			t.Errorf("%d routes are told of: %q", total, got[quietRoutes:])
		}
	})
}

// TestQuiet: what comes slowly is all shown, at once.
func TestQuiet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		notices, s := told(t)
		for i := range 1000 {
			notices <- recvNotice(i)
			if got := s.take(); len(got) != 1 {
				t.Fatalf("%d: %q", i, got)
			}
			time.Sleep(10 * time.Millisecond)
		}
	})
}

func TestScreen(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	s := &screen{w: &b}
	s.say([]string{"before"})
	s.hold()
	s.say([]string{"an answer"})
	for i := range heldNotices + 5 {
		s.notice([]string{fmt.Sprint("notice ", i)})
	}
	s.say([]string{"another answer"})
	if b.String() != "before\n" {
		t.Errorf("the pager is torn by %q", b.String())
	}
	b.Reset()
	s.release()
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	n := len(lines)
	if n != heldNotices+3 || lines[0] != "an answer" || lines[n-2] != "another answer" || lines[n-1] != "-- 5 more notices came meanwhile; show received" {
		t.Errorf("%d lines: %q ... %q", n, lines[:2], lines[n-2:])
	}
	b.Reset()
	s.notice([]string{"after"})
	if b.String() != "after\n" {
		t.Errorf("%q", b.String())
	}
}
