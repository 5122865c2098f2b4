package reconcile

import (
	"context"
	"testing"
	"time"

	"routesync/state"
)

// A withdraw that is refused does not come to be done by waiting.
func TestApplyEndsWhenAWithdrawIsRefused(t *testing.T) {
	sp := newFakeSpeaker()
	gone := file(t, "10.0.0.0/24").Routes[0]
	sp.set.Routes.Set([]state.Advert{{Attrs: gone.Attrs, Owner: "team", At: []state.At{{Peer: peerA, Grade: state.Sent}}}}, gone.Key)
	sp.refuse[gone.Key] = "exaBGP answered error"
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	a, err := Apply(ctx, sp, file(t), state.Sent, nil, nil)
	if err != nil || len(a.Refused) != 1 {
		t.Errorf("%+v, %v; want the withdraw refused", a, err)
	}
}
