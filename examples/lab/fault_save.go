package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

// saveFaults are those of the file itself.
func saveFaults() []fault {
	const group = "file"
	faulty := func(name, what string, spoil func(g *ground) error) fault {
		return fault{
			name: name, group: group, hurts: theFile, routes: 1000, what: what + ": nothing moves until a good one is saved",
			provoke: func(ctx context.Context, g *ground) error {
				return g.nothingMoves(ctx, func() error { return spoil(g) })
			},
		}
	}
	return []fault{
		faulty("file removed", "the file is removed", func(g *ground) error { return os.Remove(g.file()) }),
		faulty("file emptied", "the file is of no length", func(g *ground) error { return os.WriteFile(g.file(), nil, 0o644) }),
		faulty("file truncated", "the file is cut at a random place", func(g *ground) error {
			text := g.last().edited(g.rand, 100).yaml(faultOwner, g.name)
			// At a place that no shorter file ends at.
			return os.WriteFile(g.file(), []byte(text[:1+g.rand.IntN(len(text)-2)]+" "), 0o644)
		}),
		faulty("file replaced by a directory", "a directory has the file's name", func(g *ground) error {
			if err := os.Remove(g.file()); err != nil {
				return err
			}
			return os.Mkdir(g.file(), 0o755)
		}),
		faulty("file unreadable", "the file is a link to itself, which nobody can read, root neither", func(g *ground) error {
			if err := os.Remove(g.file()); err != nil {
				return err
			}
			return os.Symlink("routes.yaml", g.file())
		}),
		faulty("folder moved away", "the folder with the file is renamed, and one without it is in its place", moveFolder),
		{
			name: "file half-written for seconds", group: group, hurts: theFile, routes: 1000,
			what:    "the file is written in place, slowly, by a program that has it open: it is read when it is whole",
			provoke: writeSlowly,
		}, {
			name: "file saved 100 times a second", group: group, hurts: theFile, routes: 1000,
			what:    "500 saves in five seconds, each with other routes: the last one wins",
			provoke: saveOften,
		}, {
			name: "file emptied on purpose and filled again", group: group, hurts: theFile, routes: 1000,
			what: "routes: [] is saved, and at once a file with all routes",
			provoke: func(ctx context.Context, g *ground) error {
				all := g.last()
				if err := g.saves(routeSet{}); err != nil {
					return err
				}
				if err := g.pause(ctx, 300*time.Millisecond); err != nil {
					return err
				}
				return g.saves(all.edited(g.rand, 10))
			},
		},
	}
}

// nothingMoves fails if a router is told something while the file is bad, and
// then saves a good one.
func (g *ground) nothingMoves(ctx context.Context, spoil func() error) error {
	mark := g.router.Tape().Mark()
	if err := spoil(); err != nil {
		return err
	}
	if err := wait(ctx, g.span(3*time.Second)); err != nil {
		return err
	}
	if told := g.router.Tape().Since(mark); len(told) > 0 {
		return fmt.Errorf("the file was bad, and the router was told of %d routes, first %s", len(told), told[0])
	}
	if err := os.RemoveAll(g.file()); err != nil {
		return err
	}
	return g.edit(100)
}

func moveFolder(g *ground) error {
	away := g.dir + "-away"
	if err := os.RemoveAll(away); err != nil {
		return err
	}
	if err := os.Rename(g.dir, away); err != nil {
		return err
	}
	return os.Mkdir(g.dir, 0o755)
}

// writeSlowly writes a file in ten pieces, without renaming.
func writeSlowly(ctx context.Context, g *ground) (err error) {
	next := g.last().edited(g.rand, 200)
	text := next.yaml(faultOwner, g.name)
	f, err := os.OpenFile(g.file(), os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	const pieces = 10
	mark := g.router.Tape().Mark()
	for i := range pieces {
		if i == pieces-1 {
			if told := g.router.Tape().Since(mark); len(told) > 0 {
				return fmt.Errorf("half a file was read: the router was told of %d routes, first %s", len(told), told[0])
			}
			g.inForce(next)
		}
		if _, err := f.WriteString(text[i*len(text)/pieces : (i+1)*len(text)/pieces]); err != nil {
			return err
		}
		if err := wait(ctx, g.span(3*time.Second)/pieces); err != nil {
			return err
		}
	}
	return f.Close()
}

func saveOften(ctx context.Context, g *ground) error {
	beat := time.NewTicker(10 * time.Millisecond)
	defer beat.Stop()
	for end := time.Now().Add(g.span(5 * time.Second)); time.Now().Before(end); {
		if err := g.edit(3); err != nil {
			return err
		}
		select {
		case <-beat.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
