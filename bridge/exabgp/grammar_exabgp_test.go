package exabgp

import (
	"strings"
	"testing"

	"routesync/state"
)

// otherwise are the commands that exaBGP 4.2 takes in another sense than is
// written, or not at all, or prints so that it can't be told.
func otherwise() map[string]string {
	const route = "announce route 10.0.0.0/24 next-hop 192.0.2.1 "
	const route6 = "announce route 2001:db8::/32 next-hop 2001:db8::1 "
	return map[string]string{
		route + "as-path [65000 1.1 (65002 65001)]":                                                            "no AS number with a dot",
		route + "extended-community [ origin:192.0.2.1:5 target:192.0.2.1:5 ]":                                 "the address is sent as AS and number",
		route + "extended-community origin:65000:5":                                                            "the number is printed as an address",
		route6 + "bgp-prefix-sid-srv6 ( l3vpn 2001:db8:1:1:: )":                                                "printed as None",
		route6 + "bgp-prefix-sid-srv6 (ipv6 2001:db8:1:1::)":                                                   "printed as None",
		"withdraw attribute next-hop 192.0.2.1 nlri 10.0.0.0/24":                                               "attributes only",
		"announce flow route source 10.0.0.0/24 icmp-type [ echo-request echo-reply ] rate-limit 9600 mark 10": "the first action only",
	}
}

// TestCommandsMeanWhatExaBGPTakes compares with testdata/4.2.21/commands.txt:
// each accepted command behind a >, and the routes that exaBGP's parser makes
// of it, as it prints them.
func TestCommandsMeanWhatExaBGPTakes(t *testing.T) {
	text := strings.Join(recorded(t, "commands.txt"), "\n")
	blocks := strings.Split(strings.TrimPrefix(text, "> "), "\n> ")
	if accepted := commands(t, "accepted"); len(blocks) != len(accepted) {
		t.Errorf("%d commands of %d are recorded", len(blocks), len(accepted))
	}
	for _, block := range blocks {
		command, printed, _ := strings.Cut(block, "\n")
		orders, err := ParseCommand(command)
		if err != nil {
			t.Errorf("%s\n%v", command, err)
			continue
		}
		ours, theirs := map[state.Key]state.Attrs{}, map[state.Key]state.Attrs{}
		for _, r := range orders[0].Routes {
			ours[r.Key] = r.Attrs
		}
		same := true
		for line := range strings.SplitSeq(printed, "\n") {
			line = strings.Replace(line, " next-hop 0.0.0.0", "", 1) // filled in for a withdrawal
			e, err := v42.ParseRIB("neighbor 192.0.2.2 " + line)
			theirs[e.Key] = e.Attrs
			same = same && err == nil && len(e.Unknown) == 0 && ours[e.Key] == e.Attrs
		}
		same = same && len(ours) == len(theirs)
		if why, known := otherwise()[command]; same == known {
			t.Errorf("%s (%s)\ngives %v\nexaBGP's\n%s\nis    %v", command, why, ours, printed, theirs)
		}
	}
}
