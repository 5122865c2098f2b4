package rig

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Collector is a route collector: a GoBGP with one passive session, which takes
// routes of every family, those that BIRD has not among them, and gives none.
type Collector struct {
	Name string
	// Address and Port are where it listens.
	Address netip.Addr
	Port    uint16

	lab     *Lab
	opts    RouterOptions
	dir     string
	api     uint16 // the port of its API, at the same address
	process *process
}

// collectorFamilies are the families of its session: exaBGP's word for each, and
// GoBGP's. None has add-path: GoBGP 3.10 dies of the first flow route on a session
// that has it for unicast, for it looks for a path identifier in the match.
func collectorFamilies() [][2]string {
	return [][2]string{
		{"ipv4 unicast", "ipv4-unicast"}, {"ipv4 nlri-mpls", "ipv4-labelled-unicast"}, {"ipv4 mpls-vpn", "l3vpn-ipv4-unicast"},
		{"ipv4 flow", "ipv4-flowspec"}, {"ipv4 flow-vpn", "l3vpn-ipv4-flowspec"},
		{"ipv6 unicast", "ipv6-unicast"}, {"ipv6 nlri-mpls", "ipv6-labelled-unicast"}, {"ipv6 mpls-vpn", "l3vpn-ipv6-unicast"},
		{"ipv6 flow", "ipv6-flowspec"}, {"ipv6 flow-vpn", "l3vpn-ipv6-flowspec"}, {"l2vpn vpls", "l2vpn-vpls"},
	}
}

// Collector starts a GoBGP, and returns once it answers on its API. Of opts it
// takes names, addresses and AS numbers.
func (l *Lab) Collector(ctx context.Context, opts RouterOptions) (*Collector, error) {
	if err := opts.complete(l.next("collector")); err != nil {
		return nil, fmt.Errorf("collector %s: %w", opts.Name, err)
	}
	name, dir, err := l.part("collector", opts.Name)
	if err != nil {
		return nil, fmt.Errorf("collector %s: %w", opts.Name, err)
	}
	c := &Collector{Name: name, Address: opts.Address, lab: l, opts: opts, dir: dir}
	err = c.start(ctx)
	if errors.Is(err, unix.EADDRINUSE) { // somebody was faster
		err = c.start(ctx)
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Log is the path of what GoBGP logs.
func (c *Collector) Log() string { return filepath.Join(c.dir, "gobgpd.log") }

// Dump is the path of the MRT file (RFC 6396) in which it keeps every UPDATE that
// comes, as it was on the wire.
func (c *Collector) Dump() string { return filepath.Join(c.dir, "updates.mrt") }

func (c *Collector) start(ctx context.Context) error {
	program, err := find("gobgpd")
	if err != nil {
		return fmt.Errorf("start collector %s: %w", c.Name, err)
	}
	ports, err := reserve(c.Address, 2)
	if err != nil {
		return fmt.Errorf("start collector %s: %w", c.Name, err)
	}
	c.Port, c.api = ports.ports[0], ports.ports[1]
	config := filepath.Join(c.dir, "gobgpd.toml")
	err = os.WriteFile(config, []byte(c.config()), 0o644)
	ports.release()
	if err != nil {
		return fmt.Errorf("configure collector %s: %w", c.Name, err)
	}
	c.process, err = c.lab.spawn(ctx, spec{
		name: "collector " + c.Name,
		argv: []string{program, "-f", config, "-p", "--pprof-disable", "--api-hosts", netip.AddrPortFrom(c.Address, c.api).String()},
		dir:  c.dir,
		log:  c.Log(),
	})
	if err != nil {
		return err
	}
	err = c.process.until(ctx, "it has its neighbor", func() (bool, error) {
		_, err := c.neighbor(ctx)
		return err == nil, nil
	})
	if err == nil {
		return nil
	}
	if logged, readErr := c.process.wrote(); readErr == nil && strings.Contains(strings.ToLower(logged), strings.ToLower(addressInUse)) {
		err = errors.Join(err, unix.EADDRINUSE)
	}
	return errors.Join(err, c.lab.drop(c.process))
}

// config is the text of gobgpd.toml. What it learns stays in the session's
// table: GoBGP looks up no next hop and installs nothing without zebra.
func (c *Collector) config() string {
	var text strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&text, format+"\n", args...) }
	line("[global.config]")
	line("  as = %d", c.opts.AS)
	line("  router-id = %q", c.opts.RouterID)
	line("  port = %d", c.Port)
	line("  local-address-list = [%q]", c.Address)
	line("[[mrt-dump]]")
	line("  [mrt-dump.config]")
	line("    dump-type = \"updates\"")
	line("    file-name = %q", filepath.Base(c.Dump())) // a layout of Go's time: it would read digits of a path
	line("    rotation-interval = 86400")
	line("[[neighbors]]")
	line("  [neighbors.config]")
	line("    neighbor-address = %q", c.opts.PeerAddress)
	line("    peer-as = %d", c.opts.PeerAS)
	line("  [neighbors.transport.config]")
	line("    passive-mode = true")
	line("    local-address = %q", c.Address)
	for _, family := range collectorFamilies() {
		line("  [[neighbors.afi-safis]]")
		line("    [neighbors.afi-safis.config]")
		line("      afi-safi-name = %q", family[1])
	}
	return text.String()
}

// Neighbor is the speaker's side of the session.
func (c *Collector) Neighbor() Neighbor {
	n := Neighbor{
		Address: c.Address, Port: c.Port, PeerAS: c.opts.AS, LocalAddress: c.opts.PeerAddress,
	}
	for _, family := range collectorFamilies() {
		n.Families = append(n.Families, family[0])
	}
	return n
}
