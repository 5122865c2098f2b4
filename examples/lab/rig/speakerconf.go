package rig

import (
	"errors"
	"fmt"
	"net/netip"
	"os/user"
	"slices"
	"strings"
)

// Piece is a part of an exaBGP configuration that routesync needs, and that a
// test leaves out to see what is said about it.
type Piece string

// The pieces that a neighbor may go without.
const (
	API             Piece = "api"              // the whole api block
	Send            Piece = "send"             // send { parsed; update; }
	Receive         Piece = "receive"          // receive { parsed; update; notification; }
	NeighborChanges Piece = "neighbor-changes" // session events
	AdjRIBOut       Piece = "adj-rib-out"      // written as false
)

// processName is the name of the process block.
const processName = "routesync"

// Neighbor is one BGP neighbor of a speaker.
type Neighbor struct {
	Address netip.Addr
	// Port is the one to connect to.
	Port   uint16
	PeerAS uint32
	// Families are exaBGP's: "ipv4 unicast", "ipv6 unicast", the default.
	Families []string
	// LocalAddress overrides the speaker's.
	LocalAddress netip.Addr
	// Extra is added to the neighbor: "hold-time 9; graceful-restart 60;".
	Extra string
	// Static are routes of its own: "route 10.0.0.0/24 next-hop self".
	Static  []string
	Without []Piece
}

// Neighbor is the speaker's side of the router's session.
func (r *Router) Neighbor() Neighbor {
	n := Neighbor{Address: r.Address, Port: r.Port, PeerAS: r.opts.AS, LocalAddress: r.opts.PeerAddress}
	for _, family := range r.opts.Families {
		n.Families = append(n.Families, family+" unicast")
	}
	return n
}

// SpeakerOptions are one exaBGP's configuration.
type SpeakerOptions struct {
	Name string
	// LocalAddress is where its sessions come from; 127.0.0.1 or ::1, as the
	// neighbor's family has it, by default.
	LocalAddress netip.Addr
	LocalAS      uint32
	// RouterID is 10.254.0.N by default.
	RouterID  netip.Addr
	Neighbors []Neighbor
	// Run is the helper's command line, the first word a path; none by default.
	Run []string
	// Static are routes that its own configuration gives to every neighbor.
	Static []string
	// ExaBGP is the command, which gets the configuration's path as its last
	// word; the installed exabgp by default.
	ExaBGP []string
	// Env is added to its environment, and so to the helper's: "exabgp_log_level=DEBUG".
	Env []string
	// Extra is added at the top level, after the process block.
	Extra string
	// Config is the whole configuration, in place of all of the above but
	// Name, ExaBGP and Env.
	Config string
}

func (o *SpeakerOptions) complete(number int) error {
	if o.Name == "" {
		o.Name = fmt.Sprintf("edge%d", number)
	}
	if strings.ContainsAny(o.Name, "/ #") {
		return errors.New("a speaker's name is a folder's name here: no blanks, / or #")
	}
	if o.Config != "" {
		return nil
	}
	if o.LocalAS == 0 {
		return errors.New("LocalAS is required")
	}
	if len(o.Neighbors) == 0 {
		return errors.New("exabgp needs a neighbor")
	}
	for _, word := range o.Run {
		// exaBGP's own splitting: what it would cut or change, it cannot be given.
		if word == "" || strings.ContainsAny(word, " \t\n;{}[](),'\"\\#") {
			return fmt.Errorf("exabgp cannot pass the word %q to a helper: write a script that does", word)
		}
	}
	o.Neighbors = slices.Clone(o.Neighbors)
	for i := range o.Neighbors {
		if err := o.Neighbors[i].complete(o.LocalAddress); err != nil {
			return err
		}
	}
	if !o.RouterID.IsValid() {
		o.RouterID = netip.AddrFrom4([4]byte{10, 254, 0, byte(number)})
	}
	return nil
}

func (n *Neighbor) complete(local netip.Addr) error {
	if !n.Address.IsLoopback() || n.Port == 0 || n.PeerAS == 0 {
		return fmt.Errorf("neighbor %v: a loopback address, a port and an AS are required", n.Address)
	}
	if !n.LocalAddress.IsValid() {
		n.LocalAddress = local
	}
	if !n.LocalAddress.IsValid() || n.LocalAddress.Is4() != n.Address.Is4() {
		n.LocalAddress = home(n.Address)
	}
	if len(n.Families) == 0 {
		n.Families = []string{"ipv4 unicast", "ipv6 unicast"}
	}
	return nil
}

func (n *Neighbor) has(p Piece) bool { return !slices.Contains(n.Without, p) }

// env makes exaBGP a child like any other: in the foreground, as the same
// user, without listening and without its command-line pipes.
//
// As for the user: started as root it always becomes daemon.user, and
// daemon.drop only says whether its helpers are started before or after. With
// another user the first helper would run as root and the next one, if it can
// be started at all, as somebody else.
func (o *SpeakerOptions) env() []string {
	name := "root"
	if me, err := user.Current(); err == nil {
		name = me.Username
	}
	return append([]string{
		"exabgp_api_ack=true",
		"exabgp_api_cli=false",
		"exabgp_log_level=WARNING",
		"exabgp_log_destination=stdout",
		"exabgp_daemon_daemonize=false",
		"exabgp_daemon_drop=false",
		"exabgp_daemon_user=" + name,
		"exabgp_daemon_pid=",
		"exabgp_tcp_bind=",
		"PYTHONUNBUFFERED=1", // or its log lags behind what it did
	}, o.Env...)
}

// helped says whether there is a helper to wait for.
func (o *SpeakerOptions) helped() bool {
	return len(o.Run) > 0 || strings.Contains("\n"+o.Config, "\nprocess ")
}

// config is the text of exabgp.conf. The process block is first, so that a
// reload with an error further down leaves the helper alone.
func (o *SpeakerOptions) config() string {
	if o.Config != "" {
		return o.Config
	}
	var text strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&text, format+"\n", args...) }
	if len(o.Run) > 0 {
		line("process %s {", processName)
		line("  run %s;", strings.Join(o.Run, " "))
		line("  encoder json;")
		line("}")
	}
	if o.Extra != "" {
		line("%s", o.Extra)
	}
	for i := range o.Neighbors {
		n := &o.Neighbors[i]
		line("neighbor %v {", n.Address)
		line("  router-id %v;", o.RouterID)
		line("  local-address %v;", n.LocalAddress)
		line("  local-as %d;", o.LocalAS)
		line("  peer-as %d;", n.PeerAS)
		line("  connect %d;", n.Port)
		line("  adj-rib-out %t;", n.has(AdjRIBOut))
		if n.Extra != "" {
			line("  %s", n.Extra)
		}
		line("  family { %s; }", strings.Join(n.Families, "; "))
		if len(o.Run) > 0 && n.has(API) {
			n.api(line)
		}
		if static := slices.Concat(o.Static, n.Static); len(static) > 0 {
			line("  static { %s; }", strings.Join(static, "; "))
		}
		line("}")
	}
	return text.String()
}

func (n *Neighbor) api(line func(string, ...any)) {
	line("  api {")
	line("    processes [ %s ];", processName)
	if n.has(NeighborChanges) {
		line("    neighbor-changes;")
	}
	if n.has(Send) {
		line("    send { parsed; update; }")
	}
	if n.has(Receive) {
		line("    receive { parsed; update; notification; }")
	}
	line("  }")
}
