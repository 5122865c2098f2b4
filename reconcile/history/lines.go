package history

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
)

// format is the version of all files. A release that does not know it believes
// nothing of the file.
const format = 1

// maxLine is more than a line of [maxKeys] keys takes.
const maxLine = 64 << 20

// seal is the last line of a file.
type seal struct {
	Lines  int    `json:"lines"` // before this one
	SHA256 string `json:"sha256"`
}

// lineWriter writes lines of JSON, and the seal behind them.
type lineWriter struct {
	to  *bufio.Writer
	sum hash.Hash
	n   int
}

func newLineWriter(to io.Writer) *lineWriter {
	return &lineWriter{to: bufio.NewWriterSize(to, 64<<10), sum: sha256.New()}
}

func (w *lineWriter) line(v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b) // it ends with a newline
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	w.n++
	w.sum.Write(b.Bytes())
	_, err := w.to.Write(b.Bytes())
	return err
}

func (w *lineWriter) seal() error {
	s := seal{w.n, hex.EncodeToString(w.sum.Sum(nil))}
	if err := w.line(s); err != nil {
		return err
	}
	return w.to.Flush()
}

var (
	errCut   = errors.New("it ends before its end: the last line, which has the digest, is missing")
	errSum   = errors.New("the digest in its last line is not that of the lines before")
	errEmpty = errors.New("it says nothing")
)

// readLines gives f each line but the seal. What f was given is to be believed only
// if there is no error in the end. A line is valid until f returns.
func readLines(from io.Reader, f func(n int, line []byte) error) error {
	in := bufio.NewScanner(from)
	in.Buffer(make([]byte, 0, 64<<10), maxLine)
	in.Split(wholeLines)
	sum := sha256.New()
	var last []byte
	n, some := 0, false
	for in.Scan() {
		if some {
			sum.Write(last)
			n++
			if err := f(n, last); err != nil {
				return fmt.Errorf("line %d: %w", n, err)
			}
		}
		last, some = append(last[:0], in.Bytes()...), true
	}
	if err := in.Err(); err != nil {
		return err
	}
	var s seal
	switch err := decodeLine(last, &s); {
	case !some || err != nil || s.SHA256 == "":
		return errCut
	case s.Lines != n || s.SHA256 != hex.EncodeToString(sum.Sum(nil)):
		return errSum
	case n == 0:
		return errEmpty
	}
	return nil
}

// wholeLines splits lines with their ends. What does not end was cut.
func wholeLines(data []byte, atEOF bool) (int, []byte, error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i+1], nil
	}
	if atEOF && len(data) > 0 {
		return 0, nil, errCut
	}
	return 0, nil, nil
}

// decodeLine reads one value, with no keys but those known and nothing behind it.
func decodeLine(line []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one value")
	}
	return nil
}

// versioned is the beginning of every file.
type versioned struct {
	Format int `json:"format_version"`
}

func (v versioned) check() error {
	if v.Format != format {
		return fmt.Errorf("format %d, and this release reads %d", v.Format, format)
	}
	return nil
}
