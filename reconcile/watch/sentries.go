package watch

import (
	"errors"
	"log/slog"
	"path/filepath"

	"github.com/fsnotify/fsnotify"
)

// sentries keeps watches on the directories of the ways to some files.
type sentries struct {
	paths    []string // absolute
	patterns []string // of more files, absolute
	log      *slog.Logger
	fs       *fsnotify.Watcher // nil if the system has none to give
	chain    chain
	watched  map[string]struct{}
	failed   map[string]string // directory: the error that was logged
}

// follow walks all the ways.
func (s *sentries) follow() chain {
	c := newChain()
	for _, path := range s.paths {
		c.follow(path)
	}
	for _, pattern := range s.patterns {
		c.followPattern(pattern)
	}
	return c
}

// post follows the ways and sees to it that every directory on them is watched.
// It is harmless to call at any time: adding a watch again repairs one that
// was on a directory that is gone.
func (s *sentries) post() {
	if s.fs == nil {
		return
	}
	// What changes between the look and the watch would go unseen, so look
	// again. What never holds still is left to the poll.
	s.chain = s.follow()
	for range 8 {
		for dir := range s.chain.dirs {
			s.add(dir)
		}
		again := s.follow()
		if again.equal(s.chain) {
			break
		}
		s.chain = again
	}
	for dir := range s.watched {
		if _, ok := s.chain.dirs[dir]; ok {
			continue
		}
		delete(s.watched, dir)
		if err := s.fs.Remove(dir); err != nil && !errors.Is(err, fsnotify.ErrNonExistentWatch) {
			s.log.Debug("cannot remove a watch", "dir", dir, "err", err)
		}
	}
}

func (s *sentries) add(dir string) {
	err := s.fs.Add(dir)
	if err == nil {
		s.watched[dir] = struct{}{}
		delete(s.failed, dir)
		return
	}
	if gone(dir) || s.failed[dir] == err.Error() {
		return // the next look finds another way; or it was said already
	}
	s.failed[dir] = err.Error()
	s.log.Warn("cannot watch the directory; its changes are seen late", "dir", dir, "err", err)
}

// concerns tells whether an event can be about the files, and follows the ways
// again if they may lead elsewhere now. Most are about swap files and neighbors.
func (s *sentries) concerns(e fsnotify.Event) bool {
	if e.Has(fsnotify.Create) || e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename) {
		// An event of a directory that is not watched any more was on its way
		// when that changed; it may have taken another's watch with it.
		_, known := s.chain.dirs[filepath.Dir(e.Name)]
		_, self := s.chain.dirs[e.Name]
		_, name := s.chain.names[e.Name]
		if known && !self && !name && !s.chain.matches(e.Name) {
			return false
		}
		s.post()
		return true
	}
	_, ok := s.chain.names[e.Name]
	return ok
}
