package rig

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Show asks BIRD as `birdc show ARGS` does and returns what birdc prints.
func (r *Router) Show(ctx context.Context, args ...string) (string, error) {
	lines, err := r.ask(ctx, "show "+strings.Join(args, " "))
	if err != nil {
		return "", err
	}
	return plain(lines), nil
}

func (r *Router) ask(ctx context.Context, command string) ([]birdLine, error) {
	lines, err := askBird(ctx, r.socket, command)
	if err != nil {
		return nil, fmt.Errorf("router %s: %w", r.Name, err)
	}
	return lines, nil
}

// Routes are those that came over the session, in BIRD's order.
func (r *Router) Routes(ctx context.Context) ([]Route, error) {
	lines, err := r.ask(ctx, "show route all protocol "+r.Name)
	if err != nil {
		return nil, err
	}
	routes, err := parseRoutes(lines)
	if err != nil {
		return nil, fmt.Errorf("router %s: %w", r.Name, err)
	}
	return routes, nil
}

// Prefixes are those of the routes that came over the session, in BIRD's order.
// It is the lightest way to see all of a large table.
func (r *Router) Prefixes(ctx context.Context) ([]netip.Prefix, error) {
	lines, err := r.ask(ctx, "show route protocol "+r.Name)
	if err != nil {
		return nil, err
	}
	var all []netip.Prefix
	for _, line := range lines {
		head, ok := routeHead(line.text)
		if line.code != birdRoute || !ok || head[0] == ' ' {
			continue
		}
		first, _, _ := strings.Cut(head, " ")
		prefix, err := netip.ParsePrefix(first)
		if err != nil {
			return nil, fmt.Errorf("router %s: read a route: %q: %w", r.Name, head, err)
		}
		all = append(all, prefix)
	}
	return all, nil
}

// Route is the one that came over the session for exactly this prefix, or nil.
func (r *Router) Route(ctx context.Context, prefix netip.Prefix) (*Route, error) {
	lines, err := r.ask(ctx, fmt.Sprintf("show route %v all protocol %s", prefix, r.Name))
	var refused *BirdError
	if errors.As(err, &refused) && refused.Code == birdNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	routes, err := parseRoutes(lines)
	if err != nil {
		return nil, fmt.Errorf("router %s: %w", r.Name, err)
	}
	if len(routes) == 0 {
		return nil, nil
	}
	return &routes[0], nil
}

// Count is how many routes came over the session and are held.
func (r *Router) Count(ctx context.Context) (int, error) {
	lines, err := r.ask(ctx, "show route count protocol "+r.Name)
	if err != nil {
		return 0, err
	}
	n, err := parseCount(lines)
	if err != nil {
		return 0, fmt.Errorf("router %s: %w", r.Name, err)
	}
	return n, nil
}

// Updates is what the session received since it came up.
func (r *Router) Updates(ctx context.Context) (Counters, error) {
	s, err := r.session(ctx)
	return s.counters, err
}

// Held is how many routes came over the session and are held, as BIRD keeps
// count of it: unlike [Router.Count] it costs BIRD nothing, however many there are.
func (r *Router) Held(ctx context.Context) (int, error) {
	s, err := r.session(ctx)
	return s.held, err
}

// Moved is how often, since the session came up, an UPDATE has changed what the
// router holds: a route that is announced again as it is held counts nothing.
func (r *Router) Moved(ctx context.Context) (int, error) {
	s, err := r.session(ctx)
	return s.moved, err
}

func (r *Router) session(ctx context.Context) (session, error) {
	lines, err := r.ask(ctx, "show protocols all "+r.Name)
	if err != nil {
		return session{}, err
	}
	s, err := parseSession(lines)
	if err != nil {
		return session{}, fmt.Errorf("router %s: %w", r.Name, err)
	}
	return s, nil
}

// WaitEstablished returns once the session is up. It does not mind a router
// that is down and comes back meanwhile.
func (r *Router) WaitEstablished(ctx context.Context) error {
	last := "not asked yet"
	return r.wait(ctx, "the session is up", func() (bool, error) {
		s, err := r.session(ctx)
		if err != nil {
			return false, err
		}
		last = fmt.Sprintf("the session is %s (%s)", s.state, s.err)
		return s.state == "Established", nil
	}, func() string { return last })
}

// WaitDown returns once the session is not up.
func (r *Router) WaitDown(ctx context.Context) error {
	return r.wait(ctx, "the session is down", func() (bool, error) {
		s, err := r.session(ctx)
		return err == nil && s.state != "Established", err
	}, func() string { return "the session is up" })
}

// WaitRoutes asks for all routes until they are as wanted. For many routes
// WaitCount and WaitRoute are lighter.
func (r *Router) WaitRoutes(ctx context.Context, wanted func([]Route) bool) error {
	held := 0
	return r.wait(ctx, "its routes are as wanted", func() (bool, error) {
		routes, err := r.Routes(ctx)
		held = len(routes)
		return err == nil && wanted(routes), err
	}, func() string { return fmt.Sprintf("it holds %d routes", held) })
}

// WaitCount asks until the router holds n routes of the session.
func (r *Router) WaitCount(ctx context.Context, n int) error {
	held := 0
	return r.wait(ctx, fmt.Sprintf("it holds %d routes", n), func() (bool, error) {
		var err error
		held, err = r.Count(ctx)
		return err == nil && held == n, err
	}, func() string { return fmt.Sprintf("it holds %d", held) })
}

// WaitRoute asks for one prefix until its route is as wanted; wanted gets nil
// where there is none.
func (r *Router) WaitRoute(ctx context.Context, prefix netip.Prefix, wanted func(*Route) bool) error {
	var held *Route
	return r.wait(ctx, fmt.Sprintf("%v is as wanted", prefix), func() (bool, error) {
		var err error
		held, err = r.Route(ctx, prefix)
		return err == nil && wanted(held), err
	}, func() string {
		if held == nil {
			return "it holds no such route"
		}
		return fmt.Sprintf("it holds %v %v", held.Prefix, held.Attributes)
	})
}

// wait polls, since BIRD tells nobody when a route comes. Its errors say what
// was seen last.
func (r *Router) wait(ctx context.Context, what string, done func() (bool, error), seen func() string) error {
	beat := time.NewTicker(pollEvery)
	defer beat.Stop()
	var last error
	for {
		ok, err := done()
		if ok {
			return nil
		}
		if err != nil && ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until %s at router %s: %s: %w", what, r.Name, seen(), errors.Join(ctx.Err(), last))
		case <-beat.C:
		}
	}
}
