package watch

import (
	"io/fs"
	"time"
)

// Content is one settled state of the file. Data must not be changed. Err
// tells why there is none: the file is gone, unreadable, a directory, too
// large.
//
// Whoever makes something of it asks it for the files that it leads to. They
// are then watched as the file itself is, and only they.
type Content struct {
	Data []byte
	Err  error
	// Saved is the modification time of the file.
	Saved time.Time
	// others are what was read with it.
	others map[wish]*found
	asked  *asked
}

// wish is a file besides the first, or a pattern of such.
type wish struct {
	name string
	glob bool
}

// found is what came of a wish.
type found struct {
	data  []byte
	names []string
	err   error
	// changed is the modification time of a file; of a pattern, when a name last came
	// or went.
	changed time.Time
}

// asked is what a content was asked for.
type asked struct {
	used    map[wish]struct{}
	missing bool // some of it was not read
}

// Read returns the bytes of another file, as they were when Data was read. They
// must not be changed.
func (c Content) Read(name string) ([]byte, error) {
	f := c.ask(wish{name: name})
	if f == nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
	}
	return f.data, f.err
}

// Glob lists the files that matched a pattern when Data was read, as [Disk.Glob]
// does.
func (c Content) Glob(pattern string) ([]string, error) {
	f := c.ask(wish{name: pattern, glob: true})
	if f == nil {
		return nil, nil
	}
	return f.names, f.err
}

// Changed is when the last of all that was asked for was changed: the newest
// modification time. A file that went counts where a pattern names its directory.
func (c Content) Changed() time.Time {
	at := c.Saved
	if c.asked == nil {
		return at
	}
	for w := range c.asked.used {
		if f := c.others[w]; f != nil {
			at = newest(at, f.changed)
		}
	}
	return at
}

// Whole tells whether all that was asked for had been read. If it had not,
// nothing may be made of the content: another one, which has it, is emitted
// soon.
func (c Content) Whole() bool { return c.asked == nil || !c.asked.missing }

func (c Content) ask(w wish) *found {
	if c.asked == nil {
		return nil
	}
	c.asked.used[w] = struct{}{}
	f := c.others[w]
	if f == nil {
		c.asked.missing = true
	}
	return f
}
