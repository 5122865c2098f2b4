package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

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
	data, err := readFile(path, stdin)
	if err != nil {
		err = fmt.Errorf("read %s: %w", fileName(path), bare(err))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, hinted(err, "another file is given with --file")
		}
		return nil, hinted(err)
	}
	return routefile.Load(fileName(path), data, disk{})
}

// disk is where a file's other files are; those of stdin, in the working
// directory.
type disk struct{}

func (disk) Read(name string) ([]byte, error)      { return readFile(name, nil) }
func (disk) Glob(pattern string) ([]string, error) { return watch.Glob(pattern) }

func readFile(path string, stdin io.Reader) ([]byte, error) {
	if path == stdinName && stdin != nil {
		return routefile.ReadAll(stdin)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // it was only read
	if err := watch.Whole(f); err != nil {
		return nil, err
	}
	return routefile.ReadAll(f)
}

// bare takes the name of the file off an error, for it is said already.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
