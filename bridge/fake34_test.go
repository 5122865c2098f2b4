package bridge

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"routesync/state"
)

// writeSilent is exaBGP 3.4: it answers some questions, has no end of an
// answer, and says nothing to a command.
func (f *fakeExaBGP) writeSilent(line string) {
	switch {
	case f.stuck && line != "version":
	case line == "version":
		f.say("exabgp 3.4.8")
	case line == "show neighbors":
		for _, p := range f.peers {
			f.say(p.configuration34()...)
		}
	case line == "show routes extensive":
		for _, p := range f.peers {
			for _, k := range slices.SortedFunc(maps.Keys(p.seen), state.CompareKeys) {
				f.say(fmt.Sprintf("neighbor neighbor %s local-ip 127.0.0.1 local-as %d peer-as %d router-id 1.1.1.1 family-allowed in-open %s%s",
					p.addr, p.localAS, p.peerAS, k, words(p.seen[k])))
			}
		}
	default:
		f.routeSilent(line)
	}
}

func (f *fakeExaBGP) routeSilent(line string) {
	f.wrote = append(f.wrote, line)
	if f.refuse != nil && f.refuse(line) {
		return
	}
	_, command, announce := strings.Cut(line, " announce route ")
	if !announce {
		_, command, _ = strings.Cut(line, " withdraw route ")
	}
	nlri, attrs, _ := strings.Cut(command, " ")
	a, keys := f.parse(line, attrs+" nlri "+nlri)
	for _, p := range f.selected(line) {
		for _, k := range keys {
			p.change(k, f.resolved(a), !announce)
		}
	}
}

// resurrect is what 3.4 does as a session comes up: what it lists takes the
// place of changes that wait (rib/store.py, resend).
func (p *fakePeer) resurrect() {
	maps.Copy(p.cache, p.seen)
	p.seen = map[state.Key]state.Attrs{}
}

func (p *fakePeer) configuration34() []string {
	lines := []string{
		"neighbor " + p.addr.String() + " {", `  description "of { no } use";`, "  router-id 1.1.1.1;", "  local-address 127.0.0.1;",
		fmt.Sprintf("  local-as %d;", p.localAS), fmt.Sprintf("  peer-as %d;", p.peerAS), "  hold-time 180;", "  adj-rib-out: true;", "",
		"  capability {", "    asn4 enable;", "    add-path disable;", "  }", "  family {",
	}
	for _, fam := range p.families {
		lines = append(lines, "    "+strings.Replace(fam.String(), "ipv", "inet", 1)+";")
	}
	return append(lines, "  }", "  process {", "    receive {", "      neighbor-changes;", "    }", "  }", "}")
}
