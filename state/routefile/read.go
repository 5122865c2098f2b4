package routefile

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
)

// MaxSize is the size in bytes of the largest file that is read. A larger one
// is refused, never cut: a file that lost its end would withdraw routes.
const MaxSize = 64 << 20

// ErrTooLarge is the refusal of a file over [MaxSize].
var ErrTooLarge = errors.New("the file is over 64 MiB; it was not read")

// ReadAll reads r to its end, and fails if there is more than [MaxSize].
func ReadAll(r io.Reader) ([]byte, error) {
	var b bytes.Buffer
	if f, is := r.(interface{ Stat() (fs.FileInfo, error) }); is {
		// With as much room as it takes, nothing is copied. What it says of itself
		// is no more than a guess.
		if info, err := f.Stat(); err == nil && info.Size() <= MaxSize {
			b.Grow(int(info.Size()) + bytes.MinRead)
		}
	}
	if _, err := b.ReadFrom(io.LimitReader(r, MaxSize+1)); err != nil {
		return nil, err
	}
	if b.Len() > MaxSize {
		return nil, ErrTooLarge
	}
	return b.Bytes(), nil
}
