package journal

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"routesync/state"
)

// TestVersions holds each version of a record to its bytes: a bridge that is
// replaced while exaBGP runs reads what the one before it wrote.
func TestVersions(t *testing.T) {
	t.Parallel()
	peer := netip.MustParseAddr("127.0.0.2")
	for _, test := range []struct {
		name, bytes string
		claim       Claim
	}{
		{"of a file", "\x01\x01\x04team\x01\x04\x7f\x00\x00\x02", Claim{Owner: "team"}},
		{"by hand", "\x02\x01\x07console\x02al\x02\x04\x01\x04\x7f\x00\x00\x02",
			Claim{Owner: "console", From: state.Provenance{By: "al", At: 1, Expires: 2}}},
		{"leased", "\x03\x01\x04team\x00\x00\x00\x06\x01\x04\x7f\x00\x00\x02",
			Claim{Owner: "team", From: state.Provenance{Lease: 3}}},
		{"valued", "\x04\x01\x04team\x00\x00\x00\x00\x05med 1\x00\x01\x04\x7f\x00\x00\x02",
			Claim{Owner: "team", Value: "med 1"}},
		{"leaving", "\x04\x01\x04team\x00\x00\x00\x00\x00\x01\x01\x04\x7f\x00\x00\x02",
			Claim{Owner: "team", Leaving: true}},
		{"set aside", "\x05\x01\x04team\x00\x00\x00\x00\x05med 1\x00\x01\x01\x04\x7f\x00\x00\x02",
			Claim{Owner: "team", Value: "med 1", Aside: true}},
		{"of a launch", "\x06\x01\x04team\x00\x00\x00\x00\x05med 1\x00\x00\x0a\x01\x04\x7f\x00\x00\x02",
			Claim{Owner: "team", Value: "med 1", Launch: 5}},
		{"in other words", "\x06\x01\x04team\x00\x00\x00\x00\x05med 1\x00\x01\x0b\x01\x04\x7f\x00\x00\x02",
			Claim{Owner: "team", Value: "med 1", Aside: true, Launch: 5, Spelled: true}},
	} {
		test.claim.Peers = []netip.Addr{peer}
		key := []byte("key")
		want := binary.BigEndian.AppendUint32([]byte(test.bytes), checksum(key, []byte(test.bytes)))
		got, err := encodeClaims(key, []Claim{test.claim})
		if err != nil || string(got) != string(want) {
			t.Errorf("%s: encoded %q, %v; want %q", test.name, got, err, want)
		}
		claims, err := decodeClaims(key, want)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		addr := cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
		if diff := cmp.Diff([]Claim{test.claim}, claims, addr); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}
