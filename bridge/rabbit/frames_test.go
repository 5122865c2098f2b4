package rabbit

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net"
)

// editor tells what the other side gets in the place of a frame, and what its
// sender gets in answer, nil being nothing.
type editor func(frame []byte) (pass, answer []byte)

// editFrames shows every frame of the connections to come to edit.
func (p *proxy) editFrames(edit editor) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.edit = edit
}

func (p *proxy) copyFrames(from, to net.Conn, edit editor) {
	defer to.Close()
	in := bufio.NewReader(from)
	for {
		frame, err := nextFrame(in)
		if err != nil {
			return
		}
		pass, answer := edit(frame)
		if _, err := to.Write(pass); err != nil {
			return
		}
		if _, err := from.Write(answer); err != nil {
			return
		}
	}
}

// nextFrame reads a frame (AMQP 0-9-1, section 4.2.3), or the protocol header.
func nextFrame(in *bufio.Reader) ([]byte, error) {
	head, err := in.Peek(7)
	if err != nil {
		return nil, err
	}
	size := 8 + int(binary.BigEndian.Uint32(head[3:]))
	if string(head[:4]) == "AMQP" {
		size = 8
	}
	frame := make([]byte, size)
	_, err = io.ReadFull(in, frame)
	return frame, err
}

// declares tells whether a frame declares a queue, other than passively, and
// where in the frame the bits that say how are.
func declares(frame []byte, queue string) (bits int, ok bool) {
	head := []byte{0, 50, 0, 10, 0, 0, byte(len(queue))}
	bits = 7 + len(head) + len(queue)
	ok = len(frame) > bits && bytes.HasPrefix(frame[7:], append(head, queue...)) && frame[bits]&1 == 0
	return bits, ok
}

const durableBit = 2

// withQueueType returns a declaration that has no arguments, with one.
func withQueueType(frame []byte, bits int, kind string) []byte {
	var args []byte
	args = append(args, byte(len("x-queue-type")))
	args = append(args, "x-queue-type"...)
	args = append(args, 'S')
	args = binary.BigEndian.AppendUint32(args, uint32(len(kind)))
	args = append(args, kind...)

	out := bytes.Clone(frame[:bits+1])
	out = binary.BigEndian.AppendUint32(out, uint32(len(args)))
	out = append(out, args...)
	binary.BigEndian.PutUint32(out[3:], uint32(len(out)-7))
	return append(out, 0xCE)
}

// closeConnection is the frame of a connection.close.
func closeConnection(code uint16, text string) []byte {
	args := binary.BigEndian.AppendUint16([]byte{0, 10, 0, 50}, code)
	args = append(args, byte(len(text)))
	args = append(args, text...)
	args = append(args, 0, 50, 0, 10) // for a queue.declare
	out := binary.BigEndian.AppendUint32([]byte{1, 0, 0}, uint32(len(args)))
	return append(append(out, args...), 0xCE)
}
