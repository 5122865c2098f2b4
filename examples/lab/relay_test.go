//go:build integration

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"routesync/bridge/exabgp"
	"routesync/examples/lab/rig"
)

// relayScript is a helper process that puts a test in its place: it carries
// lines between exaBGP and a socket. It waits for nobody who does not read.
const relayScript = `#!/usr/bin/env python3
import os, socket, threading
s = socket.socket(socket.AF_UNIX)
s.connect(os.environ["LAB_RELAY"])
def pump(read, write):
    while data := read(65536):
        write(data)
    os._exit(0)
threading.Thread(target=pump, args=(s.recv, lambda data: os.write(1, data))).start()
pump(lambda n: os.read(0, n), s.sendall)
`

// relay is an exaBGP whose helper process is the test.
type relay struct {
	speaker *rig.Speaker
	conn    net.Conn
	lines   chan exabgp.Line
}

// openRelay starts an exaBGP, and waits for its helper.
func openRelay(ctx context.Context, lab *rig.Lab, opts rig.SpeakerOptions) (*relay, error) {
	base := filepath.Join(lab.Dir(), opts.Name)
	script, socket := base+".py", base+".sock"
	if err := os.WriteFile(script, []byte(relayScript), 0o755); err != nil {
		return nil, err
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	defer func() { _ = listener.Close() }() // one connection is all
	opts.Run = []string{script}
	opts.ExaBGP = shared.exabgp
	opts.Env = append(opts.Env, "LAB_RELAY="+socket)
	r := &relay{lines: make(chan exabgp.Line, 1<<20)} // more than a test has, so that exaBGP never waits
	if r.speaker, err = lab.Speaker(ctx, opts); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = listener.Close() })
	defer stop()
	if r.conn, err = listener.Accept(); err != nil {
		return nil, err
	}
	go r.read()
	return r, nil
}

func (r *relay) read() {
	defer close(r.lines)
	lines := bufio.NewReaderSize(r.conn, 1<<16)
	for {
		text, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		r.lines <- exabgp.ParseLine(strings.TrimSuffix(text, "\n"))
	}
}

// said is what it says; nothing if it is not there.
func (r *relay) said() <-chan exabgp.Line {
	if r == nil {
		return nil
	}
	return r.lines
}

func (r *relay) close() { _ = r.conn.Close() }

// write gives exaBGP a command.
func (r *relay) write(command string) error {
	_, err := fmt.Fprintln(r.conn, command)
	return err
}

var errEnded = errors.New("exaBGP ended, or its helper")
