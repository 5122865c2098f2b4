package state

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// genComponents draws a match that exaBGP can send, in any order.
func genComponents(t *rapid.T, f Family) []Component {
	var list []Component
	for _, c := range componentTypes() {
		name := c.nameIn(f)
		must := c.id == 1 // so that an IPv6 flow is one
		if name == "" || (!must && rapid.IntRange(0, 2).Draw(t, name) > 0) {
			continue
		}
		list = append(list, Component{name, genValues(t, f, c)})
	}
	return rapid.Permutation(list).Draw(t, "order")
}

func genValues(t *rapid.T, f Family, c componentType) []string {
	if c.isPrefix {
		for {
			if k := genKey(t); k.Family.Is6() == f.Is6() {
				return []string{k.Prefix().String()}
			}
		}
	}
	operators := []string{"", "=", "!=", ">", "<", ">=", "<="}
	if c.isBits {
		operators = []string{"", "!", "=", "!="}
	}
	var values []string
	for range rapid.IntRange(1, 3).Draw(t, "values") {
		var parts []string
		for range rapid.IntRange(1, 2).Draw(t, "parts") {
			n := rapid.Uint64Range(1, c.limit).Draw(t, "number")
			word := fmt.Sprint(n)
			if rapid.Bool().Draw(t, "named") {
				word = c.print(n)
			}
			parts = append(parts, rapid.SampledFrom(operators).Draw(t, "operator")+word)
		}
		values = append(values, strings.Join(parts, "&"))
	}
	return values
}

func TestFlowKeyIsOfItsComponents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.SampledFrom([]Family{IPv4Flow, IPv6Flow}).Draw(t, "family")
		list := genComponents(t, f)
		k, err := FlowKey("", list)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := FlowKey("", k.Components()); err != nil || again != k || len(k.Components()) != len(list) {
			t.Fatalf("%q of its own components is %q, %v", k, again, err)
		}
		if other, err := FlowKey("65000:1", list); err != nil || other.String() != k.String()+" rd 65000:1" {
			t.Fatalf("with an rd %q, %v", other, err)
		}
	})
}

func TestFlowKeys(t *testing.T) {
	for _, c := range []struct {
		rd, text, want string
		family         Family
	}{
		{"", "destination-port [ 53 >1024&<2000 ] protocol udp destination 10.0.0.1/32",
			"flow destination 10.0.0.1/32 protocol =udp destination-port [ =53 >1024&<2000 ]", IPv4Flow},
		{"", "source-ipv4 224.0.0.0/4 dscp 0x0a next 1", "", 0},
		{"65000:1", "source-ipv4 224.0.0.0/4 dscp 0x0a", "flow source 224.0.0.0/4 dscp =10 rd 65000:1", IPv4FlowVPN},
		{"", "destination 2001:DB8::/32/0 protocol 58 dscp 3 flow-label >=70000",
			"flow destination 2001:db8::/32 next-header =58 traffic-class =3 flow-label >=70000", IPv6Flow},
		{"192.0.2.1:1", "destination ::/0 icmp-type ECHO_REQUEST icmp-code 3", "flow destination ::/0 icmp-type =echo-request icmp-code =3 rd 192.0.2.1:1", IPv6FlowVPN},
		{"", "icmp-type [ =photuris =traceroute ]", "flow icmp-type [ =40 =traceroute ]", IPv4Flow},
		{"", "tcp-flags [ =ack+SYN !fin&!=0x4 cwr urgent 0x20+0x8+0x1 ] fragment [ !is-fragment 12 not-a-fragment ]",
			"flow tcp-flags [ =syn+ack !fin&!=rst cwr urg fin+push+urg ] fragment [ !is-fragment first-fragment+last-fragment not-a-fragment ]", IPv4Flow},
	} {
		list, rest := ParseComponents(strings.Fields(c.text))
		if len(rest) > 0 {
			if c.want != "" {
				t.Errorf("%q leaves %q", c.text, rest)
			}
			continue
		}
		k, err := FlowKey(c.rd, list)
		if err != nil || k.String() != c.want || k.Family != c.family {
			t.Errorf("%q:\n got %q of %s, %v\nwant %q of %s", c.text, k, k.Family, err, c.want, c.family)
		}
	}
}

func TestFlowKeyRefuses(t *testing.T) {
	for text, msg := range map[string]string{
		"":                                      "the flow route matches nothing in particular",
		"destination 10.0.0.1/24":               "prefix 10.0.0.1/24 has host bits set",
		"destination 10.0.0.0/33":               `prefix "10.0.0.0/33": length "33" is not in 0..32`,
		"destination 10.0.0.0":                  `prefix "10.0.0.0" has no length`,
		"destination [ 10.0.0.0/8 11.0.0.0/8 ]": "destination takes one prefix, not 2",
		"destination 10.0.0.0/8 destination-ipv4 11.0.0.0/8": "destination is given twice",
		"destination 10.0.0.0/8 source 2001:db8::/32":        "destination 10.0.0.0/8 is not of the same family as the rest",
		"destination-ipv6 10.0.0.0/8":                        "destination-ipv6 10.0.0.0/8 is not of the same family as the rest",
		"destination 2001:db8::/32/64":                       "2001:db8::/32/64: an offset that is not 0 can't be sent",
		"protocol 300":                                       `protocol "300" is no number in 0..255 and no name that is known`,
		"protocol tcp+udp":                                   `protocol "tcp+udp" is no number in 0..255 and no name that is known`,
		"port true":                                          `port "true" compares nothing`,
		"port =":                                             `port "=" lacks a value`,
		"port >1&":                                           `port ">1&" lacks a value`,
		"port 65536":                                         `port "65536" is no number in 0..65535`,
		"port [ ]":                                           "port has no value",
		"port [ 80 ] port 81":                                "port is given twice",
		"dscp 64":                                            `dscp "64" is no number in 0..63`,
		"next-header tcp":                                    "next-header is of ipv6, and the flow route has no ipv6 prefix",
		"flow-label 3 source 10.0.0.0/8":                     "flow-label is of ipv6, and the flow route has no ipv6 prefix",
		"tcp-flags 0":                                        `tcp-flags "0" names no bit`,
		"tcp-flags syn+syn":                                  `tcp-flags "syn+syn" has a bit twice`,
		"tcp-flags 512":                                      `tcp-flags "512" is no number in 0..511 and no name that is known`,
		"fragment >first-fragment":                           `fragment ">first-fragment" is no number in 0..15 and no name that is known`,
		"packet-length [ " + strings.Repeat(">1000&<2000 ", 43) + "]": "the flow route takes 259 bytes on the wire; exaBGP 4.2 can send 255",
	} {
		list, _ := ParseComponents(strings.Fields(text))
		_, err := FlowKey("", list)
		var fault *Fault
		if !errors.As(err, &fault) || fault.Msg != msg {
			t.Errorf("%q: %v, want %s", text, err, msg)
		}
	}
	if _, err := FlowKey("", []Component{{Name: "destination-banana", Values: []string{"1"}}}); err == nil {
		t.Error("an unknown name was taken")
	}
	if _, err := FlowKey("1", []Component{{Name: "port", Values: []string{"1"}}}); err == nil {
		t.Error("a bad rd was taken")
	}
}

func TestFlowActions(t *testing.T) {
	for text, want := range map[string]string{
		"accept":                             "",
		"discard":                            "0x8006000000000000",
		"rate-limit 9600":                    "0x8006000046160000",
		"redirect 65000:1":                   "redirect:65000:1",
		"redirect 192.0.2.1":                 "redirect-to-nexthop",
		"redirect 2001:db8::1":               "redirect-to-nexthop",
		"redirect-to-nexthop":                "redirect-to-nexthop",
		"redirect-to-nexthop-ietf 192.0.2.1": "0x010cc00002010000",
		"copy 192.0.2.1":                     "0x0800000000000001",
		"mark 10":                            "0x800900000000000a",
		"action sample":                      "0x8007000000000002",
		"action terminal":                    "0x8007000000000001",
		"action sample-terminal":             "0x8007000000000003",
		"community 65000:1 no-export":        "65000:1 no-export",
		"extended-community target:1:1":      "target:1:1",
		"large-community 1:2:3":              "1:2:3",
	} {
		words := strings.Fields(text)
		attr, values, err := FlowAction(words[0], words[1:])
		if err != nil || strings.Join(values, " ") != want || (attr == "") != (want == "") {
			t.Errorf("%s: %s %q, %v", text, attr, values, err)
			continue
		}
		if _, hop := FlowNextHop(words[0], words[1:]); hop != slices.Contains([]string{"redirect 192.0.2.1", "redirect 2001:db8::1", "copy 192.0.2.1"}, text) {
			t.Errorf("%s has a next hop: %v", text, hop)
		}
	}
	for _, text := range []string{"accept 1", "discard 1", "rate-limit", "rate-limit -1", "rate-limit 1000000000001", "rate-limit 16777217", "redirect", "redirect x",
		"redirect 70000:1", "redirect 1.2.3.4:1", "redirect 1:4294967296", "redirect-to-nexthop-ietf 2001:db8::1", "copy x", "copy 1:1", "mark 64", "action nothing",
		"action sample terminal", "banana", "community", "community 99999:1", "next-hop 1.2.3.4"} {
		words := strings.Fields(text)
		attr, values, err := FlowAction(words[0], words[1:])
		var fault *Fault
		if !errors.As(err, &fault) {
			t.Errorf("%s: taken as %s %q, %v", text, attr, values, err)
		}
	}
}

func TestFlowActionOf(t *testing.T) {
	for _, text := range []string{"rate-limit 0", "rate-limit 9600", "redirect 65000:1", "redirect-to-nexthop", "redirect-to-nexthop-ietf 192.0.2.1", "mark 10", "action sample-terminal"} {
		words := strings.Fields(text)
		_, values, err := FlowAction(words[0], words[1:])
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := ExtendedCommunityBytes(values[0])
		if back := FlowActionOf(raw); back != text {
			t.Errorf("%s comes back as %q", text, back)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		raw := [8]byte(rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, "bytes"))
		raw[0] = rapid.SampledFrom([]byte{0x80, 0x08, 0x01, 0x40}).Draw(t, "type")
		raw[1] = rapid.ByteRange(0, 12).Draw(t, "subtype")
		text := FlowActionOf(raw)
		if text == "" || text == "copy-to-nexthop" {
			return
		}
		words := strings.Fields(text)
		_, values, err := FlowAction(words[0], words[1:])
		if back, _ := ExtendedCommunityBytes(strings.Join(values, "")); err != nil || back != raw {
			t.Fatalf("%x is %q, which is %x, %v", raw, text, back, err)
		}
	})
}
