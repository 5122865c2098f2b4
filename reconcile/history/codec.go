package history

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"net/netip"

	"routesync/state"
)

// maxKeys bounds the routes of one line.
const maxKeys = 1000

type headJSON struct {
	versioned
	Head
}

type partJSON struct {
	versioned
	Owner string `json:"owner"`
	Part
}

// groupJSON is changes that share all but their keys.
type groupJSON struct {
	Family string       `json:"family"`
	Peers  []netip.Addr `json:"peers"`
	Before *valueJSON   `json:"before,omitempty"`
	After  *valueJSON   `json:"after,omitempty"`
	Gone   bool         `json:"gone,omitempty"`
	NLRI   []string     `json:"nlri"`
}

type valueJSON struct {
	Owner   string                  `json:"owner"`
	Attrs   map[state.Name][]string `json:"attributes"`
	Expires int64                   `json:"expires_unix_ms,omitempty"`
	Lease   int64                   `json:"lease_ms,omitempty"`
	By      string                  `json:"by,omitempty"`
	At      int64                   `json:"at_unix_ms,omitempty"`
	Asked   *askedJSON              `json:"asked,omitempty"`
}

type askedJSON struct {
	Peers   []string `json:"peers"` // selectors; none is every peer
	Tags    []string `json:"tags,omitempty"`
	Comment string   `json:"comment,omitempty"`
}

func toValue(v *Value) *valueJSON {
	if v == nil {
		return nil
	}
	j := &valueJSON{Owner: v.Owner, Attrs: map[state.Name][]string{}, Expires: v.Expires, Lease: v.Lease, By: v.By, At: v.At}
	for name, values := range v.Attrs.All() {
		j.Attrs[name] = append([]string{}, values...)
	}
	if v.Asked != nil {
		j.Asked = &askedJSON{Peers: []string{}, Tags: v.Asked.Tags, Comment: v.Asked.Comment}
		for _, s := range v.Asked.Peers.Selectors() {
			j.Asked.Peers = append(j.Asked.Peers, s.String())
		}
	}
	return j
}

func fromValue(j *valueJSON) (*Value, error) {
	if j == nil {
		return nil, nil
	}
	v := &Value{Owner: j.Owner, Expires: j.Expires, Lease: j.Lease, By: j.By, At: j.At}
	if j.Expires < 0 || j.Lease < 0 {
		return nil, errors.New("a time before 1970")
	}
	var err error
	if v.Attrs, err = state.NewAttrs(j.Attrs); err != nil {
		return nil, err
	}
	if j.Asked == nil {
		return v, nil
	}
	v.Asked = &Asked{Tags: j.Asked.Tags, Comment: j.Asked.Comment}
	list := make([]state.Selector, len(j.Asked.Peers))
	for i, text := range j.Asked.Peers {
		if list[i], err = state.ParseSelector(text); err != nil {
			return nil, err
		}
	}
	v.Asked.Peers = state.SelectPeers(list)
	return v, nil
}

// encodeHead writes what an entry says of itself.
func encodeHead(to io.Writer, h Head) error {
	w := newLineWriter(to)
	if err := w.line(headJSON{versioned{format}, h}); err != nil {
		return err
	}
	return w.seal()
}

func decodeHead(from io.Reader) (Head, error) {
	var j headJSON
	err := readLines(from, func(n int, line []byte) error {
		if n > 1 {
			return errors.New("a line too many")
		}
		if err := decodeLine(line, &j); err != nil {
			return err
		}
		return j.check()
	})
	return j.Head, err
}

// encodeChanges writes a part, of groups of one value at the same peers.
func encodeChanges(to io.Writer, owner string, p Part, groups iter.Seq2[Change, []state.Key]) error {
	w := newLineWriter(to)
	if err := w.line(partJSON{versioned{format}, owner, p}); err != nil {
		return err
	}
	for c, keys := range groups {
		j := groupJSON{Peers: append([]netip.Addr{}, c.Peers...), Before: toValue(c.Before), After: toValue(c.After), Gone: c.Gone}
		for len(keys) > 0 {
			n := min(len(keys), maxKeys)
			j.Family, j.NLRI = keys[0].Family.String(), j.NLRI[:0]
			for _, k := range keys[:n] {
				j.NLRI = append(j.NLRI, k.String())
			}
			if err := w.line(j); err != nil {
				return err
			}
			keys = keys[n:]
		}
	}
	return w.seal()
}

// decodeChanges reads a part. The changes are to be believed only if there is no
// error in the end; f may be nil.
func decodeChanges(from io.Reader, owner string, f func(*Change) error) (Part, error) {
	var p Part
	var has Tally
	err := readLines(from, func(n int, line []byte) error {
		if n == 1 {
			var j partJSON
			if err := decodeLine(line, &j); err != nil {
				return err
			}
			if j.Owner != owner {
				return fmt.Errorf("it is of owner %q", j.Owner)
			}
			p = j.Part
			return j.check()
		}
		if f == nil {
			return nil // the digest is enough
		}
		return decodeGroup(line, func(c *Change) error {
			has.Add(c)
			return f(c)
		})
	})
	if err == nil && f != nil && has != p.Tally {
		err = fmt.Errorf("it has other changes than it says: %+v and %+v", has, p.Tally)
	}
	return p, err
}

func decodeGroup(line []byte, f func(*Change) error) error {
	var j groupJSON
	if err := decodeLine(line, &j); err != nil {
		return err
	}
	family, err := state.ParseFamily(j.Family)
	if err != nil {
		return err
	}
	c := Change{Peers: j.Peers, Gone: j.Gone}
	if c.Before, err = fromValue(j.Before); err != nil {
		return err
	}
	if c.After, err = fromValue(j.After); err != nil {
		return err
	}
	switch {
	case c.Before == nil && c.After == nil:
		return errors.New("a change from nothing to nothing")
	case len(j.NLRI) == 0:
		return errors.New("a change of no route")
	}
	for _, peer := range j.Peers {
		if !peer.IsValid() {
			return errors.New("a peer without an address")
		}
	}
	for _, text := range j.NLRI {
		one := c
		if one.Key, err = state.ParseKey(family, text); err != nil {
			return err
		}
		if err := f(&one); err != nil {
			return err
		}
	}
	return nil
}
