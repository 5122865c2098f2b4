package console

import (
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// size is the width and height of a terminal; 80 and 24 if it does not say.
func size(f *os.File) (width, height int) {
	ws, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil || ws.Col == 0 || ws.Row == 0 {
		return 80, 24
	}
	return int(ws.Col), int(ws.Row)
}

// mode switches a terminal between lines, for the world, and keys, for the line
// editor.
type mode struct {
	f     *os.File
	mu    sync.Mutex
	lines *unix.Termios // to go back to; nil in this mode
}

func (m *mode) raw() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lines != nil {
		return nil
	}
	t, err := unix.IoctlGetTermios(int(m.f.Fd()), unix.TCGETS)
	if err != nil {
		return fmt.Errorf("read the mode of the terminal: %w", err)
	}
	lines := *t
	// cfmakeraw of termios(3), but a newline still goes to the first column.
	t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	t.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	t.Cflag = t.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(int(m.f.Fd()), unix.TCSETS, t); err != nil {
		return fmt.Errorf("set the mode of the terminal: %w", err)
	}
	m.lines = &lines
	return nil
}

func (m *mode) restore() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lines == nil {
		return nil
	}
	if err := unix.IoctlSetTermios(int(m.f.Fd()), unix.TCSETS, m.lines); err != nil {
		return fmt.Errorf("set the mode of the terminal back: %w", err)
	}
	m.lines = nil
	return nil
}

// ownTerminal opens the terminal a second time, so that a read of it ends when
// it is closed. Go can't end a read of standard input.
func ownTerminal(f *os.File) (*os.File, error) {
	name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
	if err == nil {
		var own *os.File
		if own, err = os.OpenFile(name, os.O_RDWR|unix.O_NOCTTY, 0); err == nil {
			return own, nil
		}
	}
	// E.g. after su: the terminal is another user's. What is open still works.
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open the terminal: %w", err)
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}
