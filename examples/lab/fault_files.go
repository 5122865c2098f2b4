package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// fileFaults are what can become of the file. In each nothing moves at a router
// until a good one is saved, and status says why.
func fileFaults() []fault {
	const bound = 3 * time.Second
	spoilt := func(name, what, says string, spoil func(*ground) error) fault {
		return fault{
			name: "file " + name, group: "file", bound: bound, hurts: theFile,
			what:    what + "; the last good one stays in force, status says so, and the next save is carried out",
			provoke: func(ctx context.Context, g *ground) error { return g.spoil(ctx, says, spoil) },
		}
	}
	unreadable := spoilt("unreadable", "its mode is 000, for a watch that may not read it then", "permission denied", func(g *ground) error {
		return os.Chmod(g.file(), 0)
	})
	unreadable.needs.variant = &variant{watch: unprivileged()}
	all := []fault{
		spoilt("removed", "unlink", "no such file", func(g *ground) error { return os.Remove(g.file()) }),
		spoilt("emptied", "truncated to nothing", "the file is empty", func(g *ground) error { return os.Truncate(g.file(), 0) }),
		spoilt("truncated", "cut in the middle of a line", "the file has faults", (*ground).cut),
		spoilt("replaced by a directory", "one of its name", "is a directory", func(g *ground) error {
			return errors.Join(os.Remove(g.file()), os.Mkdir(g.file(), 0o755))
		}),
		spoilt("replaced by a link to nowhere", "a symbolic link, dangling", "no such file", func(g *ground) error {
			return errors.Join(os.Remove(g.file()), os.Symlink("nowhere", g.file()))
		}),
		spoilt("replaced by a loop of links", "a symbolic link to itself", "too many levels", func(g *ground) error {
			return errors.Join(os.Remove(g.file()), os.Symlink(g.file(), g.file()))
		}),
		spoilt("in a folder that is moved away", "the folder is renamed, and one without the file is in its place", "no such file", (*ground).moveFolder),
		spoilt("of another owner", "the file of another team is saved there", "another owner", func(g *ground) error {
			return g.save(routeSet{}.yaml("other-team", g.name))
		}),
		spoilt("with a fault in a route", "one route of many has host bits", "host bits", func(g *ground) error {
			return g.save(strings.Replace(g.text(), ".0/24", ".1/24", 1))
		}),
		spoilt("written to a full disk", "what an editor saves in place is cut where the space ends, in the middle of a line", "the file has faults", (*ground).writeCut),
	}
	return append(all, []fault{{
		name: "file half-written for seconds", group: "file", bound: bound, hurts: theFile,
		what:    "a writer pauses in the midst of it, with the file open; nothing moves, status says so, and all of it is carried out when it is closed",
		provoke: writeSlowly,
	}, {
		name: "file saved 100 times a second", group: "file", bound: bound, hurts: theFile,
		what:    "300 saves, by rename and in place, in 3 s; the last one counts, and few of those between are carried out",
		provoke: saveWithoutPause,
	}, {
		name: "file moved away and back", group: "file", bound: bound, hurts: theFile,
		what: "nothing moves at all",
		provoke: func(ctx context.Context, g *ground) error {
			return g.away(ctx, g.file())
		},
	}, {
		name: "directory of the file moved away and back", group: "file", bound: bound, hurts: theFile,
		what: "nothing moves at all",
		provoke: func(ctx context.Context, g *ground) error {
			return g.away(ctx, g.dir)
		},
	}, {
		name: "old file restored", group: "file", bound: bound, hurts: theFile,
		what:    "a backup with its time comes back under a running watch; it is refused until it is touched",
		provoke: restoreOld,
	}, {
		name: "old file restored while no watch runs", group: "file", bound: 5 * time.Second, hurts: theFile | theWatch,
		what:    "the watch that starts with it sends nothing until it is told that it is meant",
		provoke: restoreOldUnseen,
	}, {
		name: "file emptied on purpose and filled again", group: "file", overlaps: true, hurts: theFile, routes: 1000,
		what:    "routes: [] is saved, and at once a file with all routes",
		provoke: emptyAndFill,
	}, unreadable}...)
}

// unprivileged is what runs a program that may read only what its user may.
func unprivileged() []string {
	setpriv, err := exec.LookPath("setpriv")
	if os.Geteuid() != 0 || err != nil {
		return nil
	}
	return []string{setpriv, "--bounding-set=-dac_override,-dac_read_search"}
}

// text is the last file.
func (g *ground) text() string { return g.last().yaml(faultOwner, g.name) }

// spoil has the file be no good one until status says so, and saves another.
func (g *ground) spoil(ctx context.Context, says string, spoil func(*ground) error) error {
	err := g.unmoved(func() error {
		if err := spoil(g); err != nil {
			return err
		}
		if err := g.saysItHolds(ctx, says); err != nil {
			return err
		}
		return g.pause(ctx, g.span(time.Second))
	})
	if err != nil {
		return err
	}
	if err := os.RemoveAll(g.file()); err != nil { // a save replaces no directory
		return err
	}
	if err := g.edit(5); err != nil {
		return err
	}
	g.over()
	return g.saysNothingHolds(ctx)
}

// moveFolder has an empty folder in the place of the file's.
func (g *ground) moveFolder() error {
	away := g.dir + "-away"
	return errors.Join(os.RemoveAll(away), os.Rename(g.dir, away), os.Mkdir(g.dir, 0o755))
}

func emptyAndFill(ctx context.Context, g *ground) error {
	all := g.last()
	if err := g.saves(routeSet{}); err != nil {
		return err
	}
	if err := g.pause(ctx, 300*time.Millisecond); err != nil {
		return err
	}
	return g.saves(all.edited(g.rand, 10))
}

// cut leaves the file's beginning, up to somewhere in a line.
func (g *ground) cut() error {
	text, err := os.ReadFile(g.file())
	if err != nil {
		return err
	}
	at := 1 + g.rand.IntN(len(text)-1)
	for text[at-1] == '\n' {
		at++
	}
	return os.Truncate(g.file(), int64(at))
}

// writeCut writes in place what needs more room than there is. Where the space
// ends right behind a line, what is left is a good file, and nobody can tell it
// from one that was meant: the room ends in the middle of one.
func (g *ground) writeCut() error {
	const room = 512 // POSIX has ulimit -f count in these
	text := g.text()
	if text[room-1] == '\n' {
		text = "#\n" + text
	}
	cmd := exec.Command("sh", "-c", `ulimit -f 1; exec cat > "$0"`, g.file())
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err == nil {
		return fmt.Errorf("all of it was written: %s", out)
	}
	return nil
}

// writeSlowly writes a file in two halves.
func writeSlowly(ctx context.Context, g *ground) error {
	next := g.last().edited(g.rand, 20)
	text := []byte(next.yaml(faultOwner, g.name))
	var f *os.File
	err := g.unmoved(func() (err error) {
		if f, err = os.OpenFile(g.file(), os.O_WRONLY|os.O_TRUNC, 0); err != nil {
			return err
		}
		if _, err := f.Write(text[:len(text)/2]); err != nil {
			return err
		}
		return g.saysItHolds(ctx, "is open for writing")
	})
	if err != nil {
		return err
	}
	g.inForce(next)
	_, err = f.Write(text[len(text)/2:])
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	g.over()
	return g.saysNothingHolds(ctx)
}

// saveWithoutPause saves again and again.
func saveWithoutPause(ctx context.Context, g *ground) error {
	const every = 10 * time.Millisecond
	saves := int(g.span(3*time.Second) / every)
	// published is how often the watch sent something.
	published := func() (int, error) {
		text, err := os.ReadFile(g.watches[0].Log())
		return bytes.Count(text, []byte("msg=publishing")), err
	}
	before, err := published()
	if err != nil {
		return err
	}
	for range saves {
		next := g.last().edited(g.rand, 3)
		g.inForce(next)
		text := next.yaml(faultOwner, g.name)
		if g.rand.IntN(2) == 0 {
			err = g.save(text)
		} else {
			err = os.WriteFile(g.file(), []byte(text), 0o644)
		}
		if err := errors.Join(err, wait(ctx, every)); err != nil {
			return err
		}
	}
	g.over()
	if err := g.converge(ctx); err != nil {
		return err
	}
	after, err := published()
	if n := after - before; err == nil && n > saves/4 {
		return fmt.Errorf("%d saves were carried out in %d steps", saves, n)
	}
	return err
}

// away moves something away and back.
func (g *ground) away(ctx context.Context, path string) error {
	err := g.unmoved(func() error {
		if err := os.Rename(path, path+".away"); err != nil {
			return err
		}
		if err := g.saysItHolds(ctx, "no such file"); err != nil {
			return err
		}
		if err := os.Rename(path+".away", path); err != nil {
			return err
		}
		return g.saysNothingHolds(ctx)
	})
	g.over()
	return err
}
