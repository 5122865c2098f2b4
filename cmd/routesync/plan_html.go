package main

import (
	"bufio"
	_ "embed"
	"html/template"
	"io"
)

//go:embed plan.html
var planHTML string

// Class is the kind of the rows, for the style of the page.
func (g planGroup) Class() string {
	return map[string]string{"-": "withdraw", "~": "change", "+": "announce", "!": "look"}[g.Sign]
}

// html writes the plans as a page that needs nothing else, and loads nothing.
func (p plans) html(to io.Writer) error {
	page, err := template.New("plan").Parse(planHTML)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(to)
	if err := page.Execute(out, p.page()); err != nil {
		return err
	}
	return out.Flush()
}
