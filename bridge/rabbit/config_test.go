package rabbit

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseURLs(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
		wantErr    string // "" is none
	}{
		{"one", "amqp://h", []string{"amqp://h"}, ""},
		{"nodes", "amqp://u:p@a:5672/v, amqps://b", []string{"amqp://u:p@a:5672/v", "amqps://b"}, ""},
		{"escaped", "amqp://u:sec%40ret%2Cx@h/%2f", []string{"amqp://u:sec%40ret%2Cx@h/%2f"}, ""},
		{"at in password", "amqp://u:x@y@h", []string{"amqp://u:x@y@h"}, ""}, // the last one ends it
		{"v6", "amqp://[::1]:5672", []string{"amqp://[::1]:5672"}, ""},
		{"heartbeat", "amqp://h?heartbeat=7", []string{"amqp://h?heartbeat=7"}, ""},
		{"empty", "", nil, "1 of 1: empty"},
		{"trailing comma", "amqp://h,", nil, "2 of 2: empty"},
		{"no scheme", "u:secret@h", nil, "amqp://"},
		{"other scheme", "http://u:secret@h", nil, "amqp://"},
		{"opaque", "amqp:secret", nil, "names no host"},
		{"comma in password", "amqp://u:sec,ret@h", nil, "1 of 2: not a URL"},
		{"slash in password", "amqp://u:12/secret@h", nil, "bare # or @"},
		{"question mark in password", "amqp://u:12?secret@h", nil, "bare # or @"},
		{"hash in password", "amqp://u:12#secret@h", nil, "bare # or @"},
		{"port", "amqp://h:70000", nil, "port"},
		{"no heartbeat", "amqp://h?heartbeat=0", nil, "heartbeat"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseURLs(tt.text)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("urls (-want +got):\n%s", diff)
			}
			switch {
			case tt.wantErr == "" && err != nil:
				t.Errorf("error: %v", err)
			case tt.wantErr != "" && (err == nil || !strings.Contains(err.Error(), tt.wantErr)):
				t.Errorf("error %v, want one with %q", err, tt.wantErr)
			}
			if err != nil && (strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "ret@")) {
				t.Errorf("error shows a password: %v", err)
			}
		})
	}
}

func TestRedacted(t *testing.T) {
	tests := []struct{ text, want string }{
		{"amqp://guest:secret@h:5672/v?heartbeat=7", "amqp://guest:xxxxx@h:5672/v"},
		{"amqp://u:x@y@h", "amqp://u:xxxxx@h"},
		{"amqps://h", "amqps://h"},
		{"amqp://u:12#secret@h", "(unreadable broker URL)"},
		{"u:secret@h", "(unreadable broker URL)"},
		{"", "(unreadable broker URL)"},
	}
	for _, tt := range tests {
		if got := Redacted(tt.text); got != tt.want {
			t.Errorf("Redacted(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestConfigDefaults(t *testing.T) {
	got, err := Config{URLs: []string{"amqp://h"}}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		URLs: []string{"amqp://h"}, Name: "routesync", QueueType: Quorum,
		Heartbeat: 5 * time.Second, RetryCap: 30 * time.Second, HealthyAfter: time.Minute,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := (Config{URLs: want.URLs, QueueType: "stream"}).withDefaults(); err == nil {
		t.Error("a queue type that we cannot use was taken")
	}
	if _, err := (Config{}).withDefaults(); err == nil {
		t.Error("no URL was taken")
	}
	if got := heartbeatOf("amqp://h?heartbeat=7", time.Second); got != 7*time.Second {
		t.Errorf("heartbeat of the URL: %s", got)
	}
}
