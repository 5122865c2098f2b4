package bridge

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"routesync/bridge/exabgp"
	"routesync/bridge/wire"
	"routesync/state"
)

// classic takes a message of the queue to-exabgp: commands in exaBGP's words,
// one a line. Each line stands for itself; what can't be read is reported, and
// exaBGP is not told of it. t is acknowledged when exaBGP has answered for all
// routes of the message.
func (c *core) classic(body []byte, by string, t ticket, now time.Time) {
	c.step(now)
	from := &state.Provenance{By: by, At: now.UnixMilli()}
	c.whenReady(func() {
		l := &classicMessage{ticket: t, open: 1}
		for _, line := range exabgp.SplitBody(body) {
			c.classicLine(line, l, claimant{state.OwnerClassic, from})
		}
		c.readOff(l)
	})
}

func (c *core) classicLine(line string, l *classicMessage, whose claimant) {
	orders, err := exabgp.ParseCommand(line)
	if err != nil {
		c.refuseLine(line, strings.ReplaceAll(err.Error(), "\n", "; "))
		return
	}
	for _, o := range orders {
		peers, err := c.selected(o.Neighbors)
		if err != nil {
			c.refuseLine(line, err.Error())
			return
		}
		l.open += len(o.Routes)
		for _, r := range o.Routes {
			c.happenByHand(whose, o.Withdraw, r.Attrs, []state.Key{r.Key})
			attrs := r.Attrs
			if o.Withdraw {
				attrs = state.Attrs{} // a withdrawal names what exaBGP has
			}
			c.enqueue(&op{key: r.Key, withdraw: o.Withdraw, attrs: attrs, claimant: whose, peers: peers, order: &order{message: l, open: 1}})
		}
	}
}

const (
	// maxQuoted bounds what a report repeats of a line that somebody sent.
	maxQuoted = 200
	// linesKept is how many refused lines status shows.
	linesKept = 20
)

// refuseLine reports a line that is not passed on.
func (c *core) refuseLine(line, reason string) {
	if len(line) > maxQuoted {
		line = line[:maxQuoted] + "..."
	}
	line, reason = exabgp.Printable(line), exabgp.Printable(reason)
	c.lines = append(c.lines, wire.RefusedLine{At: c.now.UnixMilli(), Line: line, Reason: reason})
	c.lines = c.lines[max(0, len(c.lines)-linesKept):]
	c.trouble(fmt.Sprintf("refused %q of queue to-exabgp: %s", line, reason))
}

// selected lists the peers that selectors name; nil if there are no selectors,
// which is every peer.
func (c *core) selected(selectors []exabgp.Selector) ([]netip.Addr, error) {
	var peers []netip.Addr
	for _, s := range selectors {
		i := slices.IndexFunc(c.peers, func(p *peer) bool { return s.Matches(p.Neighbor) })
		if i < 0 {
			return nil, fmt.Errorf("%s is no neighbor of %s that the bridge can command", s, c.speaker)
		}
		peers = append(peers, c.peers[i].Addr)
	}
	return peers, nil
}
