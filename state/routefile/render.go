package routefile

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
)

const (
	maxRendered = 20  // faults that are shown; a person fixes these and runs again
	maxShown    = 100 // columns of a source line that are shown
	tabWidth    = 4
)

// Render writes the faults that err holds for people: each with its line of
// the file, a caret under the place, and the hint. After the first 20 it says
// how many more there are.
func Render(w io.Writer, err error) error {
	out := bufio.NewWriter(w)
	faults := Faults(err)
	if faults == nil && err != nil {
		fmt.Fprintf(out, "error: %v\n", err)
	}
	for i, f := range faults {
		if i == maxRendered {
			fmt.Fprintf(out, "and %d more\n", len(faults)-i)
			break
		}
		fmt.Fprintf(out, "error: %s\n", escape(f.Error()))
		number := strconv.Itoa(int(f.Pos.Line))
		line, caret := excerpt(f.Line, int(f.Pos.Column), f.Width)
		fmt.Fprintf(out, "  %s | %s\n", number, line)
		fmt.Fprintf(out, "  %*s | %s\n", len(number), "", caret)
		if f.Hint != "" {
			fmt.Fprintf(out, "  hint: %s\n", escape(f.Hint))
		}
	}
	return out.Flush()
}

// escape keeps what a file holds from acting on the terminal.
func escape(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteString(shown(r))
	}
	return b.String()
}

// shown is how a character is written on the terminal.
func shown(r rune) string {
	switch {
	case r == '\t':
		return strings.Repeat(" ", tabWidth)
	case r == unicode.ReplacementChar || unicode.IsPrint(r):
		return string(r)
	}
	quoted := strconv.QuoteRuneToASCII(r)
	return quoted[1 : len(quoted)-1]
}

// excerpt is the part of a source line around a column, and the line with the
// carets to write below it.
func excerpt(line string, column, width int) (text, caret string) {
	const before = 60 // columns that are kept left of the caret
	type cell struct {
		text  string
		width int
	}
	var left, right []cell // of the caret
	column = max(column, 1)
	leftWidth, rightWidth, caretWidth, n := 0, 0, 0, 0
	for _, r := range line {
		n++
		c := cell{text: shown(r)}
		for _, s := range c.text {
			c.width += displayWidth(s)
		}
		if n < column {
			left, leftWidth = append(left, c), leftWidth+c.width
			for leftWidth > before+1 {
				leftWidth -= left[0].width
				left = left[1:]
			}
			continue
		}
		if rightWidth+c.width > maxShown-leftWidth {
			right = append(right, cell{"…", 1})
			break
		}
		right, rightWidth = append(right, c), rightWidth+c.width
		if n < column+width {
			caretWidth += c.width
		}
	}
	var b strings.Builder
	skipped := min(n, column-1) - len(left)
	if skipped > 0 {
		b.WriteString("…")
		leftWidth++
	}
	for _, c := range left {
		b.WriteString(c.text)
	}
	for _, c := range right {
		b.WriteString(c.text)
	}
	leftWidth += max(0, column-1-n) // the place is after the end of the line
	return b.String(), strings.Repeat(" ", leftWidth) + strings.Repeat("^", max(caretWidth, 1))
}

// displayWidth is how many columns a terminal gives a character: none for a
// mark on the one before, two for the scripts and pictures that are wide.
func displayWidth(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case r >= 0x1100 && r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf, r >= 0xac00 && r <= 0xd7a3,
		r >= 0xf900 && r <= 0xfaff, r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60,
		r >= 0xffe0 && r <= 0xffe6, r >= 0x1f300 && r <= 0x1f64f, r >= 0x1f900 && r <= 0x1f9ff,
		r >= 0x20000 && r <= 0x3fffd:
		return 2
	}
	return 1
}
