package state

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// value gives one alternative of a component its canonical form, and its
// length on the wire. Its errors go on from the value.
func (t componentType) value(text string) (string, int, error) {
	var words []string
	size := 0
	for part := range strings.SplitSeq(text, "&") {
		operator, operand := t.operator(part)
		if operand == "" {
			return "", 0, fmt.Errorf("lacks a value")
		}
		number, err := t.operand(operand)
		if err != nil {
			return "", 0, err
		}
		if t.isBits && number == 0 && t.names[0].value != 0 {
			return "", 0, fmt.Errorf("names no bit")
		}
		words = append(words, operator+t.print(number))
		size += 1 + width(number)
	}
	return strings.Join(words, "&"), size, nil
}

// width is how many bytes exaBGP takes for a number.
func width(n uint64) int {
	switch {
	case n < 1<<8:
		return 1
	case n < 1<<16:
		return 2
	}
	return 4
}

// operator cuts off the operator: a number alone is meant to be equal, bits
// alone to be among others.
func (t componentType) operator(text string) (operator, operand string) {
	operators := []string{">=", "<=", "!=", "=", ">", "<"}
	if t.isBits {
		operators = []string{"!=", "!", "="}
	}
	for _, o := range operators {
		if rest, ok := strings.CutPrefix(text, o); ok {
			return o, rest
		}
	}
	if t.isBits {
		return "", text
	}
	return "=", text
}

func (t componentType) operand(text string) (uint64, error) {
	if !t.isBits {
		return t.number(text)
	}
	var sum uint64
	for word := range strings.SplitSeq(text, "+") {
		n, err := t.number(word)
		if err != nil {
			return 0, err
		}
		if sum&n != 0 {
			return 0, fmt.Errorf("has a bit twice")
		}
		sum |= n
	}
	return sum, nil
}

func (t componentType) number(text string) (uint64, error) {
	low := strings.ReplaceAll(strings.ToLower(text), "_", "-")
	if i := slices.IndexFunc(t.names, func(n name) bool { return n.word == low }); i >= 0 {
		return t.names[i].value, nil
	}
	if low == "urgent" && t.isBits && t.limit > 1<<4 { // exaBGP's other name for urg
		return 1 << 5, nil
	}
	if low == "photuris" && t.v4 == "icmp-type" { // a name from exaBGP 5.0 on
		return 40, nil
	}
	n, ok := parseNumber(text, t.limit)
	if !ok {
		if low == "true" || low == "false" {
			return 0, fmt.Errorf("compares nothing")
		}
		known := ""
		if len(t.names) > 0 {
			known = " and no name that is known"
		}
		return 0, fmt.Errorf("is no number in 0..%d%s", t.limit, known)
	}
	return n, nil
}

// print writes a number as exaBGP does: with a name where it has one.
func (t componentType) print(n uint64) string {
	if i := slices.IndexFunc(t.names, func(m name) bool { return m.value == n }); i >= 0 {
		return t.names[i].word
	}
	if !t.isBits {
		return strconv.FormatUint(n, 10)
	}
	var words []string
	for _, m := range t.names {
		if n&m.value != 0 {
			words = append(words, m.word)
		}
	}
	return strings.Join(words, "+")
}

// The names are those of exaBGP's protocol package; the numbers are IANA's.

func protocolNames() []name {
	return []name{
		{"icmp", 1}, {"igmp", 2}, {"tcp", 6}, {"egp", 8}, {"udp", 17}, {"rsvp", 46}, {"gre", 47}, {"esp", 50}, {"ah", 51},
		{"ospf", 89}, {"ipip", 94}, {"pim", 103}, {"sctp", 132},
	}
}

func icmpTypeNames() []name {
	return []name{
		{"echo-reply", 0}, {"unreachable", 3}, {"source-quench", 4}, {"redirect", 5}, {"echo-request", 8},
		{"router-advertisement", 9}, {"router-solicit", 10}, {"time-exceeded", 11}, {"parameter-problem", 12},
		{"timestamp", 13}, {"timestamp-reply", 14}, {"info-request", 15}, {"info-reply", 16}, {"mask-request", 17},
		{"mask-reply", 18}, {"traceroute", 30}, {"experimental-mobility", 41}, {"extended-echo-request", 42},
		{"extended-echo-reply", 43}, {"experimental-one", 253}, {"experimental-two", 254},
	}
}

func tcpFlagNames() []name {
	return []name{
		{"fin", 1}, {"syn", 1 << 1}, {"rst", 1 << 2}, {"push", 1 << 3}, {"ack", 1 << 4}, {"urg", 1 << 5}, {"ece", 1 << 6},
		{"cwr", 1 << 7}, {"ns", 1 << 8},
	}
}

func fragmentNames() []name {
	return []name{
		{"not-a-fragment", 0}, {"dont-fragment", 1}, {"is-fragment", 1 << 1}, {"first-fragment", 1 << 2}, {"last-fragment", 1 << 3},
	}
}
