package rabbit

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// python3 is the interpreter that finds Debian's pika.
const python3 = "/usr/bin/python3"

// pika runs what an old program does with a channel ch and a queue, and returns
// what it prints.
func pika(t *testing.T, queue, program string) (string, error) {
	t.Helper()
	url := brokerURL(t)
	if out, err := exec.Command(python3, "-c", "import pika").CombinedOutput(); err != nil {
		t.Skipf("needs %s with pika (apt-get install python3-pika): %v\n%s", python3, err, out)
	}
	const prologue = `
import json, sys, pika
connection = pika.BlockingConnection(pika.URLParameters(sys.argv[1]))
ch, queue = connection.channel(), sys.argv[2]
`
	cmd := exec.CommandContext(testContext(t), python3, "-c", prologue+program+"\nconnection.close()", url, queue)
	var said, failed strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &failed
	if err := cmd.Run(); err != nil {
		return failed.String(), err
	}
	return said.String(), nil
}

// TestPikaDeclares is why a classic queue is made transient where it can be.
func TestPikaDeclares(t *testing.T) {
	s := connect(t, Config{})
	if version := s.brokerVersion(); deniesTransient(version) {
		t.Skipf("RabbitMQ %s takes no transient queue", version)
	}
	for _, tt := range []struct {
		how     ClassicDeclare
		declare string
		fault   string // "" is none
	}{
		{ClassicAuto, "ch.queue_declare(queue=queue)", ""},
		{ClassicTransient, "ch.queue_declare(queue=queue)", ""},
		{ClassicTransient, "ch.queue_declare(queue=queue, passive=True)", ""},
		{ClassicDurable, "ch.queue_declare(queue=queue)", "(406,"},
		{ClassicDurable, "ch.queue_declare(queue=queue, durable=True)", ""},
		{ClassicDurable, "ch.queue_declare(queue=queue, passive=True)", ""},
	} {
		name := classicName(t)
		if made, err := s.DeclareClassic(testContext(t), name, tt.how); !made || err != nil {
			t.Fatalf("made %v, error %v", made, err)
		}
		said, err := pika(t, name, tt.declare)
		if failed := err != nil; failed != (tt.fault != "") || !strings.Contains(said, tt.fault) {
			t.Errorf("made %q, then %s: %v\n%s", tt.how, tt.declare, err, said)
		}
		// And the other way round.
		other := classicName(t)
		if said, err := pika(t, other, strings.Replace(tt.declare, ", passive=True", "", 1)); err != nil {
			t.Fatalf("%v\n%s", err, said)
		}
		if made, err := s.DeclareClassic(testContext(t), other, tt.how); made || err != nil {
			t.Errorf("after pika's %s: made %v, error %v", tt.declare, made, err)
		}
	}
}

func TestPikaPublishes(t *testing.T) {
	s, name := classicQueue(t)
	said, err := pika(t, name, `
odd = pika.BasicProperties(content_encoding="gzip", content_type="text/plain", type="t", app_id="cli", user_id="guest",
    headers={"n": 1, "big": 2**40, "s": "x", "none": None, "list": [1, "a", {"b": b"\xff"}], "true": True})
for i in range(300):
    ch.basic_publish("", queue, "announce route 10.0.%d.%d/32 next-hop self" % (i >> 8, i & 255))
ch.basic_publish("", queue, bytes(range(256)), odd)
ch.basic_publish("", queue, "rückzug".encode("latin-1"), odd)
ch.basic_publish("", queue, b"")
`)
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	in, err := s.ConsumeClassic(testContext(t), name, Exclusive, 16)
	if err != nil {
		t.Fatal(err)
	}
	take := func() Delivery {
		d := next(t, in)
		if err := d.Ack(); err != nil || d.Err != nil {
			t.Fatalf("%+v: %v", d, err)
		}
		return d
	}
	for i := range 300 {
		want := fmt.Sprintf("announce route 10.0.%d.%d/32 next-hop self", i>>8, i&255)
		if got := string(take().Body); got != want {
			t.Fatalf("%q, want %q", got, want)
		}
	}
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for _, want := range []string{string(every), "r\xfcckzug"} {
		if d := take(); string(d.Body) != want || d.AppID != "cli" || d.UserID != "guest" || d.Headers["big"] != 1<<40 {
			t.Errorf("%+v, want body %q", d, want)
		}
	}
	if d := take(); len(d.Body) != 0 || d.AppID != "" {
		t.Errorf("%+v, want nothing in it", d)
	}
}

// TestPikaReads what Publish sends, in the two ways that old programs read.
func TestPikaReads(t *testing.T) {
	long := strings.Repeat("announce route 192.0.2.0/24 next-hop 192.0.2.1\n", 1000) // would be compressed
	want := []string{"announce 192.168.41.4/32", "r\u00fcckzug", "", long}
	for way, program := range map[string]string{
		"basic_get": `
def one():
    method, properties, body = ch.basic_get(queue, auto_ack=True)
    return properties, body
got = [one() for _ in range(4)]`,
		"basic_consume": `
got = []
def on(channel, method, properties, body):
    got.append((properties, body))
    if len(got) == 4: ch.stop_consuming()
ch.basic_consume(queue=queue, on_message_callback=on, auto_ack=True)
ch.start_consuming()`,
	} {
		s, name := classicQueue(t)
		if err := s.Publish(testContext(t), lines(name, want...)...); err != nil {
			t.Fatal(err)
		}
		said, err := pika(t, name, program+`
json.dump([{"Body": b.decode(), "Set": sorted(k for k, v in vars(p).items() if v is not None),
    "Headers": sorted(p.headers)} for p, b in got], sys.stdout)`)
		if err != nil {
			t.Fatalf("%s: %v\n%s", way, err, said)
		}
		type message struct {
			Body         string
			Set, Headers []string
		}
		var got, all []message
		if err := json.Unmarshal([]byte(said), &got); err != nil {
			t.Fatal(err)
		}
		for _, body := range want {
			all = append(all, message{body, []string{"delivery_mode", "headers"}, []string{numberHeader}})
		}
		if diff := cmp.Diff(all, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", way, diff)
		}
		if got := depth(t, s, name); got[0] != 0 {
			t.Errorf("%s: %d messages left", way, got[0])
		}
	}
}
