package rabbit

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

// noise returns n bytes that do not compress.
func noise(n int) []byte {
	r := rand.NewChaCha8([32]byte{1})
	b := make([]byte, n)
	_, _ = r.Read(b) // never fails
	return b
}

func TestPackRoundTrip(t *testing.T) {
	for _, tt := range []struct {
		name     string
		body     []byte
		encoding string
	}{
		{"nothing", nil, ""},
		{"at the threshold", bytes.Repeat([]byte("x"), compressOver), ""},
		{"above it", bytes.Repeat([]byte("x"), compressOver+1), encodingGzip},
		{"noise", noise(100_000), encodingGzip},
	} {
		packed, encoding, err := pack(tt.body)
		if err != nil || encoding != tt.encoding {
			t.Fatalf("%s: encoding %q, error %v, want %q", tt.name, encoding, err, tt.encoding)
		}
		got, err := unpack(packed, encoding, bodyLimit)
		if err != nil || !bytes.Equal(got, tt.body) {
			t.Errorf("%s: %d bytes back of %d, error %v", tt.name, len(got), len(tt.body), err)
		}
	}
	if _, _, err := pack(make([]byte, bodyLimit+1)); !errors.Is(err, errTooLarge) {
		t.Errorf("too large a body to receive was packed: %v", err)
	}
}

func TestUnpackLimit(t *testing.T) {
	const limit = 20_000
	for _, encoding := range []string{"", encodingGzip} {
		for _, n := range []int{limit - 1, limit, limit + 1, 50 * limit} {
			body := make([]byte, n)
			packed := body
			if encoding == encodingGzip {
				packed, _, _ = pack(body)
			}
			got, err := unpack(packed, encoding, limit)
			if n <= limit && (err != nil || len(got) != n) {
				t.Errorf("%q, %d bytes: got %d, error %v", encoding, n, len(got), err)
			}
			if n > limit && (!errors.Is(err, errTooLarge) || got != nil) {
				t.Errorf("%q, %d bytes: got %d, error %v, want too large", encoding, n, len(got), err)
			}
		}
	}
}

func TestUnpackRefusesDamage(t *testing.T) {
	packed, encoding, err := pack(bytes.Repeat([]byte("route "), 10_000))
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(packed)
	flipped[len(flipped)-6]++ // in the checksum
	for name, b := range map[string][]byte{
		"cut short": packed[:len(packed)-1], "empty": nil, "not gzip": []byte("announce"), "checksum": flipped,
	} {
		if got, err := unpack(b, encoding, bodyLimit); err == nil || got != nil {
			t.Errorf("%s: %d bytes, error %v", name, len(got), err)
		}
	}
	d := received(&amqp.Delivery{Body: []byte("x"), ContentEncoding: "br"}, consumer{})
	if d.Err == nil || d.Body != nil {
		t.Errorf("unknown encoding: body %q, error %v", d.Body, d.Err)
	}
}
