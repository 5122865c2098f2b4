package exabgp

import "testing"

func TestParseFall(t *testing.T) {
	t.Parallel()
	lost := Fall{Lost: true, Reason: "the connection was lost"}
	raised, notified := Fall{Raised: true, Reason: "exaBGP raised an exception"}, Fall{Reason: "NOTIFICATION 3/10"}
	for _, tc := range []struct {
		release, reason string
		want            Fall
	}{
		{"4.2.21", "peer reset, message () error()", raised},
		{"4.2.21", "peer reset, message (notification received (3,10)) error(UPDATE message error / Invalid Network Field)", notified},
		{"5.0.13", "", raised},
		{"5.0.13", "notification received (3,10)", notified},
		{"6.0.0", "notification received (3,10)", notified},
		{"6.0.0", "", raised},

		{"4.2.21", "peer reset, message (closing connection) error(the TCP connection was closed by the remote end)", lost},
		{"4.2.21", "peer reset, message (closing connection) error(Problem while writing data to the network ((Errno ECONNRESET) (Errno 104) Connection reset by peer))", lost},
		{"5.0.13", "closing connection", lost},

		{"4.2.21", "", Fall{}},
		{"4.2.21", "peer reset, message (notification received (6,2)) error(Cease / Administrative Shutdown)", Fall{}},
		{"4.2.21", "peer reset, message (notification received (6,4)) error(notification received (3,10))", Fall{}},
		{"4.2.21", "peer reset, message (notification received (4,0)) error(Hold timer expired)", Fall{}},
		{"4.2.21", "peer reset, message (notification sent (3,1)) error(what the peer sent)", Fall{}},
		{"4.2.21", "peer reset, message (process problem) error()", Fall{}},
		{"4.2.21", "peer reset, message () error(x)", Fall{}},
		{"4.2.21", "stop, message [removed]", Fall{}},
		{"4.2.21", "graceful restarted negotiated, closing without sending any notification", Fall{}},
		{"5.0.13", "notification received (6,2)", Fall{}},
		{"5.0.13", "notification sent (3,1)", Fall{}},
		{"5.0.13", "notification received (31,1)", Fall{}},
		{"5.0.13", "notification received (3", Fall{}},
	} {
		got, ok := DialectOf(tc.release).ParseFall(tc.reason)
		if got != tc.want || ok != (tc.want != Fall{}) {
			t.Errorf("%s: %q is %+v, %t; want %+v", tc.release, tc.reason, got, ok, tc.want)
		}
	}
}
