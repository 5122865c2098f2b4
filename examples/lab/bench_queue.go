package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"routesync/examples/lab/rig"
)

// listening counts the messages that are published at the broker, to any exchange.
type listening struct {
	bench    *bench
	firehose *rig.Program
}

// passed is what was published.
type passed struct {
	messages, largest int
	of                map[string]int // by the type that a message says it has
}

// kinds are the types of the messages, with how many there were.
func (p passed) kinds() string {
	if p.messages == 0 {
		return "no message"
	}
	var all []string
	for _, kind := range slices.Sorted(maps.Keys(p.of)) {
		all = append(all, fmt.Sprintf("%d %s", p.of[kind], kind))
	}
	return strings.Join(all, ", ")
}

func (b *bench) listen(ctx context.Context) (_ *listening, err error) {
	if _, err := b.broker.Ctl(ctx, "trace_on"); err != nil {
		return nil, err
	}
	l := &listening{bench: b}
	b.firehoses++
	name := fmt.Sprintf("firehose-%d", b.firehoses)
	if l.firehose, err = b.lab.Program(ctx, name, b.lab.Dir(), nil, rig.Python3, filepath.Join(b.sources, "firehose.py"), b.broker.URL); err != nil {
		return nil, err
	}
	if err := l.firehose.WaitWrote(ctx, "listening"); err != nil {
		return nil, errors.Join(err, l.firehose.Kill(ctx))
	}
	return l, nil
}

// stop ends it, and says what has passed.
func (l *listening) stop(ctx context.Context) (passed, error) {
	err := l.firehose.Kill(ctx)
	_, err2 := l.bench.broker.Ctl(ctx, "trace_off")
	said, err3 := l.firehose.Wrote()
	p := passed{of: make(map[string]int)}
	for line := range strings.Lines(said) {
		var kind string
		var size int
		if _, err := fmt.Sscanf(line, "message %s %d", &kind, &size); err != nil {
			continue
		}
		p.messages++
		p.largest = max(p.largest, size)
		p.of[kind]++
	}
	return p, errors.Join(err, err2, err3)
}
