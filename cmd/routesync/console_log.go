package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
)

// logLines is a log for a prompt: each record becomes a line that is printed
// above what is being typed.
type logLines struct {
	level slog.Level
	print func(string)
	attrs string
}

func (h logLines) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level }

func (h logLines) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(r.Message)
	b.WriteString(h.attrs)
	r.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&b, " %s=%v", a.Key, a.Value)
		return true
	})
	h.print(b.String())
	return nil
}

func (h logLines) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		h.attrs += fmt.Sprintf(" %s=%v", a.Key, a.Value)
	}
	return h
}

// WithGroup leaves groups out: nothing here uses them.
func (h logLines) WithGroup(string) slog.Handler { return h }
