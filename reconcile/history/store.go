package history

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"routesync/state"
)

const errNotEmpty = syscall.ENOTEMPTY

// Store is the record of one owner. Several processes may write into one at a time.
type Store struct {
	dir, owner string
	last       int // the last number that was seen
}

// Owners lists the owners that have a record in a directory.
func Owners(dir string) ([]string, error) {
	all, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var owners []string
	for _, one := range all {
		if one.IsDir() && state.CheckName(one.Name()) == nil {
			owners = append(owners, one.Name())
		}
	}
	return owners, nil
}

// Open returns the record of an owner in a directory. Nothing is made before
// something is written.
func Open(dir, owner string) (*Store, error) {
	if err := state.CheckName(owner); err != nil {
		return nil, fmt.Errorf("the history of an owner: %w", err)
	}
	return &Store{dir: filepath.Join(dir, owner), owner: owner}, nil
}

// Dir is where the record is.
func (s *Store) Dir() string { return s.dir }

// Owner is whose record it is.
func (s *Store) Owner() string { return s.owner }

// Numbers lists the entries that there are, in order. No record at all has none.
func (s *Store) Numbers() ([]int, error) {
	all, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var numbers []int
	for _, one := range all {
		if n, ok := parseNumber(one.Name()); ok && one.IsDir() {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// Begin makes an entry, with its first part if that has a speaker, and returns its
// number.
func (s *Store) Begin(h Head, p Part, changes []state.Change, gone func(*state.Change) bool) (int, error) {
	h.Owner = s.owner
	if err := os.MkdirAll(s.dir, 0o750); err != nil {
		return 0, err
	}
	dir := filepath.Join(s.dir, unfinished+rand.Text())
	if err := os.Mkdir(dir, 0o750); err != nil {
		return 0, err
	}
	err := inherit(dir, s.dir)
	if err != nil {
		return 0, errors.Join(err, os.RemoveAll(dir))
	}
	err = writeFile(dir, headFile, func(to io.Writer) error { return encodeHead(to, h) })
	if err == nil && p.Speaker != "" {
		err = s.write(dir, p, changes, gone)
	}
	if err == nil {
		err = syncDir(dir)
	}
	n := 0
	if err == nil {
		n, err = s.number(dir)
	}
	if err != nil {
		return 0, errors.Join(err, os.RemoveAll(dir))
	}
	return n, syncDir(s.dir)
}

// number gives a directory the next number that nobody has. A rename takes no name
// that another directory has, unless that is empty (rename(2)).
func (s *Store) number(dir string) (int, error) {
	numbers, err := s.Numbers()
	if err != nil {
		return 0, err
	}
	if len(numbers) > 0 {
		s.last = max(s.last, numbers[len(numbers)-1])
	}
	for {
		s.last++
		err := os.Rename(dir, filepath.Join(s.dir, numberName(s.last)))
		if err == nil {
			return s.last, nil
		}
		if !isTaken(err) {
			return 0, err
		}
	}
}

// Add adds a part to an entry.
func (s *Store) Add(n int, p Part, changes []state.Change, gone func(*state.Change) bool) error {
	dir := s.entryDir(n)
	if err := s.write(dir, p, changes, gone); err != nil {
		return err
	}
	return syncDir(dir)
}

func (s *Store) write(dir string, p Part, changes []state.Change, gone func(*state.Change) bool) error {
	groups, tally := grouped(s.owner, changes, gone)
	p.Tally = tally
	return writeFile(dir, partName(p.Speaker, p.Seq, "changes", len(changes)), func(to io.Writer) error {
		return encodeChanges(to, s.owner, p, groups)
	})
}

// Conclude puts what was seen of a part in place of what was seen before.
func (s *Store) Conclude(n int, speaker string, seq int, o *Outcome) error {
	dir := s.entryDir(n)
	name := partName(speaker, seq, "outcome", len(o.Cases))
	if err := writeFile(dir, name, func(to io.Writer) error { return encodeOutcome(to, speaker, seq, o) }); err != nil {
		return err
	}
	for _, other := range []string{partName(speaker, seq, "outcome", 0), partName(speaker, seq, "outcome", packFrom)} {
		if other == name {
			continue
		}
		if err := os.Remove(filepath.Join(dir, other)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return syncDir(dir)
}

func (s *Store) entryDir(n int) string { return filepath.Join(s.dir, numberName(n)) }

// Entry reads an entry, and sees to it that all its files are whole. It fails with a
// [*DamagedError], or with one of os.
func (s *Store) Entry(n int) (*Entry, error) {
	dir := s.entryDir(n)
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	e := &Entry{Number: n}
	outcomes := map[[2]string]*Outcome{}
	head := false
	for _, f := range files {
		path := filepath.Join(dir, f.Name())
		m := partFile.FindStringSubmatch(f.Name())
		switch {
		case f.Name() == headFile:
			head = true
			err = s.readHead(path, &e.Head)
		case m == nil:
			continue // a file that is being written, or of somebody else
		case m[3] == "changes":
			var p Part
			if p, err = s.readPart(path, m, nil); err == nil {
				e.Parts = append(e.Parts, PartOutcome{Part: p})
			}
		default:
			var o *Outcome
			if o, err = readOutcome(path, m); errors.Is(err, fs.ErrNotExist) {
				err = nil // it was replaced just now by one of the other kind
				continue
			}
			// Both kinds of a part are there for a moment while one replaces the other.
			if is := [2]string{m[1], m[2]}; o != nil && (outcomes[is] == nil || o.At.After(outcomes[is].At)) {
				outcomes[is] = o
			}
		}
		if err != nil {
			return nil, err
		}
	}
	if !head {
		return nil, &DamagedError{dir, errors.New("it has no " + headFile)}
	}
	for i := range e.Parts {
		p := &e.Parts[i]
		is := [2]string{p.Speaker, strconv.Itoa(p.Seq)}
		p.Outcome = outcomes[is]
		delete(outcomes, is)
	}
	for is := range outcomes {
		return nil, &DamagedError{dir, fmt.Errorf("what was sent to %s as part %s is missing", is[0], is[1])}
	}
	slices.SortFunc(e.Parts, func(a, b PartOutcome) int {
		return cmp.Or(cmp.Compare(a.Speaker, b.Speaker), cmp.Compare(a.Seq, b.Seq))
	})
	return e, nil
}

func (s *Store) readHead(path string, h *Head) error {
	return readFile(path, func(from io.Reader) (err error) {
		*h, err = decodeHead(from)
		if err == nil && h.Owner != s.owner {
			err = fmt.Errorf("it is of owner %q", h.Owner)
		}
		return err
	})
}

// readPart reads changes; m are the parts of the name of the file.
func (s *Store) readPart(path string, m []string, f func(*Change) error) (p Part, err error) {
	err = readFile(path, func(from io.Reader) (err error) {
		p, err = decodeChanges(from, s.owner, f)
		if err == nil && (p.Speaker != m[1] || strconv.Itoa(p.Seq) != m[2]) {
			err = fmt.Errorf("it is part %d of %s", p.Seq, p.Speaker)
		}
		return err
	})
	return p, err
}

func readOutcome(path string, m []string) (o *Outcome, err error) {
	err = readFile(path, func(from io.Reader) error {
		speaker, seq, got, err := decodeOutcome(from)
		if err == nil && (speaker != m[1] || strconv.Itoa(seq) != m[2]) {
			err = fmt.Errorf("it is of part %d of %s", seq, speaker)
		}
		o = got
		return err
	})
	return o, err
}

// Changes gives f every change of a part. They are to be believed only if it returns
// nil; an error of f ends it, and is returned.
func (s *Store) Changes(n int, p *Part, f func(*Change) error) error {
	for _, routes := range []int{0, packFrom} {
		name := partName(p.Speaker, p.Seq, "changes", routes)
		_, err := s.readPart(filepath.Join(s.entryDir(n), name), partFile.FindStringSubmatch(name), func(c *Change) error {
			if err := f(c); err != nil {
				return &stopped{err}
			}
			return nil
		})
		if stop := (*stopped)(nil); errors.As(err, &stop) {
			return stop.err
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return &DamagedError{s.entryDir(n), fmt.Errorf("what was sent to %s is missing", p.Speaker)}
}

// Keep drops the oldest entries, so that at most n are left, and what others left
// unfinished long ago.
func (s *Store) Keep(n int, now time.Time) error {
	numbers, err := s.Numbers()
	if err != nil {
		return err
	}
	for ; n > 0 && len(numbers) > n; numbers = numbers[1:] {
		// Under its number it is there whole, or not at all.
		gone := filepath.Join(s.dir, unfinished+rand.Text())
		if err := os.Rename(s.entryDir(numbers[0]), gone); err != nil {
			return err
		}
		if err := os.RemoveAll(gone); err != nil {
			return err
		}
	}
	const long = time.Hour
	all, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, one := range all {
		if !strings.HasPrefix(one.Name(), unfinished) {
			continue
		}
		if info, err := one.Info(); err != nil || now.Sub(info.ModTime()) < long {
			continue
		}
		err = errors.Join(err, os.RemoveAll(filepath.Join(s.dir, one.Name())))
	}
	return err
}
