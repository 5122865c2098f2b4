package routefile

import (
	"fmt"
	"strings"
	"testing"
)

// large is a file of n one-line routes.
func large(n int) []byte {
	var b strings.Builder
	b.WriteString("version: 1\nowner: a\nspeakers: [s]\ndefaults: { next-hop: 192.0.2.1 }\nroutes:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - prefix: 10.%d.%d.%d/32\n", i>>16&255, i>>8&255, i&255)
		if i%10 == 0 {
			fmt.Fprintf(&b, "    med: %d\n    community: [65000:1, no-export]\n", i%100)
		}
	}
	return []byte(b.String())
}

func BenchmarkParse100k(b *testing.B) {
	data := large(100_000)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := Parse("routes.yaml", data); err != nil {
			b.Fatal(err)
		}
	}
}
