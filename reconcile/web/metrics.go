package web

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// collector makes the metrics of one look at the watch.
type collector struct{ look func() Watch }

// desc is a metric of a speaker, with more labels.
func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("routesync_"+name, help, append([]string{"speaker", "owner"}, labels...), nil)
}

var (
	build = prometheus.NewDesc("routesync_build_info", "Always 1; the version is a label.", []string{"version"}, nil)
	since = prometheus.NewDesc("routesync_file_in_force_timestamp_seconds",
		"When the file that is in force was put in force by this watch; 0 while it has had no good one.", nil, nil)
	fileHeld = prometheus.NewDesc("routesync_file_held", "1 for each reason why the file as it is now is not in force.", []string{"reason"}, nil)

	connected = desc("connected", "Whether there is a session with the broker.")
	commands  = desc("commands", "Whether this watch commands the speaker; otherwise it stands by.")
	paused    = desc("paused", "Whether somebody has paused the watch of this owner at the speaker.")
	held      = desc("held", "1 for each reason why the watch can not do its work at the speaker.", "reason")
	guarded   = desc("guarded", "1 for each rule of the guard that holds a plan: nothing of it is sent.", "rule")
	refusals  = desc("guard_refusals_total", "Plans that a rule of the guard has refused.", "rule")
	trial     = desc("trial_deadline_timestamp_seconds", "When what was applied is reverted, unless it is confirmed; 0 if nothing is on trial.")

	desired   = desc("routes_desired", "Routes that the file asks for now.")
	unchanged = desc("routes_unchanged", "Routes of the file that are confirmed as it has them.")
	pending   = desc("changes_pending", "Changes that are not confirmed yet, by what they do.", "change")
	published = desc("changes_published_total", "Changes that were sent to the speaker, by what they do.", "change")
	converged = desc("last_convergence_timestamp_seconds", "When the speaker came to what the file asks for, last; 0 for never.")
)

// Describe implements [prometheus.Collector].
func (c collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		build, since, fileHeld, connected, commands, paused, held, guarded, refusals, trial,
		desired, unchanged, pending, published, converged,
	} {
		to <- d
	}
}

// Collect implements [prometheus.Collector].
func (c collector) Collect(to chan<- prometheus.Metric) {
	w := c.look()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(build, 1, w.Version)
	gauge(since, unix(w.InForce))
	for _, reason := range w.Held {
		gauge(fileHeld, 1, reason)
	}
	for _, s := range w.Speakers {
		s.collect(to, gauge)
	}
}

func (s Speaker) collect(to chan<- prometheus.Metric, gauge func(d *prometheus.Desc, v float64, labels ...string)) {
	of := func(more ...string) []string { return append([]string{s.Name, s.Owner}, more...) }
	counter := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	gauge(connected, yes(s.Connected), of()...)
	gauge(commands, yes(s.Commands), of()...)
	gauge(paused, yes(s.Paused), of()...)
	gauge(trial, unix(s.Trial), of()...)
	gauge(converged, unix(s.Converged), of()...)
	for _, reason := range s.Held {
		gauge(held, 1, of(reason)...)
	}
	for _, rule := range s.Guarded {
		gauge(guarded, 1, of(rule)...)
	}
	for rule, n := range s.Refusals {
		counter(refusals, float64(n), of(rule)...)
	}
	for _, c := range s.Published.named() {
		counter(published, float64(c.n), of(c.name)...)
	}
	if !s.Known {
		return // a 0 would say that there is nothing to do
	}
	gauge(desired, float64(s.Desired), of()...)
	gauge(unchanged, float64(s.Unchanged), of()...)
	for _, c := range s.Pending.named() {
		gauge(pending, float64(c.n), of(c.name)...)
	}
}

type named struct {
	name string
	n    int
}

func (c Changes) named() []named {
	return []named{{"announce", c.Announce}, {"change", c.Change}, {"withdraw", c.Withdraw}}
}

func yes(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// unix is a time as Prometheus has it; 0 for none.
func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
