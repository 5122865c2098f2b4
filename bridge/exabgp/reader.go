package exabgp

import (
	"encoding/json"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"routesync/state"
)

// Reader is [ParseLine] for many lines. UPDATEs that say the same of other
// prefixes, as those of a large table do, are read at the speed of their
// prefixes. The zero Reader is ready to use.
type Reader struct {
	known map[string]*template
	buf   []byte
}

// templatesMax bounds the templates that are kept. Few differ, or so many that
// none comes twice.
const templatesMax = 256

// Line is ParseLine of a line.
func (r *Reader) Line(text string) Line {
	if e, ok := r.sent(text); ok {
		return Line{Kind: EventLine, Text: text, Event: e}
	}
	return ParseLine(text)
}

// template is all that an event of a sent UPDATE says but for its counter and
// its prefixes.
type template struct {
	event Event // each group of its update has one key, which is another's
	// lists tells of each group of prefixes, the announced ones first, which list
	// of the event it is.
	lists []int
}

// sent reads the event of an UPDATE that was sent and has nothing but plain
// prefixes; false for any other, and for what is unusual in any way.
func (r *Reader) sent(text string) (Event, bool) {
	h, ok := r.hollow(text)
	if !ok {
		return Event{}, false
	}
	t, known := r.known[string(r.buf)]
	if !known {
		t = templateOf(string(r.buf), len(h.lists))
		if len(r.known) >= templatesMax || r.known == nil {
			r.known = map[string]*template{}
		}
		r.known[string(r.buf)] = t
	}
	if t == nil {
		return Event{}, false
	}
	e := t.event
	e.Counter = h.counter
	e.Update.Announced = slices.Clone(e.Update.Announced)
	e.Update.Withdrawn = slices.Clone(e.Update.Withdrawn)
	for i := range e.Update.Announced {
		a := &e.Update.Announced[i]
		if a.Keys, ok = plainKeys(a.Family, h.lists[t.lists[i]]); !ok {
			return Event{}, false
		}
	}
	for i := range e.Update.Withdrawn {
		w := &e.Update.Withdrawn[i]
		if w.Keys, ok = plainKeys(w.Family, h.lists[t.lists[len(e.Update.Announced)+i]]); !ok {
			return Event{}, false
		}
	}
	return e, true
}

// hollowed is what is taken out of an event to find its template.
type hollowed struct {
	counter int64
	lists   []string // of prefixes, without their brackets
}

const (
	// listHead begins a list of prefixes (nlri/inet.py, json).
	listHead = `[ { "nlri": "`
	// holeHead begins what stands for one in a template, before its number. No
	// JSON has it in the middle of a string, as none has listHead.
	holeHead = `[ "#`
	// probeCounter is the counter of every template.
	probeCounter = 7777777
)

// hollow leaves the event in r.buf without its time, its counter and its lists of
// prefixes. The result is JSON if and only if the event is.
func (r *Reader) hollow(text string) (h hollowed, ok bool) {
	const timeKey, counterKey = `"time": `, `, "counter": `
	if !strings.HasPrefix(text, `{ "exabgp"`) {
		return h, false
	}
	b := r.buf[:0]
	defer func() { r.buf = b }()
	head, rest, ok := strings.Cut(text, timeKey)
	if !ok || strings.Count(head, `"`) != 4 { // a time that is not exaBGP's
		return h, false
	}
	n := numberLen(rest, true)
	between, after, ok := strings.Cut(rest[n:], counterKey)
	if n == 0 || !ok {
		return h, false
	}
	m := numberLen(after, false)
	counter, err := strconv.ParseInt(after[:m], 10, 64)
	if err != nil {
		return h, false
	}
	h.counter = counter
	b = append(append(append(b, head...), timeKey...), '0')
	b = append(append(append(b, between...), counterKey...), strconv.Itoa(probeCounter)...)
	for rest = after[m:]; ; {
		i := strings.Index(rest, listHead)
		if i < 0 {
			break
		}
		n := strings.IndexByte(rest[i:], ']')
		if n < 0 {
			return h, false
		}
		b = append(append(b, rest[:i]...), holeHead...)
		b = append(strconv.AppendInt(b, int64(len(h.lists)), 10), `" ]`...)
		h.lists = append(h.lists, rest[i+1:i+n])
		rest = rest[i+n+1:]
	}
	b = append(b, rest...)
	return h, len(h.lists) > 0
}

// numberLen is how long the JSON number is that a text begins with, of those that
// exaBGP writes for a time or a counter; 0 for any other.
func numberLen(text string, fraction bool) int {
	digits := func(from int) int {
		n := from
		for n < len(text) && '0' <= text[n] && text[n] <= '9' {
			n++
		}
		return n
	}
	n := digits(0)
	if n == 0 || text[0] == '0' && n > 1 {
		return 0
	}
	if fraction && n < len(text) && text[n] == '.' {
		if end := digits(n + 1); end > n+1 {
			n = end
		}
	}
	if n < len(text) && text[n] != ',' {
		return 0
	}
	return n
}

// templateOf reads a hollowed event with so many lists, in the way in which all
// others are read; nil if it is none of a sent UPDATE, or has anything else than
// the lists.
func templateOf(text string, lists int) *template {
	var env envelope
	if json.Unmarshal([]byte(text), &env) != nil || env.Counter != probeCounter || env.Type != "update" ||
		env.Neighbor == nil || env.Neighbor.Direction != Send || env.Neighbor.Message.EOR != nil {
		return nil
	}
	t := &template{}
	seen := map[int]bool{}
	fill := func(family string, list []nlri) ([]nlri, bool) {
		any := map[string]string{state.IPv4Unicast.String(): "0.0.0.0/0", state.IPv6Unicast.String(): "::/0"}[family]
		if any == "" || len(list) != 1 {
			return nil, false
		}
		number, isHole := strings.CutPrefix(list[0].text, holeHead[2:])
		i, err := strconv.Atoi(strings.TrimSuffix(number, `"`))
		if !isHole || err != nil || i >= lists || seen[i] {
			return nil, false
		}
		seen[i] = true
		t.lists = append(t.lists, i)
		return []nlri{{prefix: any}}, true
	}
	ok := true
	u := &env.Neighbor.Message.Update
	for _, family := range slices.Sorted(maps.Keys(u.Announce)) {
		for _, hop := range slices.Sorted(maps.Keys(u.Announce[family])) {
			if u.Announce[family][hop], ok = fill(family, u.Announce[family][hop]); !ok {
				return nil
			}
		}
	}
	for _, family := range slices.Sorted(maps.Keys(u.Withdraw)) {
		if u.Withdraw[family], ok = fill(family, u.Withdraw[family]); !ok {
			return nil
		}
	}
	var err error
	if t.event, err = eventOf(&env); err != nil {
		return nil
	}
	groups := len(t.event.Update.Announced) + len(t.event.Update.Withdrawn)
	if len(t.lists) != lists || groups != lists {
		return nil
	}
	return t
}

// plainKeys reads a list of nothing but prefixes of a unicast family:
// ` { "nlri": "10.0.0.0/8" }, { "nlri": "10.1.0.0/16" } `.
func plainKeys(f state.Family, list string) ([]state.Key, bool) {
	const head, tail = ` { "nlri": "`, `" }`
	packed := make([]byte, 0, len(list)/4)
	for {
		var ok bool
		if list, ok = strings.CutPrefix(list, head); !ok {
			return nil, false
		}
		end := strings.IndexByte(list, '"')
		if end < 0 {
			return nil, false
		}
		if packed, ok = appendPrefix(packed, f, list[:end]); !ok {
			return nil, false
		}
		if list, ok = strings.CutPrefix(list[end:], tail); !ok {
			return nil, false
		}
		if list == " " {
			break
		}
		if list, ok = strings.CutPrefix(list, ","); !ok {
			return nil, false
		}
	}
	keys, err := state.UnpackKeys(f, packed)
	return keys, err == nil
}

// appendPrefix appends a prefix as [state.PackKeys] writes it.
func appendPrefix(b []byte, f state.Family, text string) ([]byte, bool) {
	if f == state.IPv4Unicast {
		return appendPrefix4(b, text)
	}
	p, err := netip.ParsePrefix(text)
	if err != nil || !p.Addr().Is6() || p.Masked() != p {
		return b, false
	}
	a := p.Addr().As16()
	return append(append(b, byte(p.Bits())), a[:(p.Bits()+7)/8]...), true
}

func appendPrefix4(b []byte, text string) ([]byte, bool) {
	var fields [5]uint
	n, begin := 0, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case '0' <= c && c <= '9':
			if i > begin && fields[n] == 0 || i-begin > 2 {
				return b, false // a leading zero, or too long
			}
			fields[n] = 10*fields[n] + uint(c-'0')
		case n < 3 && c == '.' && i > begin, n == 3 && c == '/' && i > begin:
			n, begin = n+1, i+1
		default:
			return b, false
		}
	}
	if n != 4 || begin == len(text) || fields[4] > 32 || (fields[0]|fields[1]|fields[2]|fields[3]) > 255 {
		return b, false
	}
	used := (fields[4] + 7) / 8
	for _, octet := range fields[used:4] {
		if octet != 0 {
			return b, false // host bits
		}
	}
	b = append(b, byte(fields[4]))
	for _, octet := range fields[:used] {
		b = append(b, byte(octet))
	}
	return b, true
}
