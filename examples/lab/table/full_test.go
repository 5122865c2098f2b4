package table

import (
	"bytes"
	"compress/gzip"
	"hash/crc32"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGenerate(t *testing.T) {
	all := Generate()
	if len(all) != 1_062_046 {
		t.Errorf("%d prefixes", len(all))
	}
	seen := make(map[netip.Prefix]bool, len(all))
	got4, got6 := map[int]int{}, map[int]int{}
	for i, p := range all {
		switch {
		case p != p.Masked() || !p.Addr().IsGlobalUnicast() || p.Addr().IsPrivate() || special(p):
			t.Fatalf("%v is not routed", p)
		case seen[p]:
			t.Fatalf("%v is twice", p)
		case i > 0 && p.Addr().Is4() && all[i-1].Addr().Is6():
			t.Fatalf("%v is behind IPv6", p)
		case p.Addr().Is4():
			got4[p.Bits()]++
		default:
			got6[p.Bits()]++
		}
		seen[p] = true
	}
	if diff := cmp.Diff([]map[int]int{lengths4, lengths6}, []map[int]int{got4, got6}); diff != "" {
		t.Error("the lengths:", diff)
	}
	sum := crc32.NewIEEE()
	for _, p := range all {
		_, _ = io.WriteString(sum, p.String()) // into memory
	}
	if got := sum.Sum32(); got != 0x961f3efd {
		t.Errorf("another table than before: %#x", got)
	}
}

func TestSome(t *testing.T) {
	all := Sample(900, 100)
	some := Some(all, 50)
	v4 := 0
	for _, p := range some {
		if !slices.Contains(all, p) {
			t.Errorf("%v is not of the table", p)
		}
		if p.Addr().Is4() {
			v4++
		}
	}
	slices.SortFunc(some, comparePrefixes)
	if n := len(slices.Compact(some)); n != 50 || v4 != 45 {
		t.Errorf("%d prefixes, %d of them IPv4", n, v4)
	}
	if got := Some(all, 2000); len(got) != 1000 {
		t.Errorf("%d of 1,000", len(got))
	}
}

func TestRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "table.gz")
	zip := func(text string) {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, err := w.Write([]byte(text))
		if err == nil {
			err = w.Close()
		}
		if err == nil {
			err = os.WriteFile(path, b.Bytes(), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	zip("# a table\n10.0.0.0/8\n\n2001:db8::/32\n")
	got, err := Read(path)
	want := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	if err != nil || !slices.Equal(got, want) {
		t.Error(got, err)
	}
	for _, bad := range []string{"10.0.0.1/8\n", "10.0.0.0\n", "x\n"} {
		zip(bad)
		if got, err := Read(path); err == nil {
			t.Errorf("%q is %v", bad, got)
		}
	}
}
