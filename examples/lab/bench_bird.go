package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"time"

	"routesync/examples/lab/rig"
)

// sourceAddress is of the BIRD that takes exaBGP's place.
var sourceAddress = netip.MustParseAddr("127.0.0.3")

// reconfigures has a BIRD read its configuration with the big table again, for one
// route that is added, changed or removed, until a second BIRD holds the change.
func reconfigures(ctx context.Context, b *bench) (err error) {
	routes := askFor(b.big(), 0)
	b.lanes++
	l := &lane{name: fmt.Sprintf("bird%d", b.lanes), dir: b.lab.Dir()}
	if l.router, err = b.lab.Router(ctx, rig.RouterOptions{
		Name: fmt.Sprintf("r%d", b.lanes), Address: netip.MustParseAddr("127.0.0.2"), PeerAddress: sourceAddress, AS: routerAS, PeerAS: speakerAS,
	}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	if err := l.saveStatic(routes); err != nil {
		return err
	}
	source, err := b.lab.Router(ctx, rig.RouterOptions{
		Name: fmt.Sprintf("source%d", b.lanes), Address: sourceAddress, AS: speakerAS, PeerAS: routerAS, Config: l.sourceConfig,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Kill(context.WithoutCancel(ctx))) }()
	if _, err := l.wait(ctx, len(routes)); err != nil {
		return err
	}
	if err := l.holds(ctx, routes); err != nil {
		return err
	}
	for _, e := range oneEdit(routes, netip.MustParsePrefix("198.18.7.0/24")) {
		if err := l.saveStatic(e.routes); err != nil {
			return err
		}
		start := time.Now()
		if err := source.Reconfigure(ctx, func(same string) string { return same }); err != nil {
			return err
		}
		end, err := l.waitRoute(ctx, e.prefix, e.want)
		if err != nil {
			return fmt.Errorf("%s: %w", e.row, err)
		}
		b.addTime(e.row, ofBIRD, end.Sub(start))
	}
	used, err := rig.UsageOf(source.PID())
	if err == nil {
		b.add(rowMemory, ofSource, float64(used.Peak)/(1<<20))
	}
	return err
}

// saveStatic writes the files of static routes that the source includes.
func (l *lane) saveStatic(routes []benchRoute) error {
	for i, family := range families(routes) {
		if _, err := replace(l.staticFile(i), staticBIRD(family)); err != nil {
			return err
		}
	}
	return nil
}

func (l *lane) staticFile(family int) string {
	return filepath.Join(l.dir, l.name+[]string{"-ipv4.conf", "-ipv6.conf"}[family])
}

// sourceConfig is the configuration of a BIRD that gives its static routes to the
// lane's router.
func (l *lane) sourceConfig(port uint16) string {
	return fmt.Sprintf(`router id 10.254.0.1;
protocol device {}
protocol static static4 {
  ipv4;
include "%[1]s";
}
protocol static static6 {
  ipv6;
include "%[2]s";
}
protocol bgp peer1 {
  local %[3]v port %[4]d as %[5]d;
  neighbor %[6]v port %[7]d as %[8]d;
  strict bind yes;
  multihop;
  connect delay time 1;
  ipv4 { import none; export all; next hop address 192.0.2.1; };
  ipv6 { import none; export all; next hop address 2001:db8::1; };
}
`, l.staticFile(0), l.staticFile(1), sourceAddress, port, speakerAS, l.router.Address, l.router.Port, routerAS)
}
