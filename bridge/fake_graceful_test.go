package bridge

import (
	"maps"
	"strings"

	"routesync/state"
)

// restart is another life of exaBGP: of what it announced only what is of its
// configuration is there again, and all sessions are down.
func (f *fakeExaBGP) restart(configured ...state.Key) {
	f.out, f.listing, f.behind = nil, nil, nil
	for _, p := range f.peers {
		if p.up {
			f.sessionDown(p)
		}
		static := map[state.Key]state.Attrs{}
		for _, k := range configured {
			static[k] = p.cache[k]
		}
		p.cache = static
	}
	f.out = nil
}

// keepStale is what a peer does with what it has when a session ends or begins.
func (p *fakePeer) keepStale() {
	if p.graceful {
		if p.stale == nil {
			p.stale = map[state.Key]state.Attrs{}
		}
		maps.Copy(p.stale, p.holds)
	}
	p.holds = map[state.Key]state.Attrs{}
}

// endOfRIB takes the command, for a session that is up.
func (f *fakeExaBGP) endOfRIB(line string) {
	_, name, _ := strings.Cut(line, " announce eor ")
	family, err := state.ParseFamily(name)
	if err != nil {
		f.t.Fatalf("exaBGP was given %q: %v", line, err)
	}
	for _, p := range f.selected(line) {
		if p.up {
			p.pending = append(p.pending, change{eor: family})
			f.say("done")
			return
		}
	}
	f.say("error")
}

// end is an end-of-RIB on the wire (RFC 4724 section 4.2).
func (p *fakePeer) end(family state.Family) {
	p.ended = append(p.ended, family)
	for k := range p.stale {
		if k.Family == family {
			p.dropped = append(p.dropped, k)
			delete(p.stale, k)
		}
	}
}
