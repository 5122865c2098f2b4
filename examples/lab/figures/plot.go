package figures

import (
	"bytes"
	"fmt"
	"html"
	"io"
)

// The plot's measures, in pixels. Text is some 7 wide.
const (
	plotWidth  = 980
	plotLeft   = 470 // where the bars begin
	plotBar    = 250 // as long as the aim allows
	plotMost   = 1.3 // of the aim: longer bars are cut
	plotTop    = 64
	plotLine   = 24
	plotHeight = 14 // of a bar
)

// plotStyle has a form for dark screens too. Met and missed differ in more than
// their colour: what is missed goes over the line, and is said to be.
const plotStyle = `<style>
svg { color: #1f2328 }
.ground { fill: #ffffff }
text { font: 12px system-ui, sans-serif; fill: currentColor }
.title { font-size: 15px; font-weight: 600 }
.quiet { opacity: .7 }
.met { fill: #2a78b5 } .missed { fill: #d1571a } .unknown { fill: none; stroke: currentColor; stroke-dasharray: 3 }
.aim { stroke: currentColor; stroke-width: 1.5 } .work { stroke: currentColor; opacity: .15 }
@media (prefers-color-scheme: dark) {
  svg { color: #e6edf3 }
  .ground { fill: #0d1117 }
  .met { fill: #4aa3df } .missed { fill: #f0883e }
}
</style>
`

// Plot is an SVG image: a bar for each aim, as long as the share of it that is
// used up.
func (r *Report) Plot(out io.Writer) error {
	var bars, aims bytes.Buffer
	y := plotTop
	for _, row := range r.Rows {
		if len(row.Aims) == 0 {
			continue
		}
		fmt.Fprintf(&bars, `<line class="work" x1="12" x2="%d" y1="%d" y2="%d"/>`+"\n", plotWidth-12, y, y)
		y += plotLine
		label(&bars, 12, y-7, "", row.What)
		for _, a := range row.Aims {
			row.bar(&bars, a, y)
			y += plotLine
		}
	}
	fmt.Fprintf(&aims, `<line class="aim" x1="%d" x2="%[1]d" y1="%d" y2="%d"/>`+"\n", plotLeft+plotBar, plotTop-4, y)

	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" role="img">`+"\n", plotWidth, y+36)
	b.WriteString(plotStyle)
	b.WriteString(`<rect class="ground" width="100%" height="100%"/>` + "\n")
	label(&b, 12, 24, "title", fmt.Sprintf("routesync with %s routes: what is used of each aim", Count(r.Routes)))
	label(&b, 12, 42, "quiet", "shorter is better; the upright line is the aim, each in its own ratio or unit")
	_, _ = bars.WriteTo(&b) // into memory
	_, _ = aims.WriteTo(&b)
	label(&b, 12, y+22, "quiet", fmt.Sprintf("medians, rounds: %d, cores: %d, commit %s", r.Rounds, r.Cores, r.Commit))
	b.WriteString("</svg>\n")
	if _, err := b.WriteTo(out); err != nil {
		return fmt.Errorf("draw the figures: %w", err)
	}
	return nil
}

// bar draws an aim below y: what it is, how much of it is used, and the figures.
func (r *Row) bar(b *bytes.Buffer, a Aim, y int) {
	v := r.Judge(a)
	class, share := "met", 1.0
	switch {
	case !v.Known:
		class = "unknown"
	case !v.Met:
		class = "missed"
	}
	if v.Known {
		share = min(max(v.Got/a.Most, 0.004), plotMost)
	}
	label(b, 28, y+12, "quiet", r.bound(a))
	fmt.Fprintf(b, `<rect class="%s" x="%d" y="%d" width="%.1f" height="%d"/>`+"\n", class, plotLeft, y+1, share*plotBar, plotHeight)
	label(b, plotLeft+int(plotMost*plotBar)+10, y+12, "", r.brief(a, v))
}

func label(b *bytes.Buffer, x, y int, class, text string) {
	if class != "" {
		class = fmt.Sprintf(` class="%s"`, class)
	}
	fmt.Fprintf(b, `<text%s x="%d" y="%d">%s</text>`+"\n", class, x, y, html.EscapeString(text))
}
