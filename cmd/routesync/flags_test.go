package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestEveryFlag sets each flag of each command to what is not its default, and
// compares all that was parsed.
func TestEveryFlag(t *testing.T) {
	t.Parallel()
	given := map[string]map[string]string{
		"routesync": {"amqp": "amqps://h/", "queue-type": "classic", "log-level": "debug", "log-format": "json", "history-dir": "/h", "history-keep": "9"},
		"validate":  {"file": "v.yaml", "output": "json"},
		"plan":      {"file": "p.yaml", "output": "json", "against": "s.json", "out": "plan.json", "assert": "e.yaml", "guard": "min-routes: 1", "detailed-exitcode": "true", "timeout": "1s"},
		"apply":     {"file": "a.yaml", "output": "json", "yes": "true", "older-file-ok": "true", "override": "never@9b1d2c3f4a5b", "guard": "max-withdraw: [5%, 7]", "wait": "accepted", "timeout": "2s", "confirm-within": "9s"},
		"watch":     {"file": "w.yaml", "older-file-ok": "true", "listen": "127.0.0.1:9179", "guard": "min-routes: 4"},
		"status":    {"file": "s.yaml", "output": "json", "speaker": "a,b", "timeout": "3s"},
		"bridge":    {"speaker": "edge1", "state": "/state", "audit-every": "1s", "classic": "true", "classic-declare": "never", "classic-format": "json", "classic-backlog": "5"},
		"console": {
			"speaker": "c,d", "classic": "true", "command": "show peers", "strict": "true", "recv": "true",
			"no-history": "true", "timeout": "4s",
		},
		"received": {
			"file": "r.yaml", "output": "json", "speaker": "a,b", "peer": "192.0.2.1,192.0.2.2", "family": "ipv4 unicast",
			"follow": "true", "timeout": "4s",
		},
		"snapshot": {"file": "n.yaml", "output": "s.json", "speaker": "a,b", "timeout": "7s"},
		"fmt":      {"check": "true", "output": "f.yaml"},
		"import": {
			"speaker": "a", "owner": "b", "foreign": "true", "as": "c", "exabgp-conf": "x.conf", "output": "i.yaml", "partial": "true", "timeout": "5s",
		},
		"adopt":    {"file": "d.yaml", "wanted": "true", "from": "b", "unwanted": "true", "yes": "true", "timeout": "6s"},
		"history":  {"file": "h.yaml", "owner": "x", "output": "json", "last": "3"},
		"show":     {"file": "h.yaml", "owner": "x", "output": "json"},
		"diff":     {"file": "h.yaml", "owner": "x", "output": "json"},
		"blame":    {"file": "h.yaml", "owner": "x", "output": "json", "speaker": "a,b", "offline": "true", "timeout": "8s"},
		"rollback": {"file": "h.yaml", "owner": "x", "output": "json", "speaker": "a,b", "yes": "true", "override": "never@9b1d2c3f4a5b", "guard": "min-routes: 5", "wait": "accepted", "timeout": "9s"},
		"events":   {"file": "e.yaml", "output": "json", "speaker": "a,b"},
	}
	orders := map[string]orderFlags{}
	for i, name := range []string{"pause", "resume", "override", "confirm", "revert"} {
		timeout := time.Duration(i+20) * time.Second
		orders[name] = orderFlags{file: name, output: "json", owner: "o", reason: "r", speakers: []string{"a", "b"}, timeout: timeout}
		given[name] = map[string]string{"file": name, "output": "json", "owner": "o", "reason": "r", "speaker": "a,b", "timeout": timeout.String()}
	}
	var got flags
	root := newRoot(&world{}, &got)
	seen := 0
	for _, cmd := range append([]*cobra.Command{root}, root.Commands()...) {
		set := func(f *pflag.Flag) {
			value, ok := given[cmd.Name()][f.Name]
			if !ok {
				t.Errorf("%s: this test does not set --%s", cmd.Name(), f.Name)
				return
			}
			if value == f.DefValue {
				t.Errorf("%s: --%s is set to its default", cmd.Name(), f.Name)
			}
			if err := f.Value.Set(value); err != nil {
				t.Errorf("%s: --%s: %v", cmd.Name(), f.Name, err)
			}
			seen++
		}
		cmd.LocalNonPersistentFlags().VisitAll(set)
		cmd.PersistentFlags().VisitAll(set)
	}
	want := flags{
		global:   globalFlags{amqp: "amqps://h/", queueType: "classic", logLevel: "debug", logFormat: "json", historyDir: "/h", historyKeep: 9},
		validate: validateFlags{file: "v.yaml", output: "json"},
		plan:     planFlags{file: "p.yaml", output: "json", against: "s.json", assert: "e.yaml", out: "plan.json", guards: []string{"min-routes: 1"}, detailed: true, timeout: time.Second},
		apply:    applyFlags{file: "a.yaml", output: "json", yes: true, olderOK: true, overrides: []string{"never@9b1d2c3f4a5b"}, guards: []string{"max-withdraw: [5%, 7]"}, wait: "accepted", timeout: 2 * time.Second, confirmWithin: 9 * time.Second},
		watch:    watchFlags{file: "w.yaml", olderOK: true, listen: "127.0.0.1:9179", guards: []string{"min-routes: 4"}},
		status:   statusFlags{file: "s.yaml", output: "json", speakers: []string{"a", "b"}, timeout: 3 * time.Second},
		bridge:   bridgeFlags{speaker: "edge1", state: "/state", auditEvery: time.Second, classic: true, declare: "never", format: "json", backlog: 5},
		console: consoleFlags{
			speakers: []string{"c", "d"}, commands: []string{"show peers"},
			classic: true, strict: true, recv: true, noHistory: true, timeout: 4 * time.Second,
		},
		received: receivedFlags{
			file: "r.yaml", output: "json", speakers: []string{"a", "b"}, peers: []string{"192.0.2.1", "192.0.2.2"},
			family: "ipv4 unicast", follow: true, timeout: 4 * time.Second,
		},
		events: eventsFlags{file: "e.yaml", output: "json", speakers: []string{"a", "b"}},
		fmt:    fmtFlags{check: true, output: "f.yaml"},
		imports: importFlags{
			speaker: "a", owner: "b", as: "c", foreign: true, conf: "x.conf", output: "i.yaml", partial: true, timeout: 5 * time.Second,
		},
		history:  listFlags{historyFlags{"h.yaml", "x", "json"}, 3},
		show:     showFlags{historyFlags{"h.yaml", "x", "json"}},
		diff:     diffFlags{historyFlags{"h.yaml", "x", "json"}},
		blame:    blameFlags{historyFlags{"h.yaml", "x", "json"}, []string{"a", "b"}, true, 8 * time.Second},
		rollback: rollbackFlags{historyFlags{"h.yaml", "x", "json"}, []string{"a", "b"}, true, "accepted", 9 * time.Second, []string{"never@9b1d2c3f4a5b"}, []string{"min-routes: 5"}},
		snapshot: snapshotFlags{file: "n.yaml", output: "s.json", speakers: []string{"a", "b"}, timeout: 7 * time.Second},
		adopt:    adoptFlags{file: "d.yaml", from: "b", wanted: true, unwanted: true, yes: true, timeout: 6 * time.Second},
		pause:    orders["pause"], resume: orders["resume"], override: orders["override"], confirm: orders["confirm"], revert: orders["revert"],
	}
	exported := cmp.AllowUnexported(flags{}, globalFlags{}, validateFlags{}, planFlags{}, applyFlags{}, watchFlags{}, statusFlags{}, bridgeFlags{}, consoleFlags{}, receivedFlags{}, eventsFlags{}, fmtFlags{}, importFlags{}, adoptFlags{}, snapshotFlags{}, historyFlags{}, listFlags{}, showFlags{}, blameFlags{}, diffFlags{}, rollbackFlags{}, orderFlags{})
	if diff := cmp.Diff(want, got, exported); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	total := 0
	for _, flags := range given {
		total += len(flags)
	}
	if seen != total {
		t.Errorf("%d flags were set, %d are in the table", seen, total)
	}
}

func TestStateDir(t *testing.T) {
	t.Parallel()
	env := map[string]string{}
	getenv := func(k string) string { return env[k] }
	if got := (&bridgeFlags{}).stateDir(getenv); got != defaultState {
		t.Errorf("without flag and environment: %s", got)
	}
	env[envState] = "/systemd"
	if got := (&bridgeFlags{}).stateDir(getenv); got != "/systemd" {
		t.Errorf("without flag: %s", got)
	}
	if got := (&bridgeFlags{state: "/flag"}).stateDir(getenv); got != "/flag" {
		t.Errorf("with flag: %s", got)
	}
}
