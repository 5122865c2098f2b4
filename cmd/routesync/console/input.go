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
	long  map[int]bool // which of the lines are too long; they are empty here
	cut   string       // the last line, if it has no end
	err   error
}

// tooLong is the fault of a line that is not carried out for its length.
func tooLong() []Fault {
	return []Fault{{1, fmt.Sprintf("the line is longer than %d bytes, and is not carried out", maxLine), "make several commands of it"}}
}

// take appends the lines of a chunk that comes behind.
func (c *chunk) take(behind chunk) {
	for i := range behind.long {
		c.longer(len(c.lines) + i)
	}
	c.lines = append(c.lines, behind.lines...)
	c.cut, c.err = behind.cut, behind.err
}

// longer notes that a line is too long.
func (c *chunk) longer(place int) {
	if c.long == nil {
		c.long = map[int]bool{}
	}
	c.long[place] = true
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

// byteOrderMark is what some editors begin a file with.
const byteOrderMark = "\ufeff"

// readChunks sends the lines of in as they come, those together that came
// together, and closes the channel after the last.
func readChunks(ctx context.Context, in io.Reader, to chan<- chunk) {
	defer close(to)
	br := bufio.NewReaderSize(in, 1<<16)
	number := 1
	for ended := false; !ended; {
		c := chunk{first: number}
		for {
			line, long, err := readLine(br)
			if number+len(c.lines) == 1 {
				line = strings.TrimPrefix(line, byteOrderMark)
			}
			if long {
				c.longer(len(c.lines))
				c.lines = append(c.lines, "")
			}
			switch {
			case err == nil && long:
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
// one that has none. Of one that is too long nothing is returned.
func readLine(br *bufio.Reader) (line string, long bool, err error) {
	var b []byte
	for {
		part, err := br.ReadSlice('\n')
		if long = long || len(b)+len(part) > maxLine; long {
			b = nil
		} else {
			b = append(b, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return strings.TrimRight(string(b), "\r\n"), long, err
		}
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
