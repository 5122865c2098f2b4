//go:build integration

package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"routesync/examples/lab/rig"
	"routesync/state"
)

var updateTables = flag.Bool("update-tables", false, "write what the routers hold to testdata/families")

// birdTables are BIRD's tables for the families that it knows, but unicast.
func birdTables() map[state.Family]string {
	return map[state.Family]string{
		state.IPv4Labelled: "lab4", state.IPv6Labelled: "lab6", state.IPv4VPN: "vpn4t", state.IPv6VPN: "vpn6t",
		state.IPv4Flow: "flow4t", state.IPv6Flow: "flow6t",
	}
}

// withTables gives a router these families. channel is added to those with
// prefixes.
func withTables(o rig.RouterOptions, channel string) rig.RouterOptions {
	o.ChannelExtra += channel
	for _, c := range []struct{ channel, table, igp string }{
		{"ipv4 mpls", "ipv4 table lab4", "hops_ipv4"}, {"ipv6 mpls", "ipv6 table lab6", "hops_ipv6"},
		{"vpn4 mpls", "vpn4 table vpn4t", "hops_ipv4"}, {"vpn6 mpls", "vpn6 table vpn6t", "hops_ipv6"},
	} {
		o.Extra += c.table + "; "
		o.PeerExtra += c.channel + " { " + c.table[5:] + "; import all; export none; igp table " + c.igp + "; " + channel + " }; "
	}
	o.Extra += "flow4 table flow4t; flow6 table flow6t;"
	o.PeerExtra += "flow4 { table flow4t; import all; export none; validate off; }; flow6 { table flow6t; import all; export none; validate off; };"
	return o
}

// TestFileOfEveryFamily: files with every family, attribute, match and action
// come to the tables of two makes of routers, are replaced by another one, which
// changes every route, and are gone with an empty one.
func TestFileOfEveryFamily(t *testing.T) {
	t.Parallel()
	if err := rig.Install(t.Context(), nil, rig.GoBGP); err != nil {
		t.Fatal(err)
	}
	var collector *rig.Collector
	s := open(t, setting{
		routers: []rig.RouterOptions{withTables(router(4, routerAS), "add paths rx;")},
		others: func(s *scene) []rig.Neighbor {
			var err error
			collector, err = s.lab.Collector(s.ctx, router(5, speakerAS))
			s.must(err)
			return []rig.Neighbor{collector.Neighbor()}
		},
		neighbors: func(n []rig.Neighbor) {
			n[0].Families = append(n[0].Families, names(slices.Collect(maps.Keys(birdTables())))...)
			n[0].Extra = "capability { add-path send/receive; } add-path { ipv4 unicast; ipv6 unicast; ipv4 nlri-mpls; ipv4 mpls-vpn; }"
		},
	})
	s.must(collector.WaitEstablished(s.ctx))
	put := func(file string) {
		t.Helper()
		text, err := os.ReadFile(filepath.Join("testdata", "families", file+".yaml"))
		s.must(err)
		s.must(s.save(strings.Replace(string(text), "[edge1]", "["+s.name+"]", 1)))
	}
	// hold waits until both routers hold what testdata/families has under a name.
	hold := func(name string) {
		t.Helper()
		s.agree(name+".bird", s.birdHolds)
		s.agree(name+".gobgp", func() (string, error) {
			told, err := readCollected(collector.Dump())
			if err != nil {
				return "", err
			}
			// What it was told is no proof that it took it.
			counts, err := collector.Counts(s.ctx)
			if err == nil && !maps.Equal(counts, told.families()) {
				return fmt.Sprintf("it was told %v and holds %v", told.families(), counts), nil
			}
			return told.String(), err
		})
	}
	s.sessionsStay(func() {
		put("first")
		s.apply()
		hold("first")
		watch := s.watches("watch")
		s.says(watch, "converged")
		put("second")
		hold("second")
		s.nothingToDo()
		s.put("224.0.0.0/4")
		s.says(watch, "prefix 224.0.0.0/4 is a multicast range, not unicast")
		hold("second")
		told, err := readCollected(collector.Dump())
		s.must(err)
		if told.withdrawn > 0 {
			t.Errorf("%d routes were withdrawn for a change", told.withdrawn)
		}
		s.put()
		hold("nothing")
		s.nothingToDo()
	})
	if n := s.count(collector.Log(), "Peer Down"); n > 0 {
		t.Errorf("the collector's session was reset %d times", n)
	}
}

// agree waits until an answer is as in a file.
func (s *scene) agree(file string, ask func() (string, error)) {
	s.t.Helper()
	path := filepath.Join("testdata", "families", file)
	want, err := os.ReadFile(path)
	if err != nil && !*updateTables {
		s.t.Fatal(err)
	}
	if *updateTables {
		<-time.After(2 * time.Second) // until nothing is on its way
		got, err := ask()
		s.must(err)
		want = []byte(got)
		s.must(os.WriteFile(path, want, 0o644))
	}
	var got string
	defer func() {
		if s.t.Failed() {
			s.t.Logf("%s (-want +got):\n%s", file, cmp.Diff(string(want), got))
		}
	}()
	s.until(file, func() bool {
		got, err = ask()
		s.must(err)
		return got == string(want)
	})
}

// birdHolds is what all tables of BIRD have, without when and from where.
func (s *scene) birdHolds() (string, error) {
	var all []string
	origin := regexp.MustCompile(` +(unreachable )? *\[[^]]*\] \* \(100\)( \[.*\])?`)
	for _, table := range append(slices.Sorted(maps.Values(birdTables())), "master4", "master6") {
		text, err := s.router.Show(s.ctx, "route", "all", "table", table)
		if err != nil {
			return "", err
		}
		before := ""
		for line := range strings.Lines(text) {
			switch {
			case strings.HasPrefix(line, "Table ") || strings.HasPrefix(line, "\tType:") || strings.Contains(line, "BGP.local_pref:"):
			case strings.HasPrefix(line, "\tBGP.ext_community:"): // a set, which each exaBGP sends in an order of its own
				name, values, _ := strings.Cut(line, ": ")
				all[len(all)-1] += name + ": " + strings.Join(groups(strings.TrimSpace(values)), " ") + "\n"
			case strings.HasPrefix(line, "\t"):
				all[len(all)-1] += line
			case strings.TrimSpace(line) != "":
				if line[0] != ' ' {
					before = origin.ReplaceAllString(line, "")
				}
				all = append(all, table+" "+before)
			}
		}
	}
	slices.Sort(all)
	return strings.Join(all, ""), nil
}
