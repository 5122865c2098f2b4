package rig

import (
	"context"

	"routesync/examples/lab/amqpproxy"
)

// Proxy puts a proxy before the broker, until the Lab is closed.
func (b *Broker) Proxy(ctx context.Context, l *Lab) (*amqpproxy.Proxy, error) {
	p, err := amqpproxy.Listen(ctx, b.URL)
	if err != nil {
		return nil, err
	}
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- p.Run(life) }()
	err = l.closesToo(func() error {
		stop()
		return <-done
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}
