package rig

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// birdNotFound is BIRD's code for "network not found": an answer, not a fault.
const birdNotFound = 8001

// birdLine is one line of an answer with its code. Lines that BIRD sends
// without one carry that of the line before.
type birdLine struct {
	code int
	text string
}

// BirdError is BIRD's refusal of a command.
type BirdError struct {
	Command string
	Code    int
	Text    string
}

func (e *BirdError) Error() string {
	return fmt.Sprintf("bird: %s: %04d %s", e.Command, e.Code, e.Text)
}

// askBird sends one command over BIRD's control socket. It is what birdc
// does, without a process: the bench asks every few milliseconds.
func askBird(ctx context.Context, socket, command string) ([]birdLine, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, fmt.Errorf("ask bird: %w", err)
	}
	defer func() { _ = conn.Close() }()                                              // read to the end, or failed
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // a past deadline ends the read
	defer stop()

	in := bufio.NewReaderSize(conn, 1<<16)
	lines, err := converse(in, conn, command)
	if err != nil {
		return nil, fmt.Errorf("ask bird %q: %w", command, errors.Join(ctx.Err(), err))
	}
	last := lines[len(lines)-1]
	if last.code >= 8000 {
		return nil, &BirdError{Command: command, Code: last.code, Text: last.text}
	}
	return lines, nil
}

func converse(in *bufio.Reader, out net.Conn, command string) ([]birdLine, error) {
	if _, err := readBird(in); err != nil {
		return nil, fmt.Errorf("read the greeting: %w", err)
	}
	if _, err := fmt.Fprintln(out, command); err != nil {
		return nil, err
	}
	return readBird(in)
}

// readBird reads one answer: lines of "NNNN-text", lines of " text" that
// continue the code before, and a last one of "NNNN text".
func readBird(in *bufio.Reader) ([]birdLine, error) {
	var lines []birdLine
	code := 0
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, " ") {
			lines = append(lines, birdLine{code, line[1:]})
			continue
		}
		if strings.HasPrefix(line, "+") { // a log message among the answers
			continue
		}
		if len(line) < 5 || (line[4] != '-' && line[4] != ' ') {
			return nil, fmt.Errorf("not a line of bird's: %q", line)
		}
		if code, err = strconv.Atoi(line[:4]); err != nil {
			return nil, fmt.Errorf("not a line of bird's: %q: %w", line, err)
		}
		lines = append(lines, birdLine{code, line[5:]})
		if line[4] == ' ' {
			return lines, nil
		}
	}
}

// plain is the answer as birdc prints it.
func plain(lines []birdLine) string {
	var text strings.Builder
	for i, line := range lines {
		if i == len(lines)-1 && line.text == "" {
			break // the bare end mark
		}
		text.WriteString(line.text)
		text.WriteByte('\n')
	}
	return text.String()
}
