package wire_test

import (
	"strings"
	"testing"

	"routesync/bridge/wire"
	"routesync/state"
)

func TestOrders(t *testing.T) {
	t.Parallel()
	from := wire.Commander{ID: "i", Host: "h", PID: 2, Verb: "pause", User: "al"}
	for _, kind := range []wire.OrderKind{wire.OrderPause, wire.OrderResume, wire.OrderConfirm, wire.OrderRevert} {
		roundTrip(t, wire.Order{Speaker: "edge1", ID: "x", Kind: kind, Owner: "team", From: from, Reason: "a window"}, wire.EncodeOrder, wire.DecodeOrder)
	}
	roundTrip(t, wire.Order{ID: "x", Kind: wire.OrderOverride, Owner: "team", Text: "withdraw,withdraw-space@9b1d2c3f4a5b"}, wire.EncodeOrder, wire.DecodeOrder)
	roundTrip(t, wire.Ordered{Speaker: "edge1", ID: "x", Refused: "r", Done: "d"}, wire.EncodeOrdered, wire.DecodeOrdered)
	base := int64(0)
	roundTrip(t, wire.Request{Kind: wire.RequestLease, Owner: "team", Base: &base, ConfirmWithin: 300_000, Pausable: true}, wire.EncodeRequest, wire.DecodeRequest)
	roundTrip(t, wire.Request{Kind: wire.RequestAlive, Owner: "team", Overridden: []string{"withdraw@9b1d2c3f4a5b"}, Reached: true}, wire.EncodeRequest, wire.DecodeRequest)
	roundTrip(t, wire.Grant{Refused: "r", Stale: true, Now: sampleStanding(t).InForce, Ordered: true}, wire.EncodeGrant, wire.DecodeGrant)
	trial := sampleTrial()
	roundTrip(t, wire.Standing{Speaker: "s", Owner: "o", Pause: &sampleUpdate(t).About.Pauses[0], Trial: &trial}, wire.EncodeStanding, wire.DecodeStanding)
}

// TestStrictOrders: what a person orders is told to others, on their terminals.
func TestStrictOrders(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]wire.Order{
		"unknown":           {Kind: "stop", Owner: "team"},
		"of nobody":         {Kind: wire.OrderPause},
		"a control":         {Kind: wire.OrderPause, Owner: "team", Reason: "\x1b[2J"},
		"of a control":      {Kind: wire.OrderPause, Owner: "team", From: wire.Commander{User: "\x1b"}},
		"long":              {Kind: wire.OrderPause, Owner: "team", Reason: strings.Repeat("x", 501)},
		"text for nothing":  {Kind: wire.OrderConfirm, Owner: "team", Text: "x"},
		"no rule":           {Kind: wire.OrderOverride, Owner: "team", Text: "@9b1d2c3f4a5b"},
		"no digest":         {Kind: wire.OrderOverride, Owner: "team", Text: "withdraw"},
		"a short digest":    {Kind: wire.OrderOverride, Owner: "team", Text: "withdraw@9b1d2c3f4a5"},
		"no digest at all":  {Kind: wire.OrderOverride, Owner: "team", Text: "withdraw@9b1d2c3f4a5G"},
		"an empty rule":     {Kind: wire.OrderOverride, Owner: "team", Text: "withdraw,@9b1d2c3f4a5b"},
		"a rule of control": {Kind: wire.OrderOverride, Owner: "team", Text: "with\ndraw@9b1d2c3f4a5b"},
	} {
		if _, err := wire.EncodeOrder(bad); err == nil {
			t.Errorf("%s: encoded", name)
		}
	}
	request, err := wire.EncodeRequest(wire.Request{Kind: wire.RequestLease, ConfirmWithin: wire.MaxTrial.Milliseconds() + 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wire.DecodeRequest(request); err == nil {
		t.Error("a trial for ever is taken")
	}
	const control = "\x1b[2J"
	by := wire.Commander{Host: control}
	for name, bad := range map[string]wire.About{
		"pause":    {Pauses: []wire.Pause{{Reason: control}}},
		"pauser":   {Pauses: []wire.Pause{{By: by}}},
		"override": {Overrides: []wire.Override{{Text: "withdraw@9b1d2c3f4a5b", Reason: control}}},
		"rules":    {Overrides: []wire.Override{{Text: control}}},
		"trial":    {Trials: []wire.Trial{{Before: state.Revision{Digest: control}}}},
		"reverted": {InForce: []wire.InForce{{Reverted: &wire.Reverted{Digest: control}}}},
	} {
		body, err := wire.EncodeUpdate(wire.Update{About: &bad})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := wire.DecodeUpdate(body); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
