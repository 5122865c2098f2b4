package main

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"routesync/reconcile/guard"
	"routesync/state"
	"routesync/state/snapshot"
)

// readAgainst is what speakers advertise by a file: a snapshot, or another file with
// routes, as if they advertised exactly that. What can't be told of a speaker is in
// failed.
func readAgainst(path string, desired *state.Desired, now int64, notes io.Writer) (seen []observation, failed, err error) {
	data, err := readInput(path)
	if err != nil {
		return nil, nil, hinted(fmt.Errorf("read %s: %w", path, bare(err)))
	}
	if !snapshot.Is(data) {
		if bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
			return nil, nil, hinted(fmt.Errorf("%s is neither a snapshot nor a file with routes", path), "routesync snapshot writes a snapshot")
		}
		other, err := readDesired(path, nil)
		if err != nil {
			return nil, nil, err
		}
		return againstFile(path, other, desired, now), nil, warnLeft(notes, path, other, desired)
	}
	s, err := snapshot.Decode(data)
	if err != nil {
		return nil, nil, hinted(fmt.Errorf("read %s: %w", path, err), "take it again with routesync snapshot")
	}
	if _, err := fmt.Fprintf(notes, "note: against what was advertised at %s\n", s.Taken.Format(time.RFC3339)); err != nil {
		return nil, nil, err
	}
	var missing failures
	for _, name := range desired.Speakers {
		i := slices.IndexFunc(s.Speakers, func(s snapshot.Speaker) bool { return s.Advertised.Speaker == name })
		if i < 0 {
			missing = append(missing, hinted(fmt.Errorf("%s: %s does not have it", name, path), "routesync snapshot --speaker "+name+" has"))
			continue
		}
		seen = append(seen, restored(s.Speakers[i]))
	}
	return seen, missing.err(), nil
}

// warnLeft says which speakers only the other file is for.
func warnLeft(to io.Writer, path string, other, desired *state.Desired) error {
	for _, name := range other.Speakers {
		if slices.Contains(desired.Speakers, name) {
			continue
		}
		if _, err := fmt.Fprintf(to, "warning: %s: only %s is for it; what is announced there stays\n", name, path); err != nil {
			return err
		}
	}
	return nil
}

// againstFile is what the speakers of a file would advertise if they did exactly what
// another one asks for. Of a speaker that the other is not for, that is nothing.
func againstFile(path string, other, desired *state.Desired, now int64) []observation {
	asked, _ := other.At(now)
	peers, names := imaginedPeers(asked, desired)
	var seen []observation
	for _, name := range desired.Speakers {
		o := observation{speaker: name, file: path, peerNames: names, advertised: &state.Advertised{Speaker: name, Complete: true, Peers: peers}}
		if slices.Contains(other.Speakers, name) {
			advertise(o.advertised, asked)
			o.fileDigest, o.asked = other.Revision.Digest, asked
		}
		seen = append(seen, o)
	}
	return seen
}

// advertise makes all that is asked for advertised.
func advertise(a *state.Advertised, asked *state.Desired) {
	resolve := a.Resolver()
	for routes := asked.Routes; len(routes) > 0; {
		k := routes[0].Key
		var adverts []state.Advert
		for ; len(routes) > 0 && routes[0].Key == k; routes = routes[1:] {
			w := &routes[0]
			advert := state.Advert{Attrs: w.Attrs, Owner: asked.Owner, From: state.Provenance{Expires: w.Expires, Lease: w.Lease}}
			for _, peer := range resolve(w.Peers, k.Family) {
				advert.At = append(advert.At, state.At{Peer: peer, Grade: state.Sent})
			}
			adverts = append(adverts, advert)
		}
		a.Routes.Set(adverts, k)
	}
}

// askedTags are the tags that the file has for a route at a peer; false if it has none
// there.
func (o observation) askedTags(k state.Key, peer netip.Addr) ([]string, bool) {
	if o.asked == nil {
		return nil, false
	}
	i, _ := slices.BinarySearchFunc(o.asked.Routes, k, func(w state.Wanted, k state.Key) int { return state.CompareKeys(w.Key, k) })
	for _, w := range o.asked.Routes[i:] {
		if w.Key != k {
			break
		}
		if slices.Contains(o.advertised.Resolve(w.Peers, k.Family), peer) {
			return w.Tags, true
		}
	}
	return nil, false
}

// imaginedPeers stand in for those that no file tells of: one for each way in which
// either of two files names peers, and one that neither names. Who peers there are,
// and which of them have what tag, only the speaker's configuration says; but files
// that ask for the same of each of these ask for the same of any peer.
func imaginedPeers(files ...*state.Desired) ([]state.Neighbor, map[netip.Addr]string) {
	named := map[state.Peers]bool{}
	var selectors []state.Selector
	for _, d := range files {
		for i := range d.Routes {
			if p := d.Routes[i].Peers; !named[p] {
				named[p] = true
				selectors = append(selectors, p.Selectors()...)
			}
		}
	}
	selectors = state.SelectPeers(selectors).Selectors()
	taken := func(a netip.Addr) bool {
		return slices.ContainsFunc(selectors, func(s state.Selector) bool { return s.Addr == a })
	}
	next := netip.MustParseAddr("100::") // the discard prefix (RFC 6666)
	fresh := func() netip.Addr {
		for next = next.Next(); taken(next); next = next.Next() {
		}
		return next
	}
	names := map[netip.Addr]string{}
	var peers []state.Neighbor
	for _, s := range selectors {
		n := state.Neighbor{Addr: s.Addr, Up: true, Families: state.Families()}
		if !n.Addr.IsValid() {
			n.Addr, n.PeerAS = fresh(), s.AS
			if s.Tag != "" {
				n.Tags = []string{s.Tag}
			}
			names[n.Addr] = s.String()
		}
		peers = append(peers, n)
	}
	rest := state.Neighbor{Addr: fresh(), Up: true, Families: state.Families()}
	names[rest.Addr] = "every other peer"
	if len(selectors) == 0 {
		names[rest.Addr] = "every peer"
	}
	peers = append(peers, rest)
	slices.SortFunc(peers, func(a, b state.Neighbor) int { return a.Addr.Compare(b.Addr) })
	return peers, names
}

// named is a verdict that calls imagined peers by their names.
func (o observation) named(v guard.Verdict) guard.Verdict {
	for a, name := range o.peerNames {
		for _, all := range [][]guard.Finding{v.Refusals, v.Warnings} {
			for i := range all {
				all[i].Text = strings.ReplaceAll(all[i].Text, "peer "+a.String()+" ", "peer "+name+" ")
			}
		}
	}
	return v
}

// peerWords names peers, never null.
func (o observation) peerWords(addrs []netip.Addr) []string {
	words := make([]string, len(addrs))
	for i, a := range addrs {
		if words[i] = o.peerNames[a]; words[i] == "" {
			words[i] = a.String()
		}
	}
	return words
}
