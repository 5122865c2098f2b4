package bridge

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Tape is what exaBGP wrote and the journal does not know yet, in memory that
// outlives the bridge. What a bridge had read when it was killed would be gone else,
// and with it the proof of all that its peers have: exaBGP would count UPDATEs that
// nobody knows. It is no proof itself: what is missing on it, or there twice, shows
// in exaBGP's count.
//
// It is read into directly, and is zero behind what was read, so that nothing is
// lost between a read and a word about it: exaBGP writes no zeros.
type Tape struct {
	stdin *os.File
	epoch []byte // how often it was begun anew; 8 bytes
	lacks []byte // a byte that is not 0 if what was read is not all on it
	data  []byte

	mu        sync.Mutex
	read      uint64 // since it was begun
	inherited uint64 // of that, by bridges before this one
	full      bool   // the same for this bridge
}

const (
	tapeHead = 4 << 10
	// tapeSize is for some ten thousand changes. Of more at once it is not worth the
	// memory.
	tapeSize = 16 << 20
)

// newTape returns the tape of a [SharedSlate], of what is read from stdin.
func newTape(shared, stdin *os.File) (*Tape, error) {
	mem, err := unix.Mmap(int(shared.Fd()), 0, tapeHead+tapeSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map the tape: %w", err)
	}
	t := &Tape{stdin: stdin, epoch: mem[8:16], lacks: mem[16:17], data: mem[tapeHead:]}
	end := bytes.IndexByte(t.data, 0)
	t.full = end < 0 || t.lacks[0] != 0
	t.read = uint64(max(0, end))
	t.inherited = t.read
	return t, nil
}

// Read is of [io.Reader].
func (t *Tape) Read(b []byte) (int, error) {
	fds := []unix.PollFd{{Fd: int32(t.stdin.Fd()), Events: unix.POLLIN}}
	for {
		// Waiting is done without the lock, under which the tape may be begun anew. A
		// signal ends it with nothing to read: the read would wait, and with the lock.
		switch _, err := unix.Poll(fds, -1); {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return 0, fmt.Errorf("wait for stdin: %w", err)
		}
		n, err := t.take(b)
		switch {
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN):
			continue
		case err != nil:
			return 0, fmt.Errorf("stdin: %w", err)
		case n == 0:
			return 0, io.EOF
		}
		return n, nil
	}
}

func (t *Tape) take(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	into := b
	// The last byte stays zero, so that it has an end.
	if t.full = t.full || t.read+uint64(len(b)) >= uint64(len(t.data)); t.full {
		t.lacks[0] = 1
	} else {
		into = t.data[t.read : t.read+uint64(len(b))]
	}
	n, err := unix.Read(int(t.stdin.Fd()), into)
	if n <= 0 {
		return 0, err
	}
	t.read += uint64(n)
	if !t.full {
		copy(b, into[:n])
	}
	return n, err
}

// tapePlace is a point in what was read: how often the tape was begun, and how far.
type tapePlace struct{ epoch, offset uint64 }

// since is what was read by the bridges before this one since a place, if it is
// all there, and the place behind it. It is asked before anything is known.
func (t *Tape) since(p tapePlace) (text []byte, end tapePlace) {
	t.mu.Lock()
	defer t.mu.Unlock()
	end = tapePlace{binary.LittleEndian.Uint64(t.epoch), t.inherited}
	from := uint64(0) // it was begun anew once all was known
	switch {
	case end.epoch == p.epoch:
		from = p.offset
	case end.epoch != p.epoch+1:
		return nil, end
	}
	if t.full || from > t.inherited {
		return nil, end
	}
	return bytes.Clone(t.data[from:t.inherited]), end
}

// known tells that the journal knows all up to a place. The tape is begun anew if
// that is all that was read; what comes then is behind the place that it returns.
func (t *Tape) known(p tapePlace) tapePlace {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p.offset != t.read || t.read == 0 {
		return p
	}
	used := t.data[:min(t.read, uint64(len(t.data)))]
	pages := len(used) &^ (tapeHead - 1)
	if pages == 0 || unix.Madvise(used[:pages], unix.MADV_REMOVE) != nil {
		pages = 0
	}
	clear(used[pages:])
	p = tapePlace{p.epoch + 1, 0}
	binary.LittleEndian.PutUint64(t.epoch, p.epoch)
	t.read, t.full, t.lacks[0] = 0, false, 0
	return p
}
