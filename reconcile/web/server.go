package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	// headerPatience is how long a client may take to say what it wants.
	headerPatience = 5 * time.Second
	// answerPatience is how long it may take to take the answer.
	answerPatience = 30 * time.Second
	// endPatience is how long answers that are under way may take when it ends.
	endPatience = time.Second
)

// Serve answers on l, which it closes, until ctx ends.
func Serve(ctx context.Context, l net.Listener, look func() Watch, log *slog.Logger) error {
	s := &http.Server{
		Handler: Handler(look), ReadHeaderTimeout: headerPatience, WriteTimeout: answerPatience,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }() // joined below
	select {
	case err := <-ended:
		return fmt.Errorf("serve metrics on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), endPatience)
	defer cancel()
	if err := s.Shutdown(grace); err != nil {
		_ = s.Close() // whoever is slow gets no answer
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve metrics on %s: %w", l.Addr(), err)
	}
	return nil
}

// Handler answers /metrics and /healthz with what look tells.
func Handler(look func() Watch) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{look}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		code, text := look().health()
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(code)
		_, _ = w.Write([]byte(text)) // whoever went away needs no answer
	})
	return mux
}

// health is whether the watch can work at all: it has a good file, and a session with the
// broker for each speaker. What people have to decide, such as what a guard holds, is
// said and is no failure of the watch: nothing would be better if it was started again.
func (w Watch) health() (code int, text string) {
	var b strings.Builder
	code = http.StatusOK
	fail := func(format string, args ...any) {
		code = http.StatusServiceUnavailable
		fmt.Fprintf(&b, format+"\n", args...)
	}
	if w.InForce.IsZero() {
		fail("no good file yet%s", reasons(w.Held))
	} else if len(w.Held) > 0 {
		fmt.Fprintf(&b, "the file as it is now is not in force%s\n", reasons(w.Held))
	}
	for _, s := range w.Speakers {
		all := append(append([]string{}, s.Held...), s.Guarded...)
		switch {
		case !s.Connected:
			fail("%s: no session with the broker%s", s.Name, reasons(all))
		case s.Paused:
			fmt.Fprintf(&b, "%s: paused%s\n", s.Name, reasons(all))
		case !s.Commands:
			fmt.Fprintf(&b, "%s: stands by%s\n", s.Name, reasons(all))
		case len(all) > 0:
			fmt.Fprintf(&b, "%s: held%s\n", s.Name, reasons(all))
		default:
			fmt.Fprintf(&b, "%s: %d of %d routes as the file has them\n", s.Name, s.Unchanged, s.Desired)
		}
	}
	if code == http.StatusOK {
		return code, "ok\n" + b.String()
	}
	return code, b.String()
}

func reasons(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return ": " + strings.Join(names, ", ")
}
