package watch

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// A file that is as it was is the same bytes in memory; one that is not, in
// whatever place, is what is there now.
func TestReadingWhatIsKnown(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	known := bytes.Repeat([]byte("0123456789"), 20_000) // a few pieces
	for name, now := range map[string][]byte{
		"same":       known,
		"longer":     append(bytes.Clone(known), 'x'),
		"shorter":    known[:len(known)-1],
		"its start":  append([]byte("x"), known[1:]...),
		"its end":    append(bytes.Clone(known[:len(known)-1]), 'x'),
		"its middle": bytes.Join([][]byte{known[:100_000], []byte("x"), known[100_001:]}, nil),
		"empty":      {},
	} {
		if err := os.WriteFile(path, now, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := slurp(path, 1<<20, known)
		if err != nil || !bytes.Equal(got, now) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		if same := len(got) > 0 && &got[0] == &known[0]; same != (name == "same") {
			t.Errorf("%s: the bytes that were known: %v", name, same)
		}
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if is, err := holds(file, known); is != (name == "same") || err != nil {
			t.Errorf("%s: %v, %v", name, is, err)
		}
		file.Close()
	}
}

// BenchmarkRead reads a file of 30 MB again: anew, and where it is known.
func BenchmarkRead(b *testing.B) {
	path := filepath.Join(b.TempDir(), "f")
	data := bytes.Repeat([]byte("  - prefix: 192.0.2.0/24\n"), 30<<20/25)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		b.Fatal(err)
	}
	for name, like := range map[string][]byte{"anew": nil, "known": data} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if _, err := slurp(path, 64<<20, like); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
