package watch

import (
	"os"
	"time"
)

// Disk reads files as they are now, and notes when the last of them was changed.
// It belongs to one goroutine.
type Disk struct {
	MaxSize int64 // of a file, in bytes
	changed time.Time
	names   []string
}

// Read returns the whole of a file, as [Read] does.
func (d *Disk) Read(name string) ([]byte, error) {
	d.names = append(d.names, name)
	data, err := Read(name, d.MaxSize)
	if info, statErr := os.Stat(name); statErr == nil {
		d.changed = newest(d.changed, info.ModTime())
	}
	return data, err
}

// Glob lists the files that match a pattern of [filepath.Match], in order. A
// directory that can't be read is an error, and not empty.
func (d *Disk) Glob(pattern string) ([]string, error) {
	names, changed, err := glob(pattern)
	d.changed = newest(d.changed, changed)
	return names, err
}

// Changed is when the last of what was read was changed, as [Content.Changed] is.
func (d *Disk) Changed() time.Time { return d.changed }

// Names are those of the files that were read, in that order.
func (d *Disk) Names() []string { return d.names }

func newest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
