package watch

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
)

// maxLinks is Linux's own limit of symbolic links in a path.
const maxLinks = 40

// chain is what the ways to some files are made of. A Kubernetes volume, for one, is
// routes.yaml -> ..data/routes.yaml with ..data -> ..2026_11_23, and is
// changed by renaming another link over ..data.
type chain struct {
	// dirs are the directories, by their real paths, in which something can
	// change where the path leads: those that hold one of its links or the
	// file, or, where the way ends before the file, the last that is there.
	dirs map[string]struct{}
	// names are the real paths of what the way goes through.
	names map[string]struct{}
	// globs are the elements of patterns that names in a directory may match.
	globs map[string]map[string]struct{}
}

func newChain() chain {
	return chain{dirs: map[string]struct{}{}, names: map[string]struct{}{}, globs: map[string]map[string]struct{}{}}
}

func (c chain) equal(d chain) bool {
	return maps.Equal(c.dirs, d.dirs) && maps.Equal(c.names, d.names) &&
		maps.EqualFunc(c.globs, d.globs, maps.Equal[map[string]struct{}, map[string]struct{}])
}

// matches tells whether a path is one that a pattern may mean.
func (c chain) matches(path string) bool {
	for element := range c.globs[filepath.Dir(path)] {
		if ok, err := matches(element, filepath.Base(path)); ok && err == nil {
			return true
		}
	}
	return false
}

// followPattern walks to all directories in which a file would match the
// absolute pattern.
func (c chain) followPattern(pattern string) { c.followElements(cutPattern(pattern)) }

func (c chain) followElements(dir string, elements []string) {
	c.follow(dir + string(filepath.Separator) + ".")
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return // follow has what is there
	}
	c.dirs[real] = struct{}{}
	if c.globs[real] == nil {
		c.globs[real] = map[string]struct{}{}
	}
	c.globs[real][elements[0]] = struct{}{}
	if len(elements) == 1 {
		return
	}
	dirs, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, d := range dirs {
		if ok, err := matches(elements[0], d.Name()); ok && err == nil {
			c.followElements(dir+string(filepath.Separator)+d.Name(), elements[1:])
		}
	}
}

// follow walks an absolute path as the kernel does, and adds its way.
func (c chain) follow(path string) {
	dir := filepath.VolumeName(path) + string(filepath.Separator)
	rest := split(path)
	for links := 0; len(rest) > 0; {
		name := filepath.Join(dir, rest[0])
		if rest[0] == ".." { // of a real path, so what Join made of it is true
			dir, rest = name, rest[1:]
			continue
		}
		c.names[name] = struct{}{}
		info, err := os.Lstat(name)
		switch {
		case err == nil && info.Mode()&os.ModeSymlink != 0:
			c.dirs[dir] = struct{}{}
			target, err := os.Readlink(name)
			if links++; err != nil || links > maxLinks {
				return
			}
			if filepath.IsAbs(target) {
				dir = filepath.VolumeName(target) + string(filepath.Separator)
			}
			rest = append(split(target), rest[1:]...)
		case err == nil && info.IsDir() && len(rest) > 1:
			dir, rest = name, rest[1:]
		default: // the file, or the end of the way
			c.dirs[dir] = struct{}{}
			return
		}
	}
	c.dirs[dir] = struct{}{}
}

// split is the path's elements, without those that say nothing. Cleaning would
// take "link/.." for nothing, which it is not.
func split(path string) []string {
	var parts []string
	for _, p := range strings.Split(strings.TrimPrefix(path, filepath.VolumeName(path)), string(filepath.Separator)) {
		if p != "" && p != "." {
			parts = append(parts, p)
		}
	}
	return parts
}
