package history

import (
	"compress/gzip"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
)

const (
	headFile = "entry.jsonl"
	packed   = ".gz"
	// unfinished begins the name of what is being written.
	unfinished = ".new-"
	// packFrom is from how many routes a file is worth compressing.
	packFrom = 1000
)

// partFile is the name of a file about a part.
var partFile = regexp.MustCompile(`^(.+)\.([1-9][0-9]*)\.(changes|outcome)\.jsonl(\.gz)?$`)

func partName(speaker string, seq int, kind string, routes int) string {
	name := fmt.Sprintf("%s.%d.%s.jsonl", speaker, seq, kind)
	if routes >= packFrom {
		name += packed
	}
	return name
}

// DamagedError names a file of which nothing is believed.
type DamagedError struct {
	Path string
	Err  error
}

func (e *DamagedError) Error() string { return fmt.Sprintf("%s is damaged: %v", e.Path, e.Err) }
func (e *DamagedError) Unwrap() error { return e.Err }

// writeFile writes a new file that is there when it returns, whatever happens to
// the machine then. It is seen under its name only whole.
func writeFile(dir, name string, fill func(io.Writer) error) (err error) {
	path := filepath.Join(dir, unfinished+rand.Text())
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(path))
		}
	}()
	var to io.Writer = f
	var z *gzip.Writer
	if filepath.Ext(name) == packed {
		if z, err = gzip.NewWriterLevel(f, gzip.BestSpeed); err != nil {
			return errors.Join(err, f.Close())
		}
		to = z
	}
	err = fill(to)
	if z != nil && err == nil {
		err = z.Close()
	}
	if err := errors.Join(err, f.Sync(), f.Close(), inherit(path, dir)); err != nil {
		return err
	}
	return os.Rename(path, filepath.Join(dir, name))
}

// inherit gives what root makes to whoever has the directory that it is in: a watch has
// to read what an apply of root wrote.
func inherit(path, dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && owner.Uid != 0 {
		return os.Chown(path, int(owner.Uid), int(owner.Gid))
	}
	return nil
}

// readFile reads one; what is wrong with its content is a [*DamagedError].
func readFile(path string, read func(io.Reader) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() // it was only read
	var from io.Reader = f
	if filepath.Ext(path) == packed {
		z, err := gzip.NewReader(f)
		if err != nil {
			return &DamagedError{path, err}
		}
		from = z
	}
	err = read(from)
	if stop := (*stopped)(nil); err != nil && !errors.As(err, &stop) {
		return &DamagedError{path, err}
	}
	return err
}

// stopped is an error of whoever is given what is read, and not of the file.
type stopped struct{ err error }

func (s *stopped) Error() string { return s.err.Error() }
func (s *stopped) Unwrap() error { return s.err }

// syncDir makes sure that what was put into a directory stays there.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// numberName is the name of an entry's directory.
func numberName(n int) string { return fmt.Sprintf("%08d", n) }

// parseNumber reads what [numberName] writes.
func parseNumber(name string) (int, bool) {
	n, err := strconv.Atoi(name)
	return n, err == nil && n > 0 && numberName(n) == name
}

// isTaken tells whether a directory can't have a name since another has it.
func isTaken(err error) bool {
	return errors.Is(err, fs.ErrExist) || errors.Is(err, errNotEmpty)
}
