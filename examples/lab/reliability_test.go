package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReliabilityPage: what the page says of tests and faults is there.
func TestReliabilityPage(t *testing.T) {
	data, err := os.ReadFile("RELIABILITY.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	tests := map[string]bool{}
	err = filepath.WalkDir("../..", func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllSubmatch(source, -1) {
			tests[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(page, -1) {
		if !tests[m[1]] {
			t.Errorf("the page names %s, which is no test", m[1])
		}
	}
	groups := map[string]bool{}
	for _, f := range faults() {
		groups[f.group] = true
		if !strings.Contains(page, "| "+f.name+" |") {
			t.Errorf("the page's table lacks the fault %q", f.name)
		}
	}
	for _, m := range regexp.MustCompile(`the faults of groups? ([^|;]+)`).FindAllStringSubmatch(page, -1) {
		for _, g := range strings.FieldsFunc(m[1], func(r rune) bool { return r == ' ' || r == ',' }) {
			if g != "and" && !groups[g] {
				t.Errorf("the page names the group %q, which there is not", g)
			}
		}
	}
}
