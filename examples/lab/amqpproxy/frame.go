package amqpproxy

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Frame is one frame, or the protocol header, as it goes over the wire.
type Frame []byte

// The types of frames (AMQP 0-9-1, section 4.2.3).
const (
	methodFrame = 1
	headerFrame = 2
	bodyFrame   = 3

	frameHead = 7
	frameEnd  = 0xCE
	// frameMax is far above what brokers negotiate; RabbitMQ offers 128 KiB.
	frameMax = 16 << 20
)

var errFrame = errors.New("not an AMQP 0-9-1 frame")

// ReadFrame reads the next frame. It returns io.EOF between two frames, and
// io.ErrUnexpectedEOF inside of one.
func ReadFrame(in *bufio.Reader) (Frame, error) {
	head, err := in.Peek(frameHead)
	if err != nil {
		if len(head) > 0 && errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	if string(head[:4]) == "AMQP" { // the protocol header, section 4.2.2
		return readWhole(in, 8)
	}
	size := binary.BigEndian.Uint32(head[3:])
	if size > frameMax {
		return nil, fmt.Errorf("%w: % x says that %d bytes follow", errFrame, head, size)
	}
	f, err := readWhole(in, frameHead+int(size)+1)
	if err != nil {
		return nil, err
	}
	if f[len(f)-1] != frameEnd {
		return nil, fmt.Errorf("%w: % x does not end with % x", errFrame, head, frameEnd)
	}
	return f, nil
}

func readWhole(in io.Reader, size int) (Frame, error) {
	f := make(Frame, size)
	if _, err := io.ReadFull(in, f); err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	return f, nil
}

// protocol tells whether it is the protocol header, which has no channel.
func (f Frame) protocol() bool { return len(f) == 8 && string(f[:4]) == "AMQP" }

func (f Frame) kind() byte {
	if f.protocol() {
		return 0
	}
	return f[0]
}

func (f Frame) channel() uint16 {
	if f.protocol() {
		return 0
	}
	return binary.BigEndian.Uint16(f[1:])
}

// Payload is what stands between the frame's head and its end.
func (f Frame) Payload() []byte {
	if f.protocol() {
		return nil
	}
	return f[frameHead : len(f)-1]
}

// Method returns a method frame.
func Method(channel, class, method uint16, args []byte) Frame {
	payload := binary.BigEndian.AppendUint16(nil, class)
	payload = binary.BigEndian.AppendUint16(payload, method)
	return newFrame(methodFrame, channel, append(payload, args...))
}

func newFrame(kind byte, channel uint16, payload []byte) Frame {
	f := binary.BigEndian.AppendUint16(Frame{kind}, channel)
	f = binary.BigEndian.AppendUint32(f, uint32(len(payload)))
	return append(append(f, payload...), frameEnd)
}
