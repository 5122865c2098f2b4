package table

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
)

// Read reads a table from a file as gzip has it: one prefix a line.
func Read(path string) (_ []netip.Prefix, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read a routing table: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	var all []netip.Prefix
	lines := bufio.NewScanner(unzipped)
	for lines.Scan() {
		text := strings.TrimSpace(lines.Text())
		if text == "" || text[0] == '#' {
			continue
		}
		p, err := netip.ParsePrefix(text)
		if err != nil || p != p.Masked() {
			return nil, fmt.Errorf("read %s: not a prefix: %q", path, text)
		}
		all = append(all, p)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return all, nil
}

// Some are n prefixes of a table, IPv4 before IPv6, each in its share and spread
// over all of it; the table if it has no more.
func Some(all []netip.Prefix, n int) []netip.Prefix {
	if n >= len(all) {
		return all
	}
	var v4, v6 []netip.Prefix
	for _, p := range all {
		if p.Addr().Is4() {
			v4 = append(v4, p)
		} else {
			v6 = append(v6, p)
		}
	}
	n4 := n * len(v4) / len(all)
	return append(spread(v4, n4), spread(v6, n-n4)...)
}
