package amqpproxy

import "encoding/binary"

// method is what a method frame says, as far as rules ask.
type method struct {
	name          name
	exchange, key string // of publish and deliver
	connection    string // of start-ok: the client's name for its connection
}

// name is the class and the method, as the standard numbers them.
type name struct{ class, method uint16 }

var (
	connectionStartOK = name{10, 11}
	connectionOpenOK  = name{10, 41}
	basicPublish      = name{60, 40}
	basicReturn       = name{60, 50}
	basicDeliver      = name{60, 60}
	basicGetOK        = name{60, 71}
	basicAck          = name{60, 80}
	basicReject       = name{60, 90}
	basicNack         = name{60, 120} // RabbitMQ's own
)

// content tells whether a header and bodies follow.
func (n name) content() bool {
	switch n {
	case basicPublish, basicReturn, basicDeliver, basicGetOK:
		return true
	}
	return false
}

// parseMethod reads a method frame. What can't be read stays empty: the broker
// is who refuses.
func parseMethod(f Frame) method {
	r := reader{f.Payload()}
	m := method{name: name{r.uint16(), r.uint16()}}
	switch m.name {
	case basicPublish:
		r.skip(2) // reserved
		m.exchange, m.key = r.short(), r.short()
	case basicDeliver:
		r.short() // consumer tag
		r.skip(8) // delivery tag
		r.skip(1) // redelivered
		m.exchange, m.key = r.short(), r.short()
	case connectionStartOK:
		m.connection = connectionName(r.long())
	}
	return m
}

// connectionName finds what RabbitMQ shows as a connection's name
// (https://www.rabbitmq.com/docs/connections#client-provided-names) in the table
// of the client's properties.
func connectionName(table []byte) string {
	r := reader{table}
	for len(r.rest) > 0 {
		key, kind := r.short(), r.skip(1)
		if kind == nil {
			return ""
		}
		if kind[0] == 'S' || kind[0] == 'x' || kind[0] == 'F' || kind[0] == 'A' {
			value := r.long()
			if key == "connection_name" {
				return string(value)
			}
			continue
		}
		if size, known := fixedSize(kind[0]); !known || r.skip(size) == nil && size > 0 {
			return ""
		}
	}
	return ""
}

// fixedSize is the size of a field's value in a table
// (https://www.rabbitmq.com/amqp-0-9-1-errata#section_3).
func fixedSize(kind byte) (size int, known bool) {
	switch kind {
	case 'V':
		return 0, true
	case 't', 'b', 'B':
		return 1, true
	case 's', 'u':
		return 2, true
	case 'I', 'i', 'f':
		return 4, true
	case 'D':
		return 5, true
	case 'l', 'L', 'd', 'T':
		return 8, true
	}
	return 0, false
}

// reader takes fields off the front; behind the end they are empty.
type reader struct{ rest []byte }

func (r *reader) skip(n int) []byte {
	if n > len(r.rest) {
		r.rest = nil
		return nil
	}
	got := r.rest[:n]
	r.rest = r.rest[n:]
	return got
}

func (r *reader) uint16() uint16 {
	if b := r.skip(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) short() string {
	if size := r.skip(1); size != nil {
		return string(r.skip(int(size[0])))
	}
	return ""
}

func (r *reader) long() []byte {
	size := r.skip(4)
	if size == nil || uint64(binary.BigEndian.Uint32(size)) > uint64(len(r.rest)) {
		r.rest = nil
		return nil
	}
	return r.skip(int(binary.BigEndian.Uint32(size)))
}
