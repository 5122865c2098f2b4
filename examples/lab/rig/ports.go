package rig

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// Ports come from below the range that the kernel hands to outgoing
// connections. A port inside it can be taken by somebody's connection while
// the part that owns it is down, and a client that redials it there may even
// connect to itself.
const (
	lowestPort  = 10000
	defaultHigh = 32767
	portTries   = 200
)

// reservation holds free ports until just before the part that gets them.
type reservation struct {
	ports     []uint16
	listeners []net.Listener
}

// reserve takes n free ports of a loopback address.
func reserve(addr netip.Addr, n int) (*reservation, error) {
	if !addr.IsLoopback() {
		return nil, fmt.Errorf("reserve ports on %v: not a loopback address", addr)
	}
	high := portCeiling()
	r := &reservation{}
	var last error
	for range portTries {
		if len(r.ports) == n {
			return r, nil
		}
		port := uint16(lowestPort + rand.IntN(high-lowestPort+1))
		listener, err := net.Listen("tcp", netip.AddrPortFrom(addr, port).String())
		if err != nil {
			last = err
			continue
		}
		r.ports = append(r.ports, port)
		r.listeners = append(r.listeners, listener)
	}
	r.release()
	return nil, fmt.Errorf("reserve %d ports on %v: %w", n, addr, last)
}

// release gives the ports up to whoever binds them next.
func (r *reservation) release() {
	for _, listener := range r.listeners {
		_ = listener.Close() // nobody connected
	}
	r.listeners = nil
}

func portCeiling() int {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return defaultHigh
	}
	return parsePortRange(string(text))
}

// parsePortRange returns the last port below the kernel's own range, or the
// usual one where that range leaves too little room.
func parsePortRange(text string) int {
	fields := strings.Fields(text)
	if len(fields) != 2 {
		return defaultHigh
	}
	low, err := strconv.Atoi(fields[0])
	if err != nil || low-1 < lowestPort+1000 || low > 65535 {
		return defaultHigh
	}
	return low - 1
}
