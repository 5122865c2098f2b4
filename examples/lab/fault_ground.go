package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"routesync/examples/lab/rig"
)

const (
	// faultOwner is the owner of the grounds' files.
	faultOwner = "edge-team"
	// foreignRoute is exaBGP's own, and must survive everything.
	foreignRoute = "203.0.113.0/24"
	foreignHop   = "192.0.2.254"
	midstLimit   = 10 * time.Second
	// upLimit bounds the start of the parts of a ground.
	upLimit = 60 * time.Second
)

// ground is the running world of a fault: a speaker with its bridge, routers
// that record what they are told, watches, and the file. Its methods may be
// called from several goroutines.
type ground struct {
	*stage
	needs   needs
	name    string // of the speaker
	routers []*rig.Router
	watches []*rig.Program // the first is the one that commanded at the start
	// bridgeURL and watchURL are the broker's unless a variant puts something
	// between.
	bridgeURL, watchURL string
	rand                *rand.Rand
	short               bool
	born                time.Time // when its queues were made
	foreign             routeSet
	bare                map[*rig.Router]bool // exaBGP has taken its own routes from it, for good

	saving  sync.Mutex // one save at a time
	mu      sync.Mutex
	files   []saved // from the one that is converged on
	excused map[netip.Prefix]bool
	ended   time.Time         // the fault, if it said so
	healed  time.Time         // and what it hurt, likewise
	starts  map[int64]int     // of helpers, by exaBGP's clock: 64 s
	marks   map[*rig.Tape]int // how far each tape was judged
}

// openGround starts the parts at a broker, and converges to a first file.
func openGround(ctx context.Context, at stage, name string, n needs, seed *rand.Rand, short bool) (_ *ground, err error) {
	ctx, cancel := context.WithTimeout(ctx, upLimit)
	defer cancel()
	lab, err := rig.New(ctx, rig.Options{Dir: at.dir, Keep: true})
	if err != nil {
		return nil, err
	}
	g := &ground{
		stage: &stage{lab: lab, broker: at.broker, binary: at.binary, dir: filepath.Join(lab.Dir(), "work")},
		needs: n, name: name, bridgeURL: at.broker.URL, watchURL: at.broker.URL, rand: seed, short: short,
		starts: map[int64]int{}, marks: map[*rig.Tape]int{}, excused: map[netip.Prefix]bool{}, bare: map[*rig.Router]bool{},
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, lab.Close())
		}
	}()
	if err := os.Mkdir(g.dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the work folder: %w", err)
	}
	if n.variant != nil && n.variant.before != nil {
		if err := n.variant.before(ctx, g); err != nil {
			return nil, err
		}
	}
	if err := g.openRouters(ctx); err != nil {
		return nil, err
	}
	if err := g.openSpeaker(ctx); err != nil {
		return nil, err
	}
	if err := g.saves(routeSet{}.grown(g.rand, usualRoutes)); err != nil {
		return nil, err
	}
	for len(g.watches) < max(1, n.watches) {
		p, err := g.startWatch(ctx)
		if err != nil {
			return nil, err
		}
		if len(g.watches) == 1 && n.watches > 1 {
			if err := p.WaitWrote(ctx, "converged"); err != nil { // so that it is the first that commands
				return nil, err
			}
		}
	}
	g.born = time.Now()
	return g, nil
}

func (g *ground) openRouters(ctx context.Context) error {
	for i := range max(1, g.needs.routers) {
		o := rig.RouterOptions{
			Name: fmt.Sprintf("r%d", i+1), Address: netip.AddrFrom4([4]byte{127, 0, 0, byte(2 + i)}),
			AS: routerAS, PeerAS: speakerAS, Tape: true,
		}
		if g.needs.graceful {
			o.PeerExtra = "graceful restart on; graceful restart time 60;"
		}
		if v := g.needs.variant; v != nil && v.router != nil {
			v.router(&o)
		}
		r, err := g.lab.Router(ctx, o)
		if err != nil {
			return err
		}
		g.routers = append(g.routers, r)
	}
	g.router = g.routers[0]
	return nil
}

func (g *ground) openSpeaker(ctx context.Context) (err error) {
	o := rig.SpeakerOptions{
		Name: g.name, LocalAS: speakerAS, Static: []string{"route " + foreignRoute + " next-hop " + foreignHop},
		Run: []string{g.binary, "bridge", "--speaker", g.name, "--amqp", g.bridgeURL, "--state", filepath.Join(g.lab.Dir(), "state")},
	}
	g.foreign = routeSet{netip.MustParsePrefix(foreignRoute): fmt.Sprintf("origin igp as-path [%d] next-hop %s", speakerAS, foreignHop)}
	for _, r := range g.routers {
		n := r.Neighbor()
		if g.needs.graceful {
			n.Extra = "manual-eor true; capability { graceful-restart 60; }"
		}
		o.Neighbors = append(o.Neighbors, n)
	}
	if v := g.needs.variant; v != nil && v.speaker != nil {
		v.speaker(g, &o)
	}
	if g.speaker, err = g.lab.Speaker(ctx, o); err != nil {
		return err
	}
	g.bridgeStarts()
	return g.established(ctx)
}

func (g *ground) established(ctx context.Context) error {
	for _, r := range g.routers {
		if err := r.WaitEstablished(ctx); err != nil {
			return err
		}
	}
	return nil
}

// close stops the parts, and removes the folder if nothing in it matters.
func (g *ground) close(keep bool) error {
	err := g.lab.Close()
	if !keep {
		err = errors.Join(err, os.RemoveAll(g.lab.Dir()))
	}
	return err
}

func (g *ground) watchEnv() []string {
	return []string{"ROUTESYNC_AMQP=" + g.watchURL, "NO_COLOR=1", "ROUTESYNC_HISTORY=" + filepath.Join(g.lab.Dir(), "history")}
}

// startWatch starts one more routesync watch of the file. It works elsewhere than
// in the file's folder, as that may be moved.
func (g *ground) startWatch(ctx context.Context, args ...string) (*rig.Program, error) {
	var argv []string
	if v := g.needs.variant; v != nil {
		argv = append(argv, v.watch...)
	}
	argv = append(argv, g.binary, "watch", "-f", g.file())
	p, err := g.lab.Program(ctx, "watch", g.lab.Dir(), g.watchEnv(), append(argv, args...)...)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.watches = append(g.watches, p)
	return p, nil
}

// killWatch ends one with SIGKILL.
func (g *ground) killWatch(ctx context.Context, p *rig.Program) error {
	g.mu.Lock()
	g.watches = slices.DeleteFunc(g.watches, func(o *rig.Program) bool { return o == p })
	g.mu.Unlock()
	return p.Kill(ctx)
}

// respawnClock is exaBGP's: it counts the starts of a helper in steps of 64 s
// (reactor/api/processes.py, respawn_timemask).
const respawnClock = 64

func bucket(now time.Time) int64 { return now.Unix() / respawnClock }

// bridgeStarts notes that exaBGP starts a helper.
func (g *ground) bridgeStarts() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.starts[bucket(time.Now())]++
}

// startsLeft is how often exaBGP may start a helper, now or soon.
func (g *ground) startsLeft() int {
	const most = 5
	g.mu.Lock()
	defer g.mu.Unlock()
	return most - g.starts[bucket(time.Now())]
}

// killBridge ends the bridge with SIGKILL; its supervisor starts it again.
func (g *ground) killBridge(ctx context.Context) error { return g.speaker.KillBridge(ctx) }

// signalBridge sends it a signal.
func (g *ground) signalBridge(ctx context.Context, sig unix.Signal) error {
	pid, err := g.speaker.BridgePID(ctx)
	if err != nil {
		return err
	}
	if err := unix.Kill(pid, sig); err != nil {
		return fmt.Errorf("send %v to the bridge (pid %d): %w", sig, pid, err)
	}
	return nil
}

// startSpeaker starts exaBGP after it was stopped or killed.
func (g *ground) startSpeaker(ctx context.Context) error {
	g.mu.Lock()
	clear(g.starts) // it counts anew
	g.mu.Unlock()
	g.bridgeStarts()
	return g.speaker.Start(ctx)
}

// saves puts a file in place as an editor does, and has it in force.
func (g *ground) saves(routes routeSet) error {
	g.saving.Lock()
	defer g.saving.Unlock()
	return g.savesNow(routes)
}

func (g *ground) savesNow(routes routeSet) error {
	g.inForce(routes)
	return g.save(routes.yaml(faultOwner, g.name))
}

// edit saves the last file with n routes changed, new or gone.
func (g *ground) edit(n int) error {
	g.saving.Lock()
	defer g.saving.Unlock()
	return g.savesNow(g.last().edited(g.rand, n))
}

// resize saves the last file with n routes, more of them or less.
func (g *ground) resize(n int) error {
	g.saving.Lock()
	defer g.saving.Unlock()
	return g.savesNow(g.last().grown(g.rand, n))
}

// inForce notes that from now on a file asks for these routes. Call it before
// the file is there.
func (g *ground) inForce(routes routeSet) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.files = append(g.files, saved{time.Now(), routes})
}

// last is what the last file asks for.
func (g *ground) last() routeSet {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.files[len(g.files)-1].routes
}

// want is what a router holds in the end.
func (g *ground) want(r *rig.Router) routeSet {
	want := maps.Clone(g.last())
	if !g.bare[r] {
		maps.Copy(want, g.foreign)
	}
	return want
}

// excuse has it count for nothing what a router is told about these prefixes:
// the fault changes them itself, behind routesync's back.
func (g *ground) excuse(prefixes ...netip.Prefix) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range prefixes {
		g.excused[p] = true
	}
}

// over says that the fault ends now: what comes is the recovery. The last call
// counts.
func (g *ground) over() { g.overAt(time.Now()) }

func (g *ground) overAt(at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended = at
}

// pause waits for a time that is drawn, at most so long.
func (g *ground) pause(ctx context.Context, most time.Duration) error {
	return wait(ctx, time.Duration(g.rand.Int64N(int64(most))))
}

// span is how long something is meant to take; less in a short round.
func (g *ground) span(d time.Duration) time.Duration {
	if g.short {
		return d / 5
	}
	return d
}

// recovered says that what the fault hurt is well again: what comes is no part
// of the time that it took.
func (g *ground) recovered() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.healed = time.Now()
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// midst returns at a moment that is drawn: when the first router has been told
// of up to n routes since the mark, or when midstLimit is over: less may come.
func (g *ground) midst(ctx context.Context, mark, n int) error {
	n = g.rand.IntN(n)
	tape := g.router.Tape()
	limited, cancel := context.WithTimeout(ctx, midstLimit)
	defer cancel()
	err := tape.Wait(limited, fmt.Sprintf("%d routes have come", n), func() bool { return tape.Mark()-mark >= n })
	if limited.Err() != nil {
		return ctx.Err()
	}
	return err
}
