package rabbit

import (
	"bytes"
	"encoding/binary"

	"routesync/examples/lab/amqpproxy"
)

// declares tells whether a frame declares a queue, other than passively, and
// where in the frame the bits that say how are.
func declares(frame amqpproxy.Frame, queue string) (bits int, ok bool) {
	head := []byte{0, 50, 0, 10, 0, 0, byte(len(queue))}
	bits = 7 + len(head) + len(queue)
	ok = len(frame) > bits && bytes.HasPrefix(frame[7:], append(head, queue...)) && frame[bits]&1 == 0
	return bits, ok
}

const durableBit = 2

// withQueueType returns a declaration that has no arguments, with one.
func withQueueType(frame amqpproxy.Frame, bits int, kind string) amqpproxy.Frame {
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
func closeConnection(code uint16, text string) amqpproxy.Frame {
	args := binary.BigEndian.AppendUint16(nil, code)
	args = append(args, byte(len(text)))
	args = append(args, text...)
	return amqpproxy.Method(0, 10, 50, append(args, 0, 50, 0, 10)) // for a queue.declare
}
