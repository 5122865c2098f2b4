package rig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// brokerStopGrace: a node with data takes a second, a busy one more.
const brokerStopGrace = 30 * time.Second

// Broker is a private RabbitMQ node. It keeps its ports and its data when it
// is stopped and started.
type Broker struct {
	// URL is for the user guest, who may connect from loopback only.
	URL string
	// Address is where it takes AMQP connections.
	Address netip.AddrPort

	lab     *Lab
	name    string
	dir     string
	dist    uint16 // Erlang's distribution, for rabbitmqctl
	mapper  uint16 // a port mapper of its own (epmd)
	mu      sync.Mutex
	process *process
}

// Broker starts a RabbitMQ node of its own and returns once it takes both AMQP
// connections and rabbitmqctl, after about five seconds. Each call starts another.
func (l *Lab) Broker(ctx context.Context) (*Broker, error) {
	name, dir, err := l.part("broker", "")
	if err != nil {
		return nil, fmt.Errorf("start a broker: %w", err)
	}
	b := &Broker{lab: l, name: name, dir: dir}
	err = b.startOnFreePorts(ctx)
	if errors.Is(err, unix.EADDRINUSE) { // somebody was faster
		err = b.startOnFreePorts(ctx)
	}
	if err != nil {
		return nil, err
	}
	return b, nil
}

func (b *Broker) startOnFreePorts(ctx context.Context) error {
	localhost := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	ports, err := reserve(localhost, 3)
	if err != nil {
		return fmt.Errorf("start %s: %w", b.name, err)
	}
	b.Address = netip.AddrPortFrom(localhost, ports.ports[0])
	b.dist, b.mapper = ports.ports[1], ports.ports[2]
	b.URL = fmt.Sprintf("amqp://guest:guest@%v/", b.Address)
	err = b.configure()
	ports.release()
	if err != nil {
		return fmt.Errorf("configure %s: %w", b.name, err)
	}
	return b.Start(ctx)
}

// configure writes the node's files. No plugin: that is the fastest start.
func (b *Broker) configure() error {
	for _, folder := range []string{"home", "data", "log"} {
		if err := os.MkdirAll(b.path(folder), 0o755); err != nil {
			return err
		}
	}
	if err := os.WriteFile(b.path("enabled_plugins"), []byte("[].\n"), 0o644); err != nil {
		return err
	}
	config := fmt.Sprintf(`listeners.tcp.default = %v
disk_free_limit.absolute = 50MB
vm_memory_high_watermark.absolute = 512MB
log.file.level = info
`, b.Address)
	return os.WriteFile(b.path("rabbitmq.conf"), []byte(config), 0o644)
}

func (b *Broker) path(name string) string { return filepath.Join(b.dir, name) }

// Log is the path of what the node prints while it starts; Dir has the rest.
func (b *Broker) Log() string { return b.path("out.log") }

// Dir is the node's folder.
func (b *Broker) Dir() string { return b.dir }

// env is what makes the node, and rabbitmqctl with it, a private one.
func (b *Broker) env() []string {
	return []string{
		"HOME=" + b.path("home"),           // has the cookie
		"RABBITMQ_CONF_ENV_FILE=/dev/null", // not the machine's
		"RABBITMQ_NODENAME=" + b.name + "@localhost",
		"RABBITMQ_NODE_IP_ADDRESS=" + b.Address.Addr().String(),
		fmt.Sprintf("RABBITMQ_NODE_PORT=%d", b.Address.Port()),
		fmt.Sprintf("RABBITMQ_DIST_PORT=%d", b.dist),
		fmt.Sprintf("ERL_EPMD_PORT=%d", b.mapper),
		"ERL_EPMD_ADDRESS=127.0.0.1",
		"RABBITMQ_MNESIA_BASE=" + b.path("data"),
		"RABBITMQ_LOG_BASE=" + b.path("log"),
		"RABBITMQ_PID_FILE=" + b.path("pid"),
		"RABBITMQ_ENABLED_PLUGINS_FILE=" + b.path("enabled_plugins"),
		"RABBITMQ_CONFIG_FILE=" + b.path("rabbitmq"),
		"RABBITMQ_ADVANCED_CONFIG_FILE=" + b.path("advanced"),
		"RABBITMQ_GENERATED_CONFIG_DIR=" + b.path("gen"),
		"RABBITMQ_FEATURE_FLAGS_FILE=" + b.path("feature_flags"),
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=+S 1:1 -kernel inet_dist_use_interface {127,0,0,1}",
		// The script then becomes the Erlang machine instead of being its
		// parent, so that a signal reaches what it is meant for.
		"RUNNING_UNDER_SYSTEMD=true",
		"NOTIFY_SOCKET=",
	}
}

// Start starts the node again, with its data, after Stop or Kill.
func (b *Broker) Start(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, err := os.Stat(rabbitmqServer); err != nil {
		return fmt.Errorf("start %s: %w (rig.Install gets what is missing)", b.name, err)
	}
	if err := b.forget(); err != nil {
		return err
	}
	// AMQP is answered before the node counts as running, and until it does
	// rabbitmqctl refuses. What it tells systemd comes behind both.
	told, err := listenNotices(filepath.Join(b.lab.sockets, b.name+".notify"))
	if err != nil {
		return fmt.Errorf("start %s: %w", b.name, err)
	}
	// The script, not the wrapper in /usr/sbin, which insists on the user rabbitmq.
	p, err := b.lab.spawn(ctx, spec{
		name: b.name, argv: []string{rabbitmqServer}, env: append(b.env(), "NOTIFY_SOCKET="+told.path),
		dir: b.dir, log: b.Log(), held: told,
	})
	if err != nil {
		_ = told.Close() // perhaps it is already: err says what matters
		return err
	}
	b.process = p
	if err := p.until(ctx, "it was ready", told.ready); err != nil {
		// What the node says when somebody else has its AMQP port, or the
		// one of Erlang's distribution. No log is as good as another reason.
		logged, _ := p.wrote()
		if strings.Contains(logged, "eaddrinuse") || strings.Contains(logged, "dist_port_already_used") {
			err = errors.Join(unix.EADDRINUSE, err)
		}
		return errors.Join(err, b.forget())
	}
	b.lab.log.Info("broker is ready", "address", b.Address, "pid", p.pid)
	return nil
}

// PID is the Erlang machine's, 0 when it is stopped.
func (b *Broker) PID() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.process == nil {
		return 0
	}
	return b.process.pid
}

// Stop ends the node with SIGTERM: it closes its connections and its files.
func (b *Broker) Stop(ctx context.Context) error { return b.end(ctx, unix.SIGTERM) }

// Kill ends it with SIGKILL. A quorum queue that it does not keep yet has no leader ever
// again.
func (b *Broker) Kill(ctx context.Context) error { return b.end(ctx, unix.SIGKILL) }

func (b *Broker) end(ctx context.Context, sig unix.Signal) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.process == nil {
		return nil
	}
	return errors.Join(b.process.end(ctx, sig, brokerStopGrace), b.forget())
}

// Keeps tells whether a quorum queue outlives Kill. That is so when Ra has written to
// disk which server it is of, up to half a second after it was declared
// (rabbitmq-server#15725).
func (b *Broker) Keeps(queue string) (bool, error) {
	node := b.name + "@localhost"
	names, err := os.ReadFile(filepath.Join(b.path("data"), node, "quorum", node, "names.dets"))
	return bytes.Contains(names, []byte("_"+queue+"m\x00")), err // a binary comes behind the name
}

// Freeze stops the node with SIGSTOP: connections stay open, nobody answers.
func (b *Broker) Freeze() error { return b.signal(unix.SIGSTOP) }

// Thaw ends Freeze.
func (b *Broker) Thaw() error { return b.signal(unix.SIGCONT) }

func (b *Broker) signal(sig unix.Signal) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.process == nil {
		return fmt.Errorf("signal %s: it is stopped", b.name)
	}
	return b.process.signal(sig)
}

func (b *Broker) forget() error {
	if b.process == nil {
		return nil
	}
	err := b.lab.drop(b.process)
	b.process = nil
	return err
}

// Ctl runs rabbitmqctl against this node and returns what it prints.
func (b *Broker) Ctl(ctx context.Context, args ...string) (string, error) {
	log := b.path(fmt.Sprintf("ctl-%d.log", b.lab.next("ctl")))
	// Under a keeper as well: without a node it may start a port mapper.
	p, err := b.lab.spawn(ctx, spec{
		name: "rabbitmqctl", argv: append([]string{rabbitmqCtl}, args...), env: b.env(), dir: b.dir, log: log,
	})
	if err != nil {
		return "", err
	}
	defer func() { _ = b.lab.drop(p) }() // its output is complete: p has exited, or nobody reads it
	select {
	case <-p.exited:
	case <-ctx.Done():
		return "", fmt.Errorf("rabbitmqctl %s: %w", strings.Join(args, " "), ctx.Err())
	}
	output, err := p.wrote()
	if err == nil && p.status != "exit status 0" {
		err = p.failure(fmt.Errorf("rabbitmqctl %s: %s", strings.Join(args, " "), p.status))
	}
	return output, err
}
