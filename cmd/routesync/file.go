package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"routesync/reconcile/watch"
	"routesync/state"
	"routesync/state/routefile"
)

const stdinName = "-"

// fileName is how a file is called in what people read.
func fileName(path string) string {
	if path == stdinName {
		return "stdin"
	}
	return path
}

// readDesired reads and parses a file and all that it leads to; "-" is stdin.
func readDesired(path string, stdin io.Reader) (*state.Desired, error) {
	desired, _, err := readFiles(path, stdin)
	return desired, err
}

// readFiles is readDesired, and says which files it read, the first one first; none
// for stdin, which is no file.
func readFiles(path string, stdin io.Reader) (*state.Desired, []string, error) {
	data, changed, err := readFile(path, stdin)
	if err != nil {
		err = fmt.Errorf("read %s: %w", fileName(path), bare(err))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil, hinted(err, "another file is given with --file")
		}
		return nil, nil, hinted(err)
	}
	others := &watch.Disk{MaxSize: routefile.MaxSize} // those of stdin are in the working directory
	desired, err := new(routefile.Loader).Load(fileName(path), data, others)
	if err != nil {
		return nil, nil, err
	}
	if others.Changed().After(changed) {
		changed = others.Changed()
	}
	desired.Revision = revision(desired.Digest(), changed, time.Now())
	if path == stdinName {
		return desired, nil, nil
	}
	return desired, append([]string{path}, others.Names()...), nil
}

// revision is that of a set whose files were changed at a time. What is of a
// time to come counts as of now: after it, nothing would be newer for long.
func revision(digest string, changed, now time.Time) state.Revision {
	if changed.After(now) {
		changed = now
	}
	return state.Revision{Digest: digest, Changed: changed.UnixMilli()}
}

// readFile returns a file, and when it was changed. What is no file, such as a
// pipe, is of now.
func readFile(path string, stdin io.Reader) (data []byte, changed time.Time, err error) {
	if path == stdinName && stdin != nil {
		data, err = routefile.ReadAll(stdin)
		return data, time.Now(), err
	}
	f, err := openInput(path)
	if err != nil {
		return nil, time.Time{}, err
	}
	defer f.Close() // it was only read
	if err := watch.Whole(f); err != nil {
		return nil, time.Time{}, err
	}
	data, err = routefile.ReadAll(f)
	if err == nil {
		err = unwritten(f, data)
	}
	changed = time.Now()
	if info, statErr := f.Stat(); statErr == nil && info.Mode().IsRegular() {
		changed = info.ModTime()
	}
	return data, changed, err
}

// bare takes the name of the file off an error, for it is said already.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// openInput opens a file that may be a pipe. Not blocking, for one with no writer would
// hold the open for ever, and no signal ends that.
func openInput(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

func readInput(path string) ([]byte, error) {
	f, err := openInput(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // it was only read
	data, err := io.ReadAll(f)
	if err == nil {
		err = unwritten(f, data)
	}
	return data, err
}

// unwritten is the error of a pipe that nothing came from: nobody had opened it yet to
// write, and what is to be in it is not known.
func unwritten(f *os.File, data []byte) error {
	if info, err := f.Stat(); err != nil || len(data) > 0 || info.Mode()&fs.ModeNamedPipe == 0 {
		return err
	}
	return errors.New("it is a pipe, and nobody has written to it")
}
