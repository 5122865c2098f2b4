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

// fold breaks the lines that are wider than the screen, between words where it can.
// What is left of a line is indented.
func fold(lines []string, width int) []string {
	const indent = "    "
	var out []string
	for _, l := range lines {
		runes := []rune(l)
		for len(runes) > width && width > 2*len(indent) {
			at := width
			for i := width; i > 2*len(indent); i-- {
				if runes[i] == ' ' {
					at = i
					break
				}
			}
			out = append(out, strings.TrimRight(string(runes[:at]), " "))
			runes = []rune(indent + strings.TrimLeft(string(runes[at:]), " "))
		}
		out = append(out, string(runes))
	}
	return out
}

// page shows lines in a pager, which is a command of the shell.
func page(ctx context.Context, command string, lines []string, out *os.File) error {
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = append(os.Environ(), "LESSSECURE=1") // who may type routes need not write files
	err := cmd.Run()
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		return nil // it was there, and people leave pagers in many ways
	}
	return err
}
