package bridge

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// EnvSlate is set in the environment of a bridge that was given a [SharedSlate]:
// the number of its file.
const EnvSlate = "ROUTESYNC_SLATE"

// Slate outlives a bridge, and says whether the journal has all that the bridge
// did. The journal can't say of itself that it could not be written.
type Slate interface {
	// Whole tells whether a bridge said that it is, and none since that it is not.
	Whole() bool
	Note(whole bool) error
}

// SharedSlate is memory that lives as long as the process that starts the bridges:
// a byte of it is the slate, and behind that is the [Tape].
type SharedSlate struct{ file *os.File }

const (
	slateWhole  = 'w'
	slateBehind = 'b'
)

// NewSlate makes one that says nothing yet.
func NewSlate() (SharedSlate, error) {
	fd, err := unix.MemfdCreate("routesync", unix.MFD_CLOEXEC)
	if err != nil {
		return SharedSlate{}, fmt.Errorf("make a slate: %w", err)
	}
	s := SharedSlate{os.NewFile(uintptr(fd), "slate")}
	if err := unix.Ftruncate(fd, tapeHead+tapeSize); err != nil {
		return SharedSlate{}, errors.Join(fmt.Errorf("make a slate: %w", err), s.Close())
	}
	return s, nil
}

// Tape is what was read from stdin, and what is. Its memory is never released: a
// bridge has it until it ends.
func (s SharedSlate) Tape(stdin *os.File) (*Tape, error) { return newTape(s.file, stdin) }

// SlateOf is the one in a file that was inherited.
func SlateOf(file *os.File) SharedSlate { return SharedSlate{file} }

// File is what a bridge inherits. It stays the slate's.
func (s SharedSlate) File() *os.File { return s.file }

// Close releases the memory.
func (s SharedSlate) Close() error { return s.file.Close() }

// Whole is of [Slate].
func (s SharedSlate) Whole() bool {
	var b [1]byte
	_, err := s.file.ReadAt(b[:], 0)
	return err == nil && b[0] == slateWhole
}

// Note is of [Slate].
func (s SharedSlate) Note(whole bool) error {
	b := []byte{slateBehind}
	if whole {
		b[0] = slateWhole
	}
	if _, err := s.file.WriteAt(b, 0); err != nil {
		return fmt.Errorf("write the slate: %w", err)
	}
	return nil
}
