package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"routesync/examples/lab/rig"
)

const (
	// askMany is how often the router is asked while many routes come, askOne while
	// one does.
	askMany = 5 * time.Millisecond
	askOne  = 2 * time.Millisecond
)

// lane is one round's exaBGP and router.
type lane struct {
	name    string // the speaker's
	dir     string
	router  *rig.Router
	speaker *rig.Speaker
}

// road makes a lane that has a router only.
func (b *bench) road(ctx context.Context) (*lane, error) {
	b.lanes++
	l := &lane{name: fmt.Sprintf("edge%d", b.lanes)}
	l.dir = filepath.Join(b.lab.Dir(), "round-"+l.name)
	if err := os.Mkdir(l.dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the round's folder: %w", err)
	}
	var err error
	l.router, err = b.lab.Router(ctx, rig.RouterOptions{
		Name: fmt.Sprintf("r%d", b.lanes), Address: netip.MustParseAddr("127.0.0.2"), AS: routerAS, PeerAS: speakerAS,
	})
	return l, err
}

// open starts an exaBGP with a helper, and a router, and waits until their
// session is up. helper makes the helper's command line for a speaker's name.
func (b *bench) open(ctx context.Context, helper func(*lane) []string, without ...rig.Piece) (*lane, error) {
	l, err := b.road(ctx)
	if err != nil {
		return nil, err
	}
	neighbor := l.router.Neighbor()
	neighbor.Without = without
	if l.speaker, err = b.lab.Speaker(ctx, rig.SpeakerOptions{
		Name: l.name, LocalAS: speakerAS, Neighbors: []rig.Neighbor{neighbor}, Run: helper(l),
	}); err == nil {
		err = l.router.WaitEstablished(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

// close ends all of it, so that the next round has the machine to itself.
func (l *lane) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // also after the round's own has ended
	defer cancel()
	var err error
	if l.speaker != nil {
		err = l.speaker.Kill(ctx)
	}
	return errors.Join(err, l.router.Kill(ctx))
}

// poll asks on a beat until the answer is yes, and says when that was.
func poll(ctx context.Context, beat time.Duration, what string, ask func() (bool, error)) (time.Time, error) {
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	for {
		ok, err := ask()
		if err != nil {
			return time.Time{}, err
		}
		if ok {
			return time.Now(), nil
		}
		select {
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("wait until %s: %w", what, ctx.Err())
		case <-ticker.C:
		}
	}
}

// wait returns once the router holds n routes, and says when that was. BIRD keeps
// count of them: the question does not slow down what is measured.
func (l *lane) wait(ctx context.Context, n int) (time.Time, error) {
	held := 0
	at, err := poll(ctx, askMany, fmt.Sprintf("router %s holds %d routes", l.router.Name, n), func() (bool, error) {
		var err error
		held, err = l.router.Held(ctx)
		return held == n, err
	})
	if err != nil {
		err = fmt.Errorf("it holds %d: %w", held, err)
	}
	return at, err
}

// waitRoute returns once the router holds a route, of the set that it is asked for
// in, or does not hold it if want is nil.
func (l *lane) waitRoute(ctx context.Context, prefix netip.Prefix, want *benchRoute) (time.Time, error) {
	return poll(ctx, askOne, fmt.Sprintf("router %s has %v as it is asked for", l.router.Name, prefix), func() (bool, error) {
		r, err := l.router.Route(ctx, prefix)
		if err != nil || r == nil || want == nil {
			return r == nil && want == nil, err
		}
		return setOf(*r) == want.set, nil
	})
}

// setOf is the set of attributes that a route came in. The community tells: a BIRD
// takes the MED from a static route that it announces to another AS.
func setOf(r rig.Route) (set int) {
	text := strings.TrimSuffix(strings.TrimPrefix(r.Attributes["BGP.community"], "(65000,"), ")")
	if set, err := strconv.Atoi(text); err == nil {
		return set
	}
	return 0
}

// holds checks, once the clock has stopped, that the router has exactly these
// routes: a count alone could be of others. Their sets are checked if there are
// any.
func (l *lane) holds(ctx context.Context, want []benchRoute) error {
	missing := make(map[netip.Prefix]int, len(want))
	sets := false
	for _, r := range want {
		missing[r.prefix] = r.set
		sets = sets || r.set != 0
	}
	check := func(p netip.Prefix, set int) error {
		wanted, ok := missing[p]
		if !ok || set != wanted {
			return fmt.Errorf("router %s holds %s of set %d, which it was not to", l.router.Name, p, set)
		}
		delete(missing, p)
		return nil
	}
	if err := l.each(ctx, sets, check); err != nil {
		return err
	}
	if len(missing) > 0 {
		return fmt.Errorf("router %s lacks %d routes", l.router.Name, len(missing))
	}
	return nil
}

// each gives f all routes of the router, with their sets if those are asked for.
func (l *lane) each(ctx context.Context, sets bool, f func(netip.Prefix, int) error) error {
	if !sets {
		held, err := l.router.Prefixes(ctx)
		for i := 0; i < len(held) && err == nil; i++ {
			err = f(held[i], 0)
		}
		return err
	}
	held, err := l.router.Routes(ctx)
	for i := 0; i < len(held) && err == nil; i++ {
		err = f(held[i].Prefix, setOf(held[i]))
	}
	return err
}
