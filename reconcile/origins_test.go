package reconcile

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"routesync/reconcile/guard"
	"routesync/state"
	"routesync/state/rpki"
)

// A route that the VRPs make invalid is not announced, nor anything else of the plan,
// and is at once when there are others; where no policy names any, it goes through.
func TestInvalidOriginIsNotAnnounced(t *testing.T) {
	for name, guarded := range map[string]bool{"guarded": true, "off": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				vrps := func(as string) *rpki.File {
					made := time.Now().UTC().Format(time.RFC3339)
					return rpki.Read("vrps.json", []byte(`{"metadata":{"buildtime":"`+made+`"},"roas":[{"asn":`+as+`,"prefix":"10.0.0.0/16","maxLength":24}]}`), nil)
				}
				f, target, told := newFakeSpeaker(), NewTarget(), noted{}
				f.set.Peers[0].LocalAS = 64496
				var now atomic.Pointer[rpki.File]
				now.Store(vrps("64511"))
				target.JudgeBy(func(c *guard.Case) { c.VRPs = now.Load() })
				target.NoteTo(told)
				stop := converging(t, f, target)
				d := file(t, "10.0.0.0/24", "10.1.0.0/24")
				d.Policy = state.Unguarded()
				if guarded {
					d.Policy.RPKI = state.RPKI{VRPs: "vrps.json", Invalid: state.Refuse}
				}
				target.Set(d)
				synctest.Wait()
				if !guarded {
					if f.routes() != 2 {
						t.Error("refused without a guard")
					}
					_ = stop()
					return
				}
				if f.routes() != 0 || !strings.Contains(told[Guarded], "10.0.0.0/24 of AS64496: there is only AS64511 10.0.0.0/16-24") {
					t.Errorf("%d routes, noted %q", f.routes(), told[Guarded])
				}
				now.Store(vrps("64496"))
				begun := time.Now()
				target.Reconsider()
				synctest.Wait()
				if f.routes() != 2 || told[Guarded] != "" || !time.Now().Equal(begun) {
					t.Errorf("%d routes, noted %q", f.routes(), told[Guarded])
				}
				_ = stop()
			})
		})
	}
}
