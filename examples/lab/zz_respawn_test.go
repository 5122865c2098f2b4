//go:build throwaway

package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"routesync/examples/lab/rig"
	"routesync/examples/lab/table"
)

func fullTable(n int) (all []netip.Prefix) {
	f, err := os.Open("/work/shared/data/full-table.txt.gz")
	if err != nil {
		panic(err)
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		panic(err)
	}
	s := bufio.NewScanner(z)
	for s.Scan() && len(all) < n {
		all = append(all, netip.MustParsePrefix(s.Text()))
	}
	return all
}

func countKnown(log string) int {
	text, _ := os.ReadFile(log)
	return strings.Count(string(text), "what is advertised is known")
}

func TestRespawn(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	n, _ := strconv.Atoi(os.Getenv("N"))
	peers, _ := strconv.Atoi(os.Getenv("PEERS"))
	routes := fullTable(n)
	lab, err := rig.New(ctx, rig.Options{Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer lab.Close()
	var b struct {
		binary string
		broker *rig.Broker
	}
	if b.binary, err = build(ctx, lab.Dir()); err != nil {
		t.Fatal(err)
	}
	if b.broker, err = lab.Broker(ctx); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(lab.Dir(), "it")
	os.Mkdir(dir, 0o755)
	var routers []*rig.Router
	var neighbors []rig.Neighbor
	for i := range peers {
		r, err := lab.Router(ctx, rig.RouterOptions{Name: fmt.Sprintf("r%d", i), Address: netip.AddrFrom4([4]byte{127, 0, 0, byte(2 + i)}), AS: routerAS, PeerAS: speakerAS, PeerExtra: "hold time 240;"})
		if err != nil {
			t.Fatal(err)
		}
		routers = append(routers, r)
		x := r.Neighbor()
		x.Extra = "hold-time 240;"
		neighbors = append(neighbors, x)
	}
	s, err := lab.Speaker(ctx, rig.SpeakerOptions{
		Name: "edge1", LocalAS: speakerAS, Neighbors: neighbors, Env: []string{"exabgp_api_chunk=10000"},
		Run: []string{b.binary, "bridge", "--speaker", "edge1", "--amqp", b.broker.URL, "--state", filepath.Join(dir, "state")},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range routers {
		if err := r.WaitEstablished(ctx); err != nil {
			t.Fatal(err)
		}
	}
	save := func(extra string) {
		if _, err := replace(filepath.Join(dir, "routes.yaml"), []byte(table.YAML("edge1", routes, extra))); err != nil {
			t.Fatal(err)
		}
	}
	save("")
	env := []string{"ROUTESYNC_AMQP=" + b.broker.URL, "NO_COLOR=1"}
	begun := time.Now()
	watch, err := lab.Program(ctx, "watch", dir, env, b.binary, "watch")
	if err != nil {
		t.Fatal(err)
	}
	if err := watch.WaitWrote(ctx, markDone); err != nil {
		t.Fatal(err)
	}
	t.Logf("loaded in %v", time.Since(begun))
	usage := func(what string) {
		pid, _ := s.BridgePID(ctx)
		out, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		for line := range strings.Lines(string(out)) {
			if strings.HasPrefix(line, "VmHWM") || strings.HasPrefix(line, "VmRSS") {
				t.Logf("%s: bridge %s", what, strings.TrimSpace(line))
			}
		}
		cpu, _ := exec.Command("ps", "-o", "cputime=", "-p", fmt.Sprint(pid)).Output()
		t.Logf("%s: cpu %s", what, strings.TrimSpace(string(cpu)))
	}
	usage("loaded")
	info, _ := os.Stat(filepath.Join(dir, "state", "edge1.db"))
	t.Logf("journal %d bytes, %.1f a route", info.Size(), float64(info.Size())/float64(n))
	time.Sleep(15 * time.Second)
	respawn := func(what string, kill func()) {
		before := make([]rig.Counters, peers)
		for i, r := range routers[:peers] {
			before[i], _ = r.Updates(ctx)
		}
		marks := countKnown(s.Log())
		at := time.Now()
		kill()
		for countKnown(s.Log()) == marks && ctx.Err() == nil {
			time.Sleep(5 * time.Millisecond)
		}
		confirmed := time.Since(at)
		time.Sleep(3 * time.Second)
		for i, r := range routers[:peers] {
			after, _ := r.Updates(ctx)
			t.Logf("%s: router %d: updates %+v -> %+v", what, i, before[i], after)
		}
		t.Logf("%s: confirmed again after %v", what, confirmed)
		log, _ := os.ReadFile(s.Log())
		lines := strings.Split(string(log), "\n")
		for _, l := range lines[max(0, len(lines)-14):] {
			t.Log(l)
		}
		usage(what)
	}
	kill := func() {
		if err := s.KillBridge(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		respawn(fmt.Sprint("idle ", i), kill)
		time.Sleep(8 * time.Second)
	}
	if peers > 1 {
		routers[peers-1].Kill(ctx)
		time.Sleep(8 * time.Second)
		peers--
		respawn("a peer down", kill)
		time.Sleep(8 * time.Second)
	}
	respawn("5000 changes", func() {
		extra := ""
		for i := range 5000 {
			extra += fmt.Sprintf("  - prefix: 198.%d.%d.%d/32\n    next-hop: 192.0.2.9\n", 18+i>>16, i>>8&255, i&255)
		}
		c0, _ := routers[0].Updates(ctx)
		save(extra)
		for {
			c, _ := routers[0].Updates(ctx)
			if c != c0 {
				break
			}
			time.Sleep(2 * time.Millisecond)
		}
		kill()
	})
	out, err := exec.CommandContext(ctx, b.binary, "status", "edge1", "--amqp", b.broker.URL).CombinedOutput()
	t.Logf("%s %v", out, err)
	text, _ := watch.Wrote()
	t.Log(text)
}
