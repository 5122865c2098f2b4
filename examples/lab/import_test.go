//go:build integration

package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"routesync/examples/lab/rig"
)

// imports writes routes.yaml by routesync import. The file that was there is
// gone before.
func (s *scene) imports(args string) {
	s.t.Helper()
	if err := os.Remove(s.stage.file()); !errors.Is(err, fs.ErrNotExist) {
		s.must(err)
	}
	s.expect(0, "import -o routes.yaml "+args)
	s.expect(0, "fmt --check")
}

// What a speaker advertises, imported, leaves nothing to do: any family, with
// attributes that differ by peer, with routes that expire and routes of others.
func TestImportOfWhatIsAdvertised(t *testing.T) {
	t.Parallel()
	families := []string{"ipv4 unicast", "ipv6 unicast", "ipv4 nlri-mpls", "ipv4 mpls-vpn", "ipv4 flow", "l2vpn vpls"}
	s := open(t, setting{
		routers: []rig.RouterOptions{router(2, routerAS), router(3, routerAS+1)},
		neighbors: func(n []rig.Neighbor) {
			n[0].Families = families
		},
	})
	const body = `version: 1
owner: edge-team
speakers: [SPEAKER]
guard: { allow: [private, documentation] }
defaults: { next-hop: 192.0.2.1 }
routes:
  - prefixes: [10.0.0.0/16, 10.1.0.0/16]
    med: 10
    community: [65000:2, blackhole]
  - prefix: 10.2.0.0/16
    as-path: [65000, 65000, [65010, 65011]]
    peers: [127.0.0.2]
  - prefix: 10.2.0.0/16
    peers: [127.0.0.3]
    attribute: [0x63, 0xc0, 0x0102]
  - { prefix: 10.3.0.0/16, expires: 2096-12-01T00:00:00Z }
  - { prefix: 10.4.0.0/16, lease: 10h, next-hop: self }
  - { prefix: "2001:db8::/32", next-hop: "2001:db8::1", peers: [127.0.0.2] }
  - { prefix: 10.9.0.0/24, rd: 65000:1, label: 800, extended-community: [target:65000:1] }
  - { prefix: 10.10.0.0/24, label: 801 }
flows:
  - match: { destination: 192.0.2.0/24, protocol: udp, destination-port: [53, ">1024&<2000"] }
    then: { rate-limit: 9600, mark: 10 }
vpls:
  - { rd: 192.168.201.1:123, endpoint: 5, base: 10702, offset: 1, size: 8 }
`
	s.must(s.save(strings.ReplaceAll(body, "SPEAKER", s.name)))
	s.expect(0, "apply --yes --wait accepted --timeout 30s")
	s.must(os.WriteFile(filepath.Join(s.dir, "theirs.yaml"), []byte(file("other-team", s.name, "10.20.0.0/16")), 0o600))
	s.expect(0, "apply -f theirs.yaml --yes --wait accepted --timeout 30s")
	s.console(0, "announce route 10.30.0.0/16 next-hop 192.0.2.1")

	s.imports("--speaker " + s.name + " --owner " + owner)
	s.expect(0, "plan --detailed-exitcode", "No changes.", "announced by owner other-team")
	s.imports("--speaker " + s.name + " --owner other-team")
	s.expect(0, "plan --detailed-exitcode", "No changes.")

	// What no file asks for is still foreign to the file that has it.
	s.imports("--speaker " + s.name + " --foreign --as third-team")
	s.expect(1, "plan --detailed-exitcode", "owner console", "can't have it until", "adopt makes them the file's")
	before := s.held(s.routers[0])
	s.quiet(s.routers[0], func() {
		s.expect(0, "adopt --wanted --yes", "10.30.0.0/16", "announced by owner console", "No changes.", "1 of 1 route adopted for owner third-team")
	})
	s.untouched(s.routers[0], before)
	s.nothingToDo()
	s.expect(0, "adopt --wanted --yes", "Nothing to adopt")

	// Another file's routes are named, and meant.
	s.expect(1, "adopt 10.20.0.0/16 --yes", "owner other-team", "--from other-team")
	s.expect(1, "adopt 10.20.0.0/16 --yes --from other-team", "the next apply would withdraw it", "--unwanted")
	s.expect(0, "adopt 10.20.0.0/16 --yes --from other-team --unwanted", "1 to withdraw", "1 of 1 route adopted")
	s.expect(0, "apply --yes --timeout 30s")
	s.lacks(s.routers[0], "10.20.0.0/16")
	s.sees(s.routers[0], "10.30.0.0/16", "")
}

// The routes of exaBGP's own configuration, imported and adopted, leave nothing
// to do, and go when the file lets them go.
func TestImportOfConfiguration(t *testing.T) {
	t.Parallel()
	s := open(t, setting{neighbors: func(n []rig.Neighbor) {
		n[0].Families = []string{"ipv4 unicast", "ipv6 unicast", "ipv4 mpls-vpn", "ipv4 flow"}
		n[0].Static = []string{
			"route 10.0.0.0/16 next-hop 192.0.2.1 med 10 community [ 65000:2 65000:1 ]",
			"route 10.1.0.0/16 next-hop 192.0.2.1 as-path [ 65000 65000 ]",
			"attributes next-hop 192.0.2.1 local-preference 200 nlri 10.2.0.0/16 10.3.0.0/16",
			// Not a /32, with which exaBGP 4.2 refuses the neighbor.
			"route 2001:db8:a::/48 next-hop 2001:db8::1",
			"route 10.9.0.0/24 rd 65000:1 label 800 next-hop 192.0.2.1 extended-community [ target:65000:1 ]",
			"route 10.10.0.0/16 next-hop 192.0.2.1 split /17",
			"route 10.11.0.0/16 next-hop self",
		}
		n[0].Extra = "flow { route a { match { destination 192.0.2.0/24; protocol udp; } then { rate-limit 9600; } } }"
	}})
	s.imports("--exabgp-conf " + s.stage.speaker.Config() + " --speaker " + s.name + " --as " + owner)
	s.expect(1, "plan --detailed-exitcode", "exaBGP itself", "can't have it until", "less 10 routes")

	// A watch of the same owner is asked to be stopped.
	w := s.watches("watch")
	s.says(w, "foreign")
	s.expect(1, "adopt --wanted --yes --timeout 20s", "commanded by watch")
	s.must(w.Stop(s.ctx))

	s.quiet(s.routers[0], func() {
		s.expect(0, "adopt --wanted --yes", "10 routes to adopt", "announced by exaBGP itself", "No changes.", "10 of 10 routes adopted", "has to be taken out of it")
	})
	s.nothingToDo()
	s.put("10.0.0.0/16, med: 10, community: [65000:1, 65000:2]")
	s.expect(0, "apply --yes --timeout 30s", "9 to withdraw")
	s.lacks(s.routers[0], "10.1.0.0/16")
	s.sees(s.routers[0], "10.0.0.0/16", "10")

	// exaBGP's configuration still has them all.
	s.must(s.stage.speaker.Stop(s.ctx))
	s.must(s.stage.speaker.Start(s.ctx))
	s.must(s.routers[0].WaitEstablished(s.ctx))
	s.expect(0, "plan --timeout 30s", "exaBGP itself", "10.1.0.0/16", "less 1 route")
}
