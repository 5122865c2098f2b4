package console

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode/utf8"
)

// chunk is lines that were there at once.
type chunk struct {
	first int // number of the first
	lines []string
	cut   string // the last line, if it has no end
	err   error
}

// faults says what is wrong with the end of the lines.
func (c chunk) faults() []Fault {
	if c.cut == "" {
		return nil
	}
	return []Fault{{
		utf8.RuneCountInString(c.cut) + 1,
		"the last line does not end, so it may be cut short, and is not carried out", "end it with a newline",
	}}
}

// maxLine bounds a line; exaBGP reads no command as long as this.
const maxLine = 1 << 20

// readChunks sends the lines of in as they come, those together that came
// together, and closes the channel after the last.
func readChunks(ctx context.Context, in io.Reader, to chan<- chunk) {
	defer close(to)
	br := bufio.NewReaderSize(in, 1<<16)
	number := 1
	for ended := false; !ended; {
		c := chunk{first: number}
		for {
			line, err := readLine(br)
			switch {
			case err == nil:
				c.lines = append(c.lines, line)
			case errors.Is(err, io.EOF):
				if !comment(line) {
					c.cut = line
				}
				ended = true
			default:
				c.err = fmt.Errorf("read line %d: %w", number+len(c.lines), err)
				ended = true
			}
			if ended || !another(br) {
				break
			}
		}
		number += len(c.lines)
		select {
		case to <- c:
		case <-ctx.Done():
			return
		}
	}
}

// readLine reads a line without its end; at the end of the stream it may be
// one that has none.
func readLine(br *bufio.Reader) (string, error) {
	var b []byte
	for {
		part, err := br.ReadSlice('\n')
		b = append(b, part...)
		switch {
		case len(b) > maxLine:
			return "", fmt.Errorf("it is longer than %d bytes", maxLine)
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		}
		return strings.TrimRight(string(b), "\r\n"), err
	}
}

// another tells whether a whole line can be read without waiting for one.
func another(br *bufio.Reader) bool {
	there, _ := br.Peek(br.Buffered())
	return bytes.IndexByte(there, '\n') >= 0
}

// lines writes whole lines from several goroutines. Its first error stays.
type lines struct {
	w  io.Writer
	mu sync.Mutex
	e  error
}

func (l *lines) write(all []string) {
	if len(all) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.e == nil {
		_, l.e = io.WriteString(l.w, strings.Join(all, "\n")+"\n")
	}
}

func (l *lines) err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.e != nil {
		return fmt.Errorf("write results: %w", l.e)
	}
	return nil
}
