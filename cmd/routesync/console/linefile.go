package console

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// historyLines is how many lines the history has.
const historyLines = 1000

// lineFile keeps the lines that were typed, for the next console. Several
// consoles may append to one file.
type lineFile struct{ path string }

// load returns the last lines, and shortens a file that has many more.
func (h lineFile) load() ([]string, error) {
	f, err := os.Open(h.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the history: %w", err)
	}
	defer f.Close() // it was only read
	var all []string
	in := bufio.NewScanner(f)
	in.Buffer(nil, maxLine)
	for in.Scan() {
		if line := strings.TrimSpace(in.Text()); line != "" {
			all = append(all, line)
		}
		if len(all) > 4*historyLines {
			all = slices.Delete(all, 0, 2*historyLines)
		}
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("read the history: %w", err)
	}
	if len(all) <= historyLines {
		return all, nil
	}
	long := len(all) > 2*historyLines
	all = all[len(all)-historyLines:]
	if long {
		return all, h.replace(all)
	}
	return all, nil
}

func (h lineFile) replace(all []string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(h.path), ".history-*") // mode 0600
	if err == nil {
		_, err = f.WriteString(strings.Join(all, "\n") + "\n")
		err = errors.Join(err, f.Close())
		if err == nil {
			err = os.Rename(f.Name(), h.path)
		}
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}
	if err != nil {
		return fmt.Errorf("shorten the history: %w", err)
	}
	return nil
}

// add appends a line. Only the user may read the file: it tells what they do.
func (h lineFile) add(line string) error {
	if err := os.MkdirAll(filepath.Dir(h.path), 0o700); err != nil {
		return fmt.Errorf("write the history: %w", err)
	}
	f, err := os.OpenFile(h.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("write the history: %w", err)
	}
	_, err = f.WriteString(line + "\n")
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write the history: %w", err)
	}
	return nil
}
