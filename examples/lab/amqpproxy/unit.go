package amqpproxy

import "encoding/binary"

// unit is what passes as a whole: a message, or any other frame.
type unit struct {
	frames []Frame
	method method // zero for what begins with no method
	whole  bool   // false for a message that was broken off
}

func (u *unit) bytes() []byte {
	var all []byte
	for _, f := range u.frames {
		all = append(all, f...)
	}
	return all
}

// assembler puts the messages of one direction together. Those of several
// channels may come interleaved.
type assembler struct {
	partial map[uint16]*partial
}

type partial struct {
	unit
	missing uint64 // bytes of bodies
	headed  bool
}

// add takes a frame and returns the units that are complete with it.
func (a *assembler) add(f Frame) []unit {
	open := a.partial[f.channel()]
	if open != nil && (f.kind() == headerFrame || f.kind() == bodyFrame) {
		if !open.take(f) {
			return nil
		}
		delete(a.partial, f.channel())
		open.whole = true
		return []unit{open.unit}
	}
	var out []unit
	if open != nil { // as when a channel is closed in the middle of a message
		delete(a.partial, f.channel())
		out = append(out, open.unit)
	}
	u := unit{frames: []Frame{f}}
	if f.kind() == methodFrame {
		u.method = parseMethod(f)
		u.whole = !u.method.name.content()
	}
	if !u.method.name.content() {
		return append(out, u)
	}
	if a.partial == nil {
		a.partial = map[uint16]*partial{}
	}
	a.partial[f.channel()] = &partial{unit: u}
	return out
}

// take adds a frame of content and tells whether it was the last one.
func (p *partial) take(f Frame) (last bool) {
	p.frames = append(p.frames, f)
	payload := f.Payload()
	if f.kind() == bodyFrame {
		p.missing -= min(p.missing, uint64(len(payload)))
	} else if len(payload) >= 12 && !p.headed {
		p.headed = true
		p.missing = binary.BigEndian.Uint64(payload[4:])
	}
	return p.headed && p.missing == 0
}

// rest is what is still open, for when the stream ends.
func (a *assembler) rest() []unit {
	var out []unit
	for _, p := range a.partial {
		out = append(out, p.unit)
	}
	a.partial = nil
	return out
}
