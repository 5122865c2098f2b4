package watch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// glance looks at the file without reading it.
func glance(path string) stamp {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{err: err.Error()}
	}
	return stamp{info: info}
}

// errBeingWritten: what is there may be half of what is to come, and there is
// no telling how long a writer pauses.
var errBeingWritten = errors.New("another process has it open for writing")

// Whole returns an error if some process has the file open for writing, as far as
// that can be told: who reads it once has no other way to see that it is half of
// a file.
func Whole(file *os.File) error {
	if beingWritten(file) {
		return errBeingWritten
	}
	return nil
}

var errTooLarge = errors.New("it is too large")

// Read returns the whole of a regular file of at most maxSize bytes that nobody
// is writing, as far as that can be told. It waits for nothing.
func Read(path string, maxSize int64) ([]byte, error) { return slurp(path, maxSize, nil) }

// slurp returns the whole file: like itself if that is what is in it, so that a
// large file that is the same needs no room. The errors of os name the path.
func slurp(path string, maxSize int64, like []byte) ([]byte, error) {
	// Not blocking, for a pipe with no writer would hold the open for ever.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	tooLarge := &sizeError{path, maxSize}
	switch {
	case info.IsDir():
		return nil, &fs.PathError{Op: "read", Path: path, Err: syscall.EISDIR}
	case !info.Mode().IsRegular():
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("it is not a regular file")}
	case info.Size() > maxSize:
		return nil, tooLarge
	}
	if beingWritten(file) {
		return nil, errBeingWritten
	}
	if len(like) > 0 && int64(len(like)) == info.Size() {
		switch is, err := holds(file, like); {
		case err != nil:
			return nil, err
		case is:
			return like, nil
		}
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
	}
	data := make([]byte, info.Size(), info.Size()+1) // one more, to see an end that moved
	n, err := io.ReadFull(file, data[:cap(data)])
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return data[:n:n], nil
	case err != nil:
		return nil, err
	case int64(n) > maxSize:
		return nil, tooLarge
	}
	// It grew since it was looked at, or its size is not told: read all of it.
	rest, err := io.ReadAll(io.LimitReader(file, maxSize+1-int64(n)))
	if err != nil {
		return nil, err
	}
	data = append(data[:n], rest...)
	if int64(len(data)) > maxSize {
		return nil, tooLarge
	}
	return data, nil
}

// holds reads a file, and tells whether it is these bytes and no more.
func holds(file *os.File, data []byte) (bool, error) {
	buf := make([]byte, 64<<10)
	for {
		n, err := file.Read(buf)
		switch {
		case n > len(data) || !bytes.Equal(buf[:n], data[:n]):
			return false, nil
		case errors.Is(err, io.EOF):
			return n == len(data), nil
		case err != nil:
			return false, err
		}
		data = data[n:]
	}
}

// sizeError is the refusal of a file over a size.
type sizeError struct {
	path string
	max  int64
}

func (e *sizeError) Error() string        { return fmt.Sprintf("read %s: it is over %d bytes", e.path, e.max) }
func (e *sizeError) Is(target error) bool { return target == errTooLarge }

// gone tells whether a file is not there now.
func gone(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}
