package main

import (
	"context"
	"io"
	"log/slog"
)

func bench(ctx context.Context, log *slog.Logger, out io.Writer) error { return nil }
