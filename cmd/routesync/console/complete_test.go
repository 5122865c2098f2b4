package console

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestComplete(t *testing.T) {
	t.Parallel()
	k := known{
		peers: []string{"192.0.2.1", "192.168.41.1"}, owners: []string{"console", "edge-team"},
		byHand: []string{"1.1.0.0/24", "1.2.0.0/24"},
	}
	speakers := []string{"edge1", "edge2"}
	for _, test := range []struct {
		text string
		want []string
	}{
		{"", []string{"?", "announce", "exit", "help", "neighbor", "on", "quit", "recv", "show", "speaker", "use", "withdraw"}},
		{"s", []string{"show", "speaker"}},
		{"use ", speakers},
		{"use edge1 ", nil},
		{"on e", speakers},
		{"on edge2 w", []string{"withdraw"}},
		{"on edge2 show p", []string{"peers"}},
		{"show ", []string{"advertised", "foreign", "history", "peers", "received"}},
		{"show advertised ", []string{"family", "longer", "match", "owner", "peer"}},
		{"show received ", []string{"family", "longer", "match", "peer"}},
		{"show foreign 1.1", []string{"1.1.0.0/24"}},
		{"show peers ", nil},
		{"sh adv peer ", k.peers},
		{"show advertised owner e", []string{"edge-team"}},
		{"show received family ipv", []string{"ipv4", "ipv6"}},
		{"show received family ipv6 un", []string{"unicast"}},
		{"help w", []string{"withdraw"}},
		{"recv o", []string{"off", "on"}},
		{"exit ", nil},
		{"neighbor ", k.peers},
		{"neighbor 192.168", []string{"192.168.41.1"}},
		{"neighbor 192.168.41.1 an", []string{"announce"}},
		{"withdraw route ", k.byHand},
		{"withdraw route 1.2", []string{"1.2.0.0/24"}},
		{"withdraw 1.1", []string{"1.1.0.0/24"}},
		{"- 1.1", []string{"1.1.0.0/24"}},
		{"announce route 1.", nil},
		{"announce route 1.1.0.0/24 next", []string{"next-hop"}},
		{"announce route 1.1.0.0/24 next-hop s", []string{"self"}},
		{"announce route 1.1.0.0/24 next-hop self comm", []string{"community"}},
		{"announce route 1.1.0.0/24 next-hop self community b", []string{"blackhole"}},
		{"announce route 1.1.0.0/24 next-hop self community [ no-ex", []string{"no-export", "no-export-subconfed"}},
		{"announce route 1.1.0.0/24 next-hop self exp", []string{"expires"}},
		{"announce route 1.1.0.0/24 next-hop self origin ", []string{"egp", "igp", "incomplete"}},
	} {
		got, _ := complete(test.text, speakers, k)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%q: -want +got:\n%s", test.text, diff)
		}
	}
}

// TestCompleteMany: what is too much to show is not filled in by halves.
func TestCompleteMany(t *testing.T) {
	t.Parallel()
	var k known
	for i := range 1000 {
		k.byHand = append(k.byHand, fmt.Sprintf("10.%d.%d.0/24", i/256, i%256))
	}
	if got, _ := complete("withdraw route ", nil, k); got != nil {
		t.Errorf("%d words", len(got))
	}
	if got, _ := complete("withdraw route 10.3.1", nil, k); len(got) == 0 {
		t.Error("no words")
	}
}

// TestKnown: to ask never waits, and has what is old looked up.
func TestKnown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCache(newFake(t))
		if got := c.get("edge1"); got.peers != nil {
			t.Errorf("%+v", got)
		}
		go c.run(t.Context())
		synctest.Wait()
		got := c.get("edge1")
		want := known{
			peers:  []string{"192.0.2.1", "192.168.41.1"},
			owners: []string{"classic", "console", "edge-team", "exabgp"},
			byHand: []string{"1.1.0.0/24", "1.2.0.0/24", "2001:db8::/32"},
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(known{})); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		at := c.at["edge1"]
		time.Sleep(knownFor / 2)
		c.get("edge1")
		synctest.Wait()
		if !c.at["edge1"].Equal(at) {
			t.Error("it was looked up again too soon")
		}
		time.Sleep(knownFor)
		c.get("edge1")
		synctest.Wait()
		if c.at["edge1"].Equal(at) {
			t.Error("it was not looked up again")
		}
		c.get("edge2") // where nobody answers
		synctest.Wait()
		if got := c.get("edge2"); got.owners != nil || got.peers == nil {
			t.Errorf("%+v", got)
		}
	})
}
