package routefile

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"

	"routesync/state"
)

// Error is one fault of a file.
type Error struct {
	Pos  state.Position
	Msg  string
	Hint string // what to write instead; "" if nobody can say
	Line string // the line of the file that Pos is in
	// Width is how many characters of Line are meant, from Pos.Column on.
	Width int
	rank  int // of the file
}

// Error is the fault on one line, position first.
func (e *Error) Error() string { return e.Pos.String() + ": " + e.Msg }

// Faults lists what an error of [Load] holds, in the order of the files; nil
// if err is of another kind.
func Faults(err error) []*Error {
	var all *multierror.Error
	if !errors.As(err, &all) {
		var one *Error
		if errors.As(err, &one) {
			return []*Error{one}
		}
		return nil
	}
	var faults []*Error
	for _, err := range all.Errors {
		var one *Error
		if errors.As(err, &one) {
			faults = append(faults, one)
		}
	}
	return faults
}

// Item is a fault for programs.
type Item struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// Items lists what an error of [Load] holds for programs; never nil, so that
// JSON has a list.
func Items(err error) []Item {
	items := []Item{}
	for _, f := range Faults(err) {
		items = append(items, Item{f.Pos.File, int(f.Pos.Line), int(f.Pos.Column), f.Msg, f.Hint})
	}
	return items
}

// join is the error that holds all faults; nil if there are none.
func join(faults []*Error) error {
	slices.SortStableFunc(faults, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Column, b.Pos.Column), cmp.Compare(a.Msg, b.Msg))
	})
	all := &multierror.Error{ErrorFormat: func(errs []error) string {
		lines := make([]string, len(errs))
		for i, err := range errs {
			lines[i] = err.Error()
		}
		return strings.Join(lines, "\n")
	}}
	for _, f := range faults {
		all.Errors = append(all.Errors, f)
	}
	return all.ErrorOrNil()
}
