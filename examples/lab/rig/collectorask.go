package rig

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// ask runs one client, and returns the JSON that it prints.
func (c *Collector) ask(ctx context.Context, args ...string) ([]byte, error) {
	program, err := find("gobgp")
	if err != nil {
		return nil, fmt.Errorf("collector %s: %w", c.Name, err)
	}
	cmd := exec.CommandContext(ctx, program, append([]string{"-j", "-u", c.Address.String(), "-p", strconv.Itoa(int(c.api))}, args...)...)
	cmd.WaitDelay = time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("collector %s: gobgp %s: %w: %s%s", c.Name, strings.Join(args, " "), errors.Join(ctx.Err(), err), stderr.Bytes(), stdout.Bytes())
	}
	return stdout.Bytes(), nil
}

// established is the number that GoBGP's API has for this state of a session.
const established = 6

// neighbor is the part that is used of what GoBGP says of its neighbor. A number
// that is 0 is left out.
type neighbor struct {
	State struct {
		SessionState int `json:"session_state"`
	} `json:"state"`
	Families []struct {
		State struct {
			Family   struct{ AFI, SAFI uint32 }
			Accepted int
		}
	} `json:"afi_safis"`
}

func (c *Collector) neighbor(ctx context.Context) (neighbor, error) {
	var n neighbor
	text, err := c.ask(ctx, "neighbor", c.opts.PeerAddress.String())
	if err == nil {
		err = json.Unmarshal(text, &n)
	}
	if err != nil {
		return n, fmt.Errorf("collector %s: read its neighbor: %w", c.Name, err)
	}
	return n, nil
}

// Counts is how many routes it holds, by AFI<<8 | SAFI.
func (c *Collector) Counts(ctx context.Context) (map[uint32]int, error) {
	n, err := c.neighbor(ctx)
	counts := map[uint32]int{}
	for _, f := range n.Families {
		if f.State.Accepted > 0 {
			counts[f.State.Family.AFI<<8|f.State.Family.SAFI] = f.State.Accepted
		}
	}
	return counts, err
}

// WaitEstablished returns once the session is up.
func (c *Collector) WaitEstablished(ctx context.Context) error {
	return c.process.until(ctx, "its session was up", func() (bool, error) {
		n, err := c.neighbor(ctx)
		return n.State.SessionState == established, err
	})
}
