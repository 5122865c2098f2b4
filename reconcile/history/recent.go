package history

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"routesync/reconcile"
	"routesync/state"
)

// atOnce is how many entries others may have begun since one that is still written
// to: watches of other speakers, and people.
const atOnce = 16

// Recent counts how often each route that is asked for was changed at a speaker since
// a time. least is what counts: if nothing was sent so often, nothing is read, and the
// result is nil. That something was tried again counts once; so does a change at
// several peers.
func (s *Store) Recent(speaker string, since time.Time, least int, asked func(state.Key) bool) (map[state.Key]int, error) {
	parts, err := s.recentParts(speaker, since)
	if err != nil || len(parts) < least {
		return nil, err
	}
	counts := map[state.Key]int{}
	for _, path := range parts {
		of := map[state.Key]bool{}
		p, err := s.readPart(path, partFile.FindStringSubmatch(filepath.Base(path)), func(c *Change) error {
			if !c.Gone && c.seen() && asked(c.Key) {
				of[c.Key] = true
			}
			return nil
		})
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // it was dropped, as the oldest are
		case err != nil:
			return nil, err
		case p.At.Before(since), p.Cause == string(reconcile.CauseAgain):
			continue
		}
		for k := range of {
			counts[k]++
		}
	}
	return counts, nil
}

// seen tells whether a peer sees anything of the change.
func (c *Change) seen() bool {
	op := c.Op()
	return op != Adopt && (op != Replace || c.Before.Attrs != c.After.Attrs)
}

// recentParts lists the files of what was sent to a speaker and written since a time.
// None of them is read: a change is written when it is sent, and not again.
func (s *Store) recentParts(speaker string, since time.Time) ([]string, error) {
	numbers, err := s.Numbers()
	if err != nil {
		return nil, err
	}
	var parts []string
	older := 0
	for _, n := range slices.Backward(numbers) {
		files, err := os.ReadDir(s.entryDir(n))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		any := false
		for _, f := range files {
			m := partFile.FindStringSubmatch(f.Name())
			if m == nil || m[3] != "changes" {
				continue
			}
			info, err := f.Info()
			if err != nil || info.ModTime().Before(since) {
				continue
			}
			any = true
			if m[1] == speaker {
				parts = append(parts, filepath.Join(s.entryDir(n), f.Name()))
			}
		}
		if any {
			older = 0
		} else if older++; older > atOnce {
			break
		}
	}
	return parts, nil
}
