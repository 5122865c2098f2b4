package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// underGoRun ends the context when the "go run" above this program is gone: it
// passes on no signal, so killing it would leave the lab running. Under any
// other parent, a shell that may end first, it changes nothing.
func underGoRun(ctx context.Context) (context.Context, error) {
	parent := os.Getppid()
	args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", parent))
	if err != nil {
		return ctx, nil // it may belong to another user, or be gone: then it is no "go run" of ours
	}
	words := strings.SplitN(string(args), "\x00", 3)
	if len(words) < 3 || filepath.Base(words[0]) != "go" || words[1] != "run" {
		return ctx, nil
	}
	fd, err := unix.PidfdOpen(parent, 0)
	if err != nil {
		return ctx, fmt.Errorf("watch the go run above: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	go func() { // lives as long as the program
		for {
			_, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1)
			if err != unix.EINTR {
				cancel(fmt.Errorf("go run has ended"))
				return
			}
		}
	}()
	return ctx, nil
}
