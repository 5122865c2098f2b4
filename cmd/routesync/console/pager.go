package console

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"unicode/utf8"
)

// fits tells whether lines can be seen at once, with a line left for the
// prompt.
func fits(lines []string, width, height int) bool {
	rows := 0
	for _, l := range lines {
		rows += max(1, (utf8.RuneCountInString(l)+width-1)/width)
	}
	return rows < height
}

// page shows lines in a pager, which is a command of the shell.
func page(ctx context.Context, command string, lines []string, out *os.File) error {
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	cmd.Stdout, cmd.Stderr = out, out
	err := cmd.Run()
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		return nil // it was there, and people leave pagers in many ways
	}
	return err
}
