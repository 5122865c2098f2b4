package console

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"sync"
	"testing"

	"routesync/bridge/wire"
	"routesync/state"
)

// fake is a backend with one peer that is up and one that is down. Routes in
// 10.0.0.0/8 are kept by a file, those with med 99 are never answered, and
// those with med 98 are not sent.
type fake struct {
	adv     state.Advertised
	recv    []Received
	notices chan Notice
	// order is in which order the results of a batch come; nil for theirs.
	order func(n int) []int
	// first, if there is one, is closed before the first batch is answered.
	first chan struct{}
	gave  chan struct{} // is told of each batch

	mu      sync.Mutex
	given   []wire.Command
	batches int
}

var errNoBridge = errors.New("no bridge answers for speaker edge2")

func up() netip.Addr   { return netip.MustParseAddr("192.168.41.1") }
func down() netip.Addr { return netip.MustParseAddr("192.0.2.1") }

func (*fake) Speakers() []string { return []string{"edge1", "edge2"} }

func (f *fake) Give(ctx context.Context, speaker string, commands []wire.Command) (<-chan wire.Result, error) {
	if speaker == "edge2" {
		return nil, errNoBridge
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.given = append(f.given, commands...)
	f.batches++
	if f.gave != nil {
		f.gave <- struct{}{}
	}
	results := make(chan wire.Result, len(commands))
	if f.first != nil && f.batches == 1 {
		go func() {
			defer close(results)
			<-f.first
			for i, c := range commands {
				results <- wire.Result{Command: i, Outcomes: outcomes(c)}
			}
		}()
		return results, nil
	}
	order := make([]int, len(commands))
	for i := range order {
		order[i] = i
	}
	if f.order != nil {
		order = f.order(len(commands))
	}
	silent := false
	for _, i := range order {
		r := wire.Result{Command: i, Outcomes: outcomes(commands[i])}
		if r.Outcomes == nil {
			silent = true
			continue
		}
		results <- r
	}
	if silent {
		context.AfterFunc(ctx, func() { close(results) })
	} else {
		close(results)
	}
	return results, nil
}

func outcomes(c wire.Command) []wire.Outcome {
	med, _ := c.Attrs.Get(state.MED)
	kept := netip.MustParsePrefix("10.0.0.0/8").Overlaps(c.Keys[0].Prefix())
	switch {
	case len(med) > 0 && med[0] == "99":
		return nil
	case len(med) > 0 && med[0] == "98":
		return []wire.Outcome{{Peer: up(), Verdict: wire.Unsent, Reason: "the peer takes no such family", Keys: c.Keys}}
	case kept:
		return []wire.Outcome{
			{Peer: up(), Verdict: wire.Refused, Owner: "edge-team", Keys: c.Keys},
			{Peer: down(), Verdict: wire.Refused, Owner: "edge-team", Keys: c.Keys},
		}
	case c.Withdraw:
		return []wire.Outcome{{Peer: up(), Verdict: wire.Withdrawn, Keys: c.Keys}}
	}
	return []wire.Outcome{{Peer: up(), Verdict: wire.Sent, Keys: c.Keys}, {Peer: down(), Verdict: wire.Held, Keys: c.Keys}}
}

func (*fake) Peers(context.Context, string) ([]state.Neighbor, error) {
	return []state.Neighbor{
		{Addr: down(), LocalAS: 65001, PeerAS: 65003, Families: []state.Family{state.IPv4Unicast, state.IPv6Unicast}},
		{
			Addr: up(), LocalAS: 65001, PeerAS: 65002, Up: true, Since: 1790000000000, Families: []state.Family{state.IPv4Unicast},
			Lacks: []string{"add to its api: send { parsed; update; }"},
		},
	}, nil
}

func (f *fake) Advertised(_ context.Context, speaker string) (state.Advertised, error) {
	if speaker == "edge2" {
		return state.Advertised{}, errNoBridge
	}
	return f.adv, nil
}

func (f *fake) Received(context.Context, string, Filter) ([]Received, error) { return f.recv, nil }

func (f *fake) Notices() <-chan Notice { return f.notices }

func (*fake) Locate(_ context.Context, _, owner string, key state.Key, _ netip.Addr) (Place, bool) {
	switch {
	case owner == "ended":
		return Place{Text: "watch on noc1 (pid 42)", Ended: true}, true
	case owner != "edge-team" || key.String() == "10.9.0.0/16":
		return Place{}, false
	}
	plain, err := state.NewAttrs(map[state.Name][]string{state.NextHop: {"192.168.41.2"}})
	return Place{Text: "routes.yaml:12:5 (watch on noc1, pid 42)", Kept: []state.Attrs{plain}}, err == nil
}

func attrs(t testing.TB, values map[state.Name][]string) state.Attrs {
	t.Helper()
	a, err := state.NewAttrs(values)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func key(prefix string) state.Key { return state.UnicastKey(netip.MustParsePrefix(prefix), 0) }

// newFake has routes of every kind of owner.
func newFake(t testing.TB) *fake {
	plain := attrs(t, map[state.Name][]string{state.NextHop: {"192.168.41.2"}})
	rich := attrs(t, map[state.Name][]string{state.NextHop: {"192.168.41.2"}, state.MED: {"10"}, state.Community: {"65000:1", "no-export"}})
	six := attrs(t, map[state.Name][]string{state.NextHop: {"2001:db8::1"}})
	sent := func(grade state.Grade, reason string) []state.At {
		return []state.At{{Peer: down(), Grade: grade, Reason: reason}, {Peer: up(), Grade: state.Sent}}
	}
	var many []state.At
	for i := range 7 {
		many = append(many, state.At{Peer: netip.AddrFrom4([4]byte{192, 0, 2, byte(10 + i)}), Grade: state.Sent})
	}
	alice := state.Provenance{By: "alice on noc1 (console)\x1b[2J", At: 1790000000000, Expires: 1790000600000}
	return &fake{
		notices: make(chan Notice),
		adv: state.Advertised{Speaker: "edge1", Complete: true, Routes: state.CollectTable(maps.All(map[state.Key][]state.Advert{
			key("10.0.0.0/8"):    {{Attrs: plain, Owner: "edge-team", At: sent(state.Held, "")}},
			key("10.6.0.0/16"):   {{Attrs: rich, Owner: "edge-team", At: many}},
			key("1.1.0.0/24"):    {{Attrs: rich, Owner: state.OwnerConsole, From: alice, At: sent(state.Unsent, "no such family")}},
			key("1.2.0.0/24"):    {{Attrs: plain, Owner: state.OwnerClassic, From: state.Provenance{At: 1790000000000}, At: sent(state.Sent, "")}},
			key("2001:db8::/32"): {{Attrs: six, At: []state.At{{Peer: up(), Grade: state.Withdrawing}}}},
		}))},
		recv: []Received{
			{Peer: up(), Family: "ipv4 unicast", NLRI: "192.168.41.4/32", Attrs: "next-hop 192.168.41.1 med 5"},
			{Peer: up(), Family: "ipv4 unicast", NLRI: "198.51.100.0/24", Attrs: "next-hop 192.168.41.1"},
			{Peer: down(), Family: "ipv6 unicast", NLRI: "2001:db8:1::/48", Attrs: "next-hop 2001:db8::1"},
			{Peer: down(), Family: "ipv4 flow", NLRI: "destination 192.0.2.0/24 protocol =udp", Attrs: "rate-limit 0"},
		},
	}
}
