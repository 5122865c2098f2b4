package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"routesync/examples/lab/table"
)

// up leaves the demo's lab running until it is interrupted.
func up(ctx context.Context, log *slog.Logger, out io.Writer) (err error) {
	fmt.Fprintln(out, "Starting RabbitMQ, exaBGP with routesync's bridge, and BIRD as the router ...")
	s, err := openStage(ctx, log, "route 203.0.113.0/24 next-hop 192.0.2.254")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	// The guards hold here, as they do for whoever comes to try them.
	if err := s.save(strings.Replace(table.YAML(speaker, table.Sample(10, 4), ""), table.Unguarded, "", 1)); err != nil {
		return err
	}
	fmt.Fprintf(out, `
The lab runs. In another terminal:

    cd %[1]s
    export ROUTESYNC_AMQP=%[2]s ROUTESYNC_HISTORY=%[1]s/history
    %[3]s plan
    %[3]s apply
    %[3]s watch &
    $EDITOR routes.yaml
    %[3]s status
    %[3]s console --speaker %[6]s
    %[3]s events
    birdc -s %[4]s show route

The bridge logs to %[5]s.
Press ^C to stop everything.
`, s.dir, s.broker.URL, s.binary, s.router.Socket(), s.speaker.Log(), speaker)
	<-ctx.Done()
	return nil
}
