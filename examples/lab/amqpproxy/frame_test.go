package amqpproxy

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// short is a short string.
func short(s string) []byte { return append([]byte{byte(len(s))}, s...) }

func long(b []byte) []byte { return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...) }

// message is a message of two bodies in frames.
func message(channel uint16, n name, args []byte, first, second string) []Frame {
	header := binary.BigEndian.AppendUint64([]byte{0, 60, 0, 0}, uint64(len(first)+len(second)))
	frames := []Frame{Method(channel, n.class, n.method, args), newFrame(headerFrame, channel, append(header, 0, 0))}
	for _, body := range []string{first, second} {
		if body != "" {
			frames = append(frames, newFrame(bodyFrame, channel, []byte(body)))
		}
	}
	return frames
}

func publish(channel uint16, exchange, key, body string) []Frame {
	return message(channel, basicPublish, slices.Concat([]byte{0, 0}, short(exchange), short(key), []byte{0}), body, "")
}

func deliver(channel uint16, key, body string) []Frame {
	return message(channel, basicDeliver, slices.Concat(short("tag"), make([]byte, 9), short("x"), short(key)), body, "")
}

func ack(channel uint16, tag uint64) []Frame {
	return []Frame{Method(channel, 60, 80, binary.BigEndian.AppendUint64(nil, tag))}
}

// startOK is a client's part of the handshake, with its name among properties
// of every type.
func startOK(name string) []Frame {
	properties := slices.Concat(
		short("capabilities"), []byte{'F'}, long(slices.Concat(short("connection_name"), []byte{'t', 1})),
		short("a"), []byte{'t', 1}, short("b"), []byte{'s', 0, 1}, short("c"), []byte{'I', 0, 0, 0, 1},
		short("d"), []byte{'D', 1, 0, 0, 0, 1}, short("e"), []byte{'T', 0, 0, 0, 0, 0, 0, 0, 1}, short("f"), []byte{'V'},
		short("g"), []byte{'S'}, long([]byte("text")), short("h"), []byte{'A'}, long([]byte{'t', 1}),
		short("connection_name"), []byte{'S'}, long([]byte(name)),
	)
	return []Frame{Method(0, 10, 11, slices.Concat(long(properties), short("PLAIN"), long([]byte("\x00guest\x00guest")), short("en_US")))}
}

func header() []Frame    { return []Frame{Frame("AMQP\x00\x00\x09\x01")} }
func heartbeat() []Frame { return []Frame{newFrame(8, 0, nil)} }

func stream(units ...[]Frame) []byte {
	var all []byte
	for _, frames := range units {
		for _, f := range frames {
			all = append(all, f...)
		}
	}
	return all
}

func TestReadFrame(t *testing.T) {
	t.Parallel()
	whole := stream(header(), heartbeat(), publish(1, "x", "k", "body"))
	in := bufio.NewReader(bytes.NewReader(whole))
	var got []byte
	for {
		f, err := ReadFrame(in)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, f...)
	}
	if !bytes.Equal(got, whole) {
		t.Errorf("read % x\nwant % x", got, whole)
	}
	beat := heartbeat()[0]
	for name, tt := range map[string]struct {
		in   []byte
		want error
	}{
		"nothing":    {nil, io.EOF},
		"half head":  {beat[:3], io.ErrUnexpectedEOF},
		"no end":     {beat[:7], io.ErrUnexpectedEOF},
		"half body":  {publish(1, "", "k", "body")[2][:9], io.ErrUnexpectedEOF},
		"wrong end":  {append(bytes.Clone(beat[:7]), 0), errFrame},
		"huge":       {[]byte{1, 0, 0, 0xFF, 0, 0, 0, 0}, errFrame},
		"other talk": {[]byte("GET / HTTP/1.1\r\n"), errFrame},
	} {
		if _, err := ReadFrame(bufio.NewReader(bytes.NewReader(tt.in))); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

func TestParseMethod(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		frame Frame
		want  method
	}{
		{startOK("edge1 / publish")[0], method{name: connectionStartOK, connection: "edge1 / publish"}},
		{publish(7, "rs.cmd", "edge1", "")[0], method{name: basicPublish, exchange: "rs.cmd", key: "edge1"}},
		{deliver(7, "edge1", "")[0], method{name: basicDeliver, exchange: "x", key: "edge1"}},
		{ack(1, 3)[0], method{name: basicAck}},
		{Method(1, 60, 40, []byte{0, 0, 9, 'x'}), method{name: basicPublish}},
		{newFrame(methodFrame, 0, []byte{0}), method{}},
	} {
		if got := parseMethod(tt.frame); got != tt.want {
			t.Errorf("%+v, want %+v", got, tt.want)
		}
	}
}

// TestAssembler: messages of two channels come interleaved, one is broken off,
// and all else passes at once.
func TestAssembler(t *testing.T) {
	t.Parallel()
	one, two := message(1, basicDeliver, nil, "ab", "cd"), publish(2, "", "k", "xyz")
	empty, broken := publish(1, "", "k", ""), publish(3, "", "k", "xyz")
	closed := Method(3, 20, 40, nil)
	in := []Frame{one[0], two[0], one[1], heartbeat()[0], one[2], two[1], two[2], one[3], empty[0], empty[1], broken[0], broken[1], closed, two[2]}
	want := []unit{
		{frames: heartbeat()},
		{frames: two, whole: true},
		{frames: one, whole: true},
		{frames: empty, whole: true},
		{frames: broken[:2]},
		{frames: []Frame{closed}, whole: true},
		{frames: two[2:3]}, // a body of no message
	}
	var a assembler
	var got []unit
	for _, f := range in {
		for _, u := range a.add(f) {
			u.method = method{}
			got = append(got, u)
		}
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(unit{}, method{}, name{})); diff != "" {
		t.Error(diff)
	}
	if rest := a.rest(); len(rest) > 0 {
		t.Errorf("left %v", rest)
	}
}

// FuzzFrames: whatever comes, what is read is what was sent, and nothing of it is
// lost or added on the way through the assembler. Each channel keeps its order.
func FuzzFrames(f *testing.F) {
	f.Add(stream(header(), startOK("name"), publish(1, "x", "k", "body"), heartbeat(), ack(1, 2)))
	f.Add(stream(deliver(1, "k", "body")[:2], deliver(2, "k", ""), ack(1, 2)))
	f.Add([]byte("AMQP\x00\x00\x09\x01\x01\x00\x01"))
	f.Add([]byte{2, 0, 1, 0, 0, 0, 1, 9, 0xCE})
	f.Fuzz(func(t *testing.T, sent []byte) {
		in := bufio.NewReader(bytes.NewReader(sent))
		var a assembler
		var read []byte
		want, got := map[uint16][]byte{}, map[uint16][]byte{}
		note := func(units []unit) {
			for _, u := range units {
				for _, f := range u.frames {
					got[f.channel()] = append(got[f.channel()], f...)
				}
			}
		}
		for {
			f, err := ReadFrame(in)
			if err != nil {
				break
			}
			read = append(read, f...)
			want[f.channel()] = append(want[f.channel()], f...)
			units := a.add(f)
			for i := range units {
				pointOf(&units[i], ToBroker)
			}
			note(units)
		}
		note(a.rest())
		if !bytes.HasPrefix(sent, read) {
			t.Errorf("read % x of % x", read, sent)
		}
		for channel, frames := range want {
			if !bytes.Equal(got[channel], frames) {
				t.Errorf("channel %d: % x came out of % x", channel, got[channel], frames)
			}
		}
	})
}
