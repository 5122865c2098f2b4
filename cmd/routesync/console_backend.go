package main

import (
	"context"
	"errors"
	"net/netip"

	"routesync/bridge/wire"
	"routesync/cmd/routesync/console"
	"routesync/state"
)

// unconnected is the backend of a console that reaches no speaker.
type unconnected struct{ speakers []string }

func newBackend(speakers []string) console.Backend { return unconnected{speakers} }

var errUnconnected = errors.New("this console can't reach speakers yet")

func (u unconnected) Speakers() []string { return u.speakers }

func (unconnected) Give(context.Context, string, []wire.Command) (<-chan wire.Result, error) {
	return nil, errUnconnected
}

func (unconnected) Peers(context.Context, string) ([]state.Neighbor, error) {
	return nil, errUnconnected
}

func (unconnected) Advertised(context.Context, string) (state.Advertised, error) {
	return state.Advertised{}, errUnconnected
}

func (unconnected) Received(context.Context, string, console.Filter) ([]console.Received, error) {
	return nil, errUnconnected
}

func (unconnected) Notices() <-chan console.Notice { return nil }

func (unconnected) Locate(context.Context, string, string, state.Key, netip.Addr) (string, bool) {
	return "", false
}
