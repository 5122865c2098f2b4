package rig

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// BIRD's codes for the parts of "show route all".
const (
	birdRoute     = 1007
	birdAttribute = 1012
)

const (
	birdTime = "2006-01-02 15:04:05.999999"
	// sameInstant: BIRD keeps a monotonic clock and converts at each answer,
	// so one and the same instant moves by some microseconds between two.
	sameInstant = time.Millisecond
)

// Route is what a router holds for one prefix.
type Route struct {
	Prefix netip.Prefix
	// NextHop is BGP.next_hop, the first address of it where it has two.
	NextHop netip.Addr
	// Attributes are BIRD's own names and texts: "BGP.med": "10",
	// "BGP.community": "(65000,1) (65000,2)".
	Attributes map[string]string
	// Since is when the router last installed or changed the route.
	Since time.Time
}

// SameInstant says whether two answers about a route's Since tell the same
// moment: the route was not touched between them.
func (r Route) SameInstant(other Route) bool {
	return r.Since.Sub(other.Since).Abs() < sameInstant
}

// parseRoutes reads the answer to "show route ... all".
func parseRoutes(lines []birdLine) ([]Route, error) {
	var routes []Route
	var prefix netip.Prefix
	for _, line := range lines {
		switch line.code {
		case birdRoute:
			head, ok := routeHead(line.text)
			if !ok {
				continue
			}
			route, err := parseHead(head, prefix)
			if err != nil {
				return nil, err
			}
			prefix = route.Prefix
			routes = append(routes, route)
		case birdAttribute:
			if len(routes) == 0 {
				return nil, fmt.Errorf("an attribute before any route: %q", line.text)
			}
			if err := routes[len(routes)-1].add(line.text); err != nil {
				return nil, err
			}
		}
	}
	return routes, nil
}

// routeHead tells a route's first line from a table's title, an empty line,
// and the lines that say where its packets go.
func routeHead(text string) (string, bool) {
	return text, text != "" && text[0] != '\t' && !strings.HasPrefix(text, "Table ")
}

// parseHead reads `PREFIX TYPE [PROTOCOL SINCE from PEER] ...`. A second
// route to the same prefix has blanks in its place.
func parseHead(text string, before netip.Prefix) (Route, error) {
	route := Route{Prefix: before, Attributes: make(map[string]string)}
	if text[0] != ' ' {
		first, _, _ := strings.Cut(text, " ")
		prefix, err := netip.ParsePrefix(first)
		if err != nil {
			return Route{}, fmt.Errorf("read a route of bird's: %q: %w", text, err)
		}
		route.Prefix = prefix
	}
	_, rest, opened := strings.Cut(text, "[")
	inside, _, closed := strings.Cut(rest, "]")
	words := strings.Fields(inside)
	if !opened || !closed || len(words) < 3 {
		return Route{}, fmt.Errorf("read a route of bird's: no source and time in %q", text)
	}
	since, err := time.ParseInLocation(birdTime, words[1]+" "+words[2], time.Local)
	if err != nil {
		return Route{}, fmt.Errorf("read a route of bird's: %q: %w", text, err)
	}
	route.Since = since
	return route, nil
}

// add reads one line of `\tNAME: VALUE`.
func (r *Route) add(text string) error {
	name, value, ok := strings.Cut(strings.TrimSpace(text), ":")
	if !ok {
		return fmt.Errorf("read an attribute of bird's: %q", text)
	}
	value = strings.TrimSpace(value)
	r.Attributes[name] = value
	if name != "BGP.next_hop" {
		return nil
	}
	first, _, _ := strings.Cut(value, " ")
	hop, err := netip.ParseAddr(first)
	if err != nil {
		return fmt.Errorf("read a next hop of bird's: %q: %w", text, err)
	}
	r.NextHop = hop
	return nil
}

// parseCount reads the answer to "show route count": "N of M routes for ...",
// a line a table and a total where there is more than one.
func parseCount(lines []birdLine) (int, error) {
	sum, found := 0, false
	for _, line := range lines {
		number, rest, ok := strings.Cut(line.text, " of ")
		if !ok || !strings.Contains(rest, "table ") {
			continue // the total, or the end
		}
		n, err := strconv.Atoi(strings.TrimSpace(number))
		if err != nil {
			return 0, fmt.Errorf("read a count of bird's: %q: %w", line.text, err)
		}
		sum, found = sum+n, true
	}
	if !found {
		return 0, fmt.Errorf("read a count of bird's: none in %q", plain(lines))
	}
	return sum, nil
}
