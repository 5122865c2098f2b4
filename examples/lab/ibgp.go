package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"routesync/examples/lab/rig"
)

// The two ends of examples/ibgp on this machine, which need no rights.
const (
	ibgpRouter  = "127.0.41.1"
	ibgpSpeaker = "127.0.41.2"
	ibgpAS      = 65000
)

// swap is one difference between a configuration as it is shipped and as it
// runs here. What is shipped stands there once.
type swap struct{ shipped, here string }

func swapped(text string, swaps ...swap) (string, error) {
	for _, s := range swaps {
		if n := strings.Count(text, s.shipped); n != 1 {
			return "", fmt.Errorf("adapt a shipped configuration: %q stands there %d times, not once", s.shipped, n)
		}
		text = strings.Replace(text, s.shipped, s.here, 1)
	}
	return text, nil
}

func birdSwaps(port uint16) []swap {
	return []swap{
		// strict, or BIRD listens on the port at every address of the machine.
		{"local 192.168.41.1 as 65000;", fmt.Sprintf("local %s port %d as 65000; strict bind yes;", ibgpRouter, port)},
		{"neighbor 192.168.41.2 as 65000;", "neighbor " + ibgpSpeaker + " as 65000;"},
	}
}

func exabgpSwaps(port uint16) []swap {
	return []swap{
		{"neighbor 192.168.41.1 {", fmt.Sprintf("neighbor %s {\n    connect %d;", ibgpRouter, port)},
		{"local-address 192.168.41.2;", "local-address " + ibgpSpeaker + ";"},
	}
}

const (
	shippedRoutesync = "/usr/local/bin/routesync"
	shippedHelper    = shippedRoutesync + " bridge --speaker " + speaker + " --classic;"
)

// bridgeSwap runs the helper as it is shipped.
func (s *stage) bridgeSwap() swap {
	return swap{shippedHelper, strings.Replace(shippedHelper, shippedRoutesync, s.binary, 1)}
}

// helperSwap runs another helper in the place of the shipped one.
func helperSwap(argv ...string) swap { return swap{shippedHelper, strings.Join(argv, " ") + ";"} }

// openIBGP starts the exaBGP of examples/ibgp, with its router stopped.
func (s *stage) openIBGP(ctx context.Context, helper swap) error {
	root, err := moduleRoot(ctx)
	if err != nil {
		return err
	}
	bird, err := os.ReadFile(filepath.Join(root, "examples/ibgp/bird.conf"))
	if err != nil {
		return fmt.Errorf("read the shipped configuration: %w", err)
	}
	exabgp, err := os.ReadFile(filepath.Join(root, "examples/ibgp/exabgp.conf"))
	if err != nil {
		return fmt.Errorf("read the shipped configuration: %w", err)
	}
	if _, err := swapped(string(bird), birdSwaps(0)...); err != nil {
		return err
	}
	if s.router, err = s.lab.Router(ctx, rig.RouterOptions{
		Name: "exabgp", Address: netip.MustParseAddr(ibgpRouter), AS: ibgpAS, PeerAS: ibgpAS,
		Config: func(port uint16) string {
			text, _ := swapped(string(bird), birdSwaps(port)...) // checked above
			return text
		},
	}); err != nil {
		return err
	}
	if err := s.router.Stop(ctx); err != nil {
		return err
	}
	text, err := swapped(string(exabgp), append(exabgpSwaps(s.router.Port), helper)...)
	if err != nil {
		return err
	}
	s.speaker, err = s.lab.Speaker(ctx, rig.SpeakerOptions{
		Name: speaker, Config: text,
		Env: append(s.env(), "STATE_DIRECTORY="+filepath.Join(s.lab.Dir(), "state")),
	})
	return err
}

// startRouter starts the router, and waits until the session is up.
func (s *stage) startRouter(ctx context.Context) error {
	if err := s.router.Start(ctx); err != nil {
		return err
	}
	return s.router.WaitEstablished(ctx)
}
