package rig

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"time"
)

// notices is a socket on which a service tells its state, as it would tell
// systemd (https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html).
type notices struct {
	*net.UnixConn
	path string
}

// listenNotices makes the socket anew: what an earlier process has said there
// is no news of the next one.
func listenNotices(path string) (*notices, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("remove the last socket for notices: %w", err)
	}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, fmt.Errorf("listen for notices: %w", err)
	}
	return &notices{UnixConn: conn, path: path}, nil
}

// ready reads one notice, if there is one, and tells whether it is READY=1.
func (n *notices) ready() (bool, error) {
	if err := n.SetReadDeadline(time.Now().Add(pollEvery)); err != nil {
		return false, err
	}
	notice := make([]byte, 4096)
	size, err := n.Read(notice)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read a notice: %w", err)
	}
	isReady := func(line []byte) bool { return string(line) == "READY=1" }
	return slices.ContainsFunc(bytes.Split(notice[:size], []byte("\n")), isReady), nil
}
