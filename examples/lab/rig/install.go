package rig

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Part is a Debian package that a lab needs.
type Part string

// The parts. Without any, Install takes those of a lab without a Terminal, a Collector
// or a repository.
const (
	RabbitMQ Part = "rabbitmq-server"
	ExaBGP   Part = "exabgp"
	BIRD     Part = "bird2"
	Pika     Part = "python3-pika"
	Python   Part = "python3"
	Tmux     Part = "tmux"
	GoBGP    Part = "gobgpd"
	Git      Part = "git"
	Curl     Part = "curl"
	JQ       Part = "jq"
)

// aptGrace is how long apt may take to end by itself when it is interrupted:
// killed at the wrong moment it leaves a half-configured package.
const aptGrace = time.Minute

// Install gets the parts that this machine lacks with apt-get, as root or
// with a sudo that asks no password, and starts none of their services.
// Where it may not or cannot, its error has the one line to run.
func Install(ctx context.Context, log *slog.Logger, parts ...Part) error {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	i := installer{
		log: log,
		has: present,
		run: func(ctx context.Context, argv []string) error { return runApt(ctx, log, argv) },
		quiet: func(ctx context.Context, argv ...string) error {
			return exec.CommandContext(ctx, argv[0], argv[1:]...).Run()
		},
		look: func(program string) bool { _, err := find(program); return err == nil },
		root: os.Geteuid() == 0,
	}
	return i.install(ctx, parts)
}

// installer decides; what it asks the machine and does to it are functions.
type installer struct {
	log   *slog.Logger
	has   func(context.Context, Part) bool
	run   func(ctx context.Context, argv []string) error  // shows progress
	quiet func(ctx context.Context, argv ...string) error // shows nothing
	look  func(program string) bool
	root  bool
}

func (i *installer) install(ctx context.Context, parts []Part) error {
	if len(parts) == 0 {
		parts = []Part{RabbitMQ, ExaBGP, BIRD, Pika, Python}
	}
	var missing []string
	for _, part := range parts {
		if !i.has(ctx, part) {
			missing = append(missing, string(part))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	names := strings.Join(missing, " ")
	if !i.look("apt-get") {
		return fmt.Errorf("missing: %s; this machine has no apt-get: install them by its own means", names)
	}
	// env, since sudo drops the environment. The two variables keep services
	// from being started: systemctl then talks to no systemd, and init scripts
	// believe in a run level that runs nothing. Neither changes the machine.
	elevate := []string{"env", "DEBIAN_FRONTEND=noninteractive", "SYSTEMD_OFFLINE=1", "RUNLEVEL=1"}
	byHand := fmt.Sprintf("apt-get update && apt-get install -y --no-install-recommends %s", names)
	if !i.root {
		byHand = "sudo sh -c '" + byHand + "'"
		if !i.look("sudo") || i.quiet(ctx, "sudo", "-n", "true") != nil {
			return fmt.Errorf("missing: %s; without root's rights or a sudo that asks no password, run this first:\n  %s", names, byHand)
		}
		elevate = append([]string{"sudo", "-n"}, elevate...)
	}
	if err := i.apt(ctx, elevate, missing); err != nil {
		return fmt.Errorf("install %s: %w\nto do it by hand:\n  %s", names, err, byHand)
	}
	for _, part := range missing {
		if !i.has(ctx, Part(part)) {
			return fmt.Errorf("install %s: apt-get is content, and it is still missing", part)
		}
	}
	i.log.Info("installed; their services are not started, and enabled for the next boot as Debian does it", "packages", names)
	return nil
}

// apt installs, with fresh lists where the packages are unknown or the ones
// that the lists name are gone.
func (i *installer) apt(ctx context.Context, elevate, packages []string) error {
	command := func(args ...string) []string {
		argv := append([]string(nil), elevate...)
		return append(append(argv, "apt-get", "-o", "DPkg::Lock::Timeout=120"), args...)
	}
	update := func() error {
		i.log.Info("refresh the package lists")
		return i.run(ctx, command("update"))
	}
	updated := false
	for _, name := range packages {
		if i.quiet(ctx, "apt-cache", "show", name) != nil {
			if err := update(); err != nil {
				return err
			}
			updated = true
			break
		}
	}
	install := command(append([]string{"install", "-y", "--no-install-recommends"}, packages...)...)
	i.log.Info("install with apt-get", "packages", strings.Join(packages, " "))
	err := i.run(ctx, install)
	if err == nil || updated || ctx.Err() != nil {
		return err
	}
	if updateErr := update(); updateErr != nil {
		return errors.Join(err, updateErr)
	}
	return i.run(ctx, install)
}

// present asks for what is used, not for a package's name: a part that was
// installed by other means serves as well.
func present(ctx context.Context, part Part) bool {
	switch part {
	case RabbitMQ:
		_, err := os.Stat(rabbitmqServer)
		return err == nil
	case ExaBGP:
		_, err := find("exabgp")
		return err == nil
	case BIRD:
		path, err := find("bird")
		if err != nil {
			return false
		}
		version, _ := exec.CommandContext(ctx, path, "--version").CombinedOutput() // version 1 is another language
		return strings.Contains(string(version), "version 2.")
	case Python:
		_, err := os.Stat(Python3)
		return err == nil
	case Tmux, Git, Curl, JQ:
		_, err := find(string(part))
		return err == nil
	case GoBGP:
		_, daemon := find("gobgpd")
		_, client := find("gobgp")
		return daemon == nil && client == nil
	case Pika:
		return exec.CommandContext(ctx, Python3, "-c", "import pika").Run() == nil
	default:
		return false
	}
}

// runApt runs apt-get and logs its steps.
func runApt(ctx context.Context, log *slog.Logger, argv []string) error {
	read, write := io.Pipe()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = write, write
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = aptGrace
	ended := make(chan error, 1)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("run %s: %w", argv[0], err)
	}
	go func() { // joined below
		err := cmd.Wait()
		_ = write.Close() // always nil for a pipe in memory
		ended <- err
	}()
	var last []string
	for lines := bufio.NewScanner(read); lines.Scan(); {
		line := lines.Text()
		last = append(last, line)
		last = last[max(0, len(last)-20):]
		log.Log(ctx, aptLevel(line), line)
	}
	_ = read.Close() // lets apt-get go on if a line was too long to scan
	if err := <-ended; err != nil {
		return fmt.Errorf("run %s: %w; it ended with:\n%s", strings.Join(argv, " "), err, strings.Join(last, "\n"))
	}
	return nil
}

// aptLevel picks the lines that tell a waiting person something.
func aptLevel(line string) slog.Level {
	for _, step := range []string{"Get:", "Unpacking ", "Setting up ", "Need to get "} {
		if strings.HasPrefix(line, step) {
			return slog.LevelInfo
		}
	}
	return slog.LevelDebug
}
