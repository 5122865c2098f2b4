package watch

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// glob lists the files that match a pattern of [filepath.Match], in order, and tells
// when a name last came or went where the pattern looks. As in a shell, a name that
// begins with a dot is matched only by a dot: editors keep their locks there.
// Directories are left out.
//
// Unlike [filepath.Glob] it does not take a directory that can't be read for one
// that is empty. The directory in front of the pattern must be there, and a link
// to a directory must lead somewhere: otherwise a file system that is not mounted
// would look like no files.
func glob(pattern string) ([]string, time.Time, error) {
	m := matcher{}
	dir, elements := cutPattern(pattern)
	names, err := m.match(dir, elements)
	slices.Sort(names)
	return names, m.changed, err
}

// matcher walks the directories that a pattern may mean.
type matcher struct{ changed time.Time }

// cutPattern cuts a pattern in the directory in front, which is none, and the
// elements from the first that is a pattern.
func cutPattern(pattern string) (dir string, rest []string) {
	rest = strings.Split(pattern, string(filepath.Separator))
	var parts []string
	for len(rest) > 1 {
		name, ok := literal(rest[0])
		if !ok {
			break
		}
		parts, rest = append(parts, name), rest[1:]
	}
	dir = strings.Join(parts, string(filepath.Separator))
	if dir == "" && filepath.IsAbs(pattern) {
		dir = string(filepath.Separator)
	}
	return dir, rest
}

// literal is the one name that an element of a pattern matches; false if it is
// not one. A backslash takes the meaning off the character behind it.
func literal(element string) (name string, ok bool) {
	var b strings.Builder
	escaped := false
	for _, c := range []byte(element) {
		switch {
		case escaped:
			escaped = false
		case c == '\\':
			escaped = true
			continue
		case c == '*', c == '?', c == '[':
			return "", false
		}
		b.WriteByte(c)
	}
	return b.String(), !escaped
}

// match lists what matches elements of a pattern in a directory.
func (m *matcher) match(dir string, elements []string) ([]string, error) {
	if info, err := os.Stat(cmp.Or(dir, ".")); err == nil {
		m.changed = newest(m.changed, info.ModTime())
	}
	entries, err := os.ReadDir(cmp.Or(dir, "."))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if ok, err := matches(elements[0], e.Name()); err != nil || !ok {
			if err != nil {
				return nil, err
			}
			continue
		}
		name := filepath.Join(dir, e.Name())
		info, err := os.Stat(name)
		isDir := err == nil && info.IsDir()
		if len(elements) > 1 && err != nil && !gone(name) {
			return nil, err
		}
		switch {
		case len(elements) == 1 && !isDir:
			names = append(names, name)
		case len(elements) > 1 && isDir:
			more, err := m.match(name, elements[1:])
			if err != nil && !gone(name) { // it may go while we look
				return nil, err
			}
			names = append(names, more...)
		}
	}
	return names, nil
}

// matches tells whether an element of a pattern matches a name.
func matches(element, name string) (bool, error) {
	if strings.HasPrefix(name, ".") && !strings.HasPrefix(element, ".") {
		return false, nil
	}
	return filepath.Match(element, name)
}
