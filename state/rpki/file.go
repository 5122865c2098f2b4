package rpki

import (
	"errors"
	"fmt"
	"time"
)

// skew is how far the clocks of two machines may be apart.
const skew = 10 * time.Minute

// File is what is known of a file of VRPs.
type File struct {
	Name  string
	Table *Table // nil if there is an error
	Err   error
}

// Read makes a File of what reading one gave: its bytes, or an error.
func Read(name string, data []byte, err error) *File {
	f := &File{Name: name, Err: err}
	if err == nil {
		f.Table, f.Err = Parse(data)
	}
	return f
}

// Fault is why the file says nothing at a time: it could not be read, or it was
// made longer than maxAge before; nil if it does.
func (f *File) Fault(now time.Time, maxAge time.Duration) error {
	if f.Err != nil {
		return fmt.Errorf("VRPs of %s: %w", f.Name, f.Err)
	}
	made := f.Table.Made()
	age := now.Sub(made)
	var err error
	switch {
	case age > maxAge:
		// Not how old they are: what is said once has to be the same the next time.
		err = fmt.Errorf("they are of %s, and older than %s", made.UTC().Format(time.RFC3339), maxAge)
	case age < -skew:
		err = errors.New("they are of a time to come, " + made.UTC().Format(time.RFC3339))
	default:
		return nil
	}
	return fmt.Errorf("VRPs of %s: %w", f.Name, err)
}
