package main

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
)

// The page loads nothing, and what a speaker says is text in it.
func TestHTMLIsSelfContained(t *testing.T) {
	t.Parallel()
	p := planned(t, plannedFile)
	p.speakers[0].advertised.Refused[0].Reason = `<script>alert("x")</script><img src=//h/>`
	var page bytes.Buffer
	if err := p.html(&page); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(page.String(), "refused before: &lt;script&gt;") {
		t.Error("the reason is not there as text")
	}
	for _, bad := range []string{`<script`, `<img`, `<link`, `<[^>]*\bsrc=`, `<[^>]*\bhref=`, `url\(`, `@import`, `https?:`} {
		if found := regexp.MustCompile(bad).FindString(page.String()); found != "" {
			t.Errorf("%s is in the page", found)
		}
	}
}
