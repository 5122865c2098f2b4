package routefile

import (
	"errors"
	"io"
)

// MaxSize is the size in bytes of the largest file that is read. A larger one
// is refused, never cut: a file that lost its end would withdraw routes.
const MaxSize = 64 << 20

// ErrTooLarge is the refusal of a file over [MaxSize].
var ErrTooLarge = errors.New("the file is over 64 MiB; it was not read")

// ReadAll reads r to its end, and fails if there is more than [MaxSize].
func ReadAll(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return nil, err
	}
	if len(data) > MaxSize {
		return nil, ErrTooLarge
	}
	return data, nil
}
